package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
)

// NewShop is how a shop's document is made.
type NewShop struct {
	// Name is the shop's. Currency is of ISO 4217, Locale of BCP 47 and English.
	Name, Currency, Locale string
	// Checkout is the address where carts are paid, or "": that of the shop at Shopify or
	// WooCommerce if the source is of these, else a template.
	Checkout string
}

// ErrNoShop: the shop has no document, and the flags do not say how to make one.
var ErrNoShop = errors.New("the shop is not in the bucket STORES: -name and -currency make it")

// shop is the shop that is imported to.
type shop struct {
	kv       jetstream.KeyValue
	slug     string
	currency string
	new      NewShop
	known    *catalogue.Shop // nil: it is made at the end
	// names and sizes are those of the products' collections.
	names map[string]string
	sizes map[string]int
}

// openShop finds the shop's document.
func openShop(ctx context.Context, js jetstream.JetStream, o *Options) (*shop, error) {
	kv, err := js.KeyValue(ctx, wandnats.BucketStores)
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", wandnats.BucketStores, err)
	}
	s := &shop{kv: kv, slug: o.Shop, new: o.New, names: map[string]string{}, sizes: map[string]int{}}
	entry, err := kv.Get(ctx, o.Shop)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		if o.New.Name == "" || o.New.Currency == "" {
			return nil, ErrNoShop
		}
		s.currency = o.New.Currency
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", wandnats.BucketStores, err)
	}
	if s.known, err = catalogue.ReadShop(wandnats.BucketStores+"/"+o.Shop, o.Shop, entry.Value()); err != nil {
		return nil, err
	}
	s.currency = s.known.Currency
	if o.New.Currency != "" && o.New.Currency != s.currency {
		return nil, fmt.Errorf("the shop's currency is %s, not %s", s.currency, o.New.Currency)
	}
	return s, nil
}

func (s *shop) count(collections []catalogue.Collection) {
	for _, c := range collections {
		if s.sizes[c.ID]++; s.names[c.ID] == "" {
			s.names[c.ID] = strings.Clone(c.Name)
		}
	}
}

// finish makes the shop's document if there is none, and otherwise tells which collections
// it lacks.
func (s *shop) finish(ctx context.Context, summary *Summary, dryRun bool) error {
	if s.known != nil {
		for id := range s.sizes {
			if _, ok := s.known.Collection(id); !ok && id != mapping.OtherCollection {
				summary.Lacking = append(summary.Lacking, id)
			}
		}
		slices.Sort(summary.Lacking)
		return nil
	}
	if len(s.sizes) == 0 {
		return nil // without a product there is no shop
	}
	document, err := json.Marshal(s.document(summary.Format))
	if err != nil {
		return err
	}
	if _, err := catalogue.ReadShop("the shop", s.slug, document); err != nil {
		return err
	}
	if dryRun {
		return nil
	}
	if _, err := s.kv.Create(ctx, s.slug, document); err != nil && !wandnats.IsConflict(err) {
		return fmt.Errorf("write to %s: %w", wandnats.BucketStores, err)
	}
	summary.ShopMade = true
	return nil
}

// document is a shop's document with what can be told of a shop by its products. It is
// plain on purpose: what a brand says of itself is for the merchant to write.
func (s *shop) document(format string) *catalogue.Shop {
	bySize := slices.SortedFunc(maps.Keys(s.sizes), func(a, b string) int {
		return cmp.Or(s.sizes[b]-s.sizes[a], cmp.Compare(a, b))
	})
	bySize = bySize[:min(len(bySize), catalogue.MaxCollections)]
	collections := make([]catalogue.Collection, 0, len(bySize))
	for _, id := range bySize {
		name := s.names[id]
		if id == mapping.OtherCollection && name == "" {
			name = "Everything else"
			if len(bySize) == 1 {
				name = "All products"
			}
		}
		blurb := "Everything in " + name
		if len([]rune(blurb)) > catalogue.MaxHeadline {
			blurb = name
		}
		collections = append(collections, catalogue.Collection{ID: id, Name: name, Blurb: blurb})
	}
	about := "Everything that " + s.new.Name + " sells, in one place."
	checkout := catalogue.CheckoutTemplate
	switch {
	case s.new.Checkout == "" || strings.Contains(s.new.Checkout, "{items}"):
	case format == formatWoo:
		checkout = catalogue.CheckoutWooCommerce
	case format != formatGoogle:
		checkout = catalogue.CheckoutShopify
	}
	return &catalogue.Shop{
		Slug: s.slug, Name: s.new.Name, Tagline: "Welcome to " + s.new.Name, About: about,
		Currency: s.currency, Locale: cmp.Or(s.new.Locale, "en"), Checkout: checkout, CheckoutURL: s.new.Checkout,
		Noun:        catalogue.Noun{One: "product", Many: "products"},
		Theme:       catalogue.Theme{Palette: "porcelain", Typeface: "modern", Density: "regular", Corner: "soft", Motion: "gentle"},
		Collections: collections,
		Assurances:  []catalogue.Item{}, FAQ: []catalogue.Item{}, Quotes: []catalogue.Quote{},
		Story: catalogue.Passage{Headline: "About " + s.new.Name, Body: about},
		Guide: catalogue.Guide{Headline: "How to choose", Items: []catalogue.Item{}},
	}
}
