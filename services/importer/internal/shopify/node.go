package shopify

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// What is asked for of a product: at most the variants, pictures and collections that a
// product of the catalogue may have.
const (
	adminQuery = `query ($first: Int!, $after: String, $query: String) {
  shop { currencyCode }
  products(first: $first, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id handle title descriptionHtml vendor productType tags status publishedAt createdAt updatedAt
      category { fullName }
      options { name }
      media(first: 30) { nodes { ... on MediaImage { image { url altText width height } } } }
      collections(first: 10) { nodes { title } }
      variants(first: 100) {
        pageInfo { hasNextPage }
        nodes {
          id sku barcode price compareAtPrice inventoryQuantity inventoryPolicy
          inventoryItem { id tracked }
          selectedOptions { value }
          image { url }
        }
      }
    }
  }
}`
	storefrontQuery = `query ($first: Int!, $after: String, $query: String) {
  products(first: $first, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id handle title descriptionHtml vendor productType tags createdAt updatedAt
      options { name }
      images(first: 30) { nodes { url altText width height } }
      collections(first: 10) { nodes { title } }
      variants(first: 100) {
        pageInfo { hasNextPage }
        nodes {
          id sku barcode availableForSale currentlyNotInStock
          price { amount currencyCode }
          compareAtPrice { amount currencyCode }
          selectedOptions { value }
          image { url }
        }
      }
    }
  }
}`
)

// node is a product of either API.
type node struct {
	ID              string     `json:"id"`
	Handle          string     `json:"handle"`
	Title           string     `json:"title"`
	DescriptionHTML string     `json:"descriptionHtml"`
	Vendor          string     `json:"vendor"`
	ProductType     string     `json:"productType"`
	Tags            []string   `json:"tags"`
	Status          string     `json:"status"`
	PublishedAt     *time.Time `json:"publishedAt"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
	Category        *struct {
		FullName string `json:"fullName"`
	} `json:"category"`
	Options []struct {
		Name string `json:"name"`
	} `json:"options"`
	Images struct {
		Nodes []picture `json:"nodes"`
	} `json:"images"`
	Media struct {
		Nodes []struct {
			Image *picture `json:"image"`
		} `json:"nodes"`
	} `json:"media"`
	Collections struct {
		Nodes []struct {
			Title string `json:"title"`
		} `json:"nodes"`
	} `json:"collections"`
	Variants struct {
		Nodes    []variantNode `json:"nodes"`
		PageInfo pageInfo      `json:"pageInfo"`
	} `json:"variants"`
}

type picture struct {
	URL     string `json:"url"`
	AltText string `json:"altText"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

type variantNode struct {
	ID                  string `json:"id"`
	SKU                 string `json:"sku"`
	Barcode             string `json:"barcode"`
	Price               price  `json:"price"`
	CompareAtPrice      price  `json:"compareAtPrice"`
	AvailableForSale    *bool  `json:"availableForSale"`
	CurrentlyNotInStock bool   `json:"currentlyNotInStock"`
	InventoryQuantity   *int   `json:"inventoryQuantity"`
	InventoryPolicy     string `json:"inventoryPolicy"`
	InventoryItem       *struct {
		ID      string `json:"id"`
		Tracked bool   `json:"tracked"`
	} `json:"inventoryItem"`
	SelectedOptions []struct {
		Value string `json:"value"`
	} `json:"selectedOptions"`
	Image *picture `json:"image"`
}

// listing is the product as a listing. currency is the shop's, or "" where each price has
// its own.
func (n *node) listing(currency string) listing.Product {
	l := listing.Product{
		Handle: n.Handle, ExternalID: number(n.ID), Title: n.Title, HTML: n.DescriptionHTML, Vendor: n.Vendor, Type: n.ProductType,
		Tags: n.Tags, Hidden: hidden(n.Status, n.PublishedAt != nil), AddedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt,
	}
	for _, c := range n.Collections.Nodes {
		l.Categories = append(l.Categories, c.Title)
	}
	if n.ProductType != "" {
		l.Categories = append(l.Categories, n.ProductType)
	}
	if n.Category != nil {
		l.Categories = append(l.Categories, n.Category.FullName)
	}
	pictures := n.Images.Nodes
	for _, m := range n.Media.Nodes {
		if m.Image != nil {
			pictures = append(pictures, *m.Image)
		}
	}
	for _, p := range pictures {
		l.Images = append(l.Images, listing.Image{URL: p.URL, Alt: p.AltText, Width: p.Width, Height: p.Height})
	}
	for _, o := range n.Options {
		l.Options = append(l.Options, o.Name)
	}
	if noOptions(l.Options, len(n.Variants.Nodes)) {
		l.Options = nil
	}
	for i := range n.Variants.Nodes {
		l.Variants = append(l.Variants, n.Variants.Nodes[i].listing(currency, len(l.Options)))
	}
	if n.Variants.PageInfo.HasNextPage {
		l.Fault = "has more than 100 variants"
	}
	return l
}

func (v *variantNode) listing(currency string, options int) listing.Variant {
	l := listing.Variant{
		ExternalID: number(v.ID), SKU: v.SKU, Barcode: v.Barcode, Price: v.Price.in(currency), CompareAt: v.CompareAtPrice.in(currency),
		Backorder: v.InventoryPolicy == "CONTINUE" || v.CurrentlyNotInStock && v.AvailableForSale != nil && *v.AvailableForSale,
	}
	for _, o := range v.SelectedOptions[:min(options, len(v.SelectedOptions))] {
		l.Values = append(l.Values, o.Value)
	}
	switch item := v.InventoryItem; {
	case item != nil:
		l.InventoryID = number(item.ID)
		if item.Tracked {
			l.Stock = v.InventoryQuantity
		}
	case v.AvailableForSale != nil:
		l.SoldOut = !*v.AvailableForSale
	}
	if v.Image != nil {
		l.Image = v.Image.URL
	}
	return l
}

// price is a decimal text, or an amount with its currency.
type price struct{ amount, currency string }

// UnmarshalJSON reads either, and null.
func (p *price) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &p.amount) == nil {
		return nil
	}
	var money struct {
		Amount       string `json:"amount"`
		CurrencyCode string `json:"currencyCode"`
	}
	err := json.Unmarshal(b, &money)
	p.amount, p.currency = money.Amount, money.CurrencyCode
	return err
}

func (p price) in(currency string) string {
	if p.currency != "" {
		currency = p.currency
	}
	if p.amount == "" {
		return ""
	}
	return strings.TrimSpace(p.amount + " " + currency)
}

// number is the number of a global id, gid://shopify/Product/123.
func number(gid string) string { return gid[strings.LastIndexByte(gid, '/')+1:] }
