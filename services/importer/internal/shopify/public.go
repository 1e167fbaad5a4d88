package shopify

import (
	"context"
	"fmt"
	"strconv"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// Public reads the products.json of a shop's online store.
type Public struct{ client *Client }

// NewPublic returns a reader of the shop's public products.
func NewPublic(client *Client) *Public { return &Public{client: client} }

const (
	publicPage = 250 // the most that Shopify gives
	maxPages   = 2000
)

// Read implements listing.Reader. The pages are by numbers, so a product that is added
// meanwhile makes another one come twice: it is given once.
func (p *Public) Read(ctx context.Context, yield func(listing.Product) error) error {
	seen := map[int64]bool{}
	for page := 1; page <= maxPages; page++ {
		var answer struct {
			Products []Product `json:"products"`
		}
		query := map[string]string{"limit": strconv.Itoa(publicPage), "page": strconv.Itoa(page)}
		if err := p.client.get(ctx, "/products.json", query, &answer); err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		if len(answer.Products) == 0 {
			return nil
		}
		for i := range answer.Products {
			product := &answer.Products[i]
			if seen[product.ID] {
				continue
			}
			seen[product.ID] = true
			if err := yield(product.Listing()); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("has more than %d pages", maxPages)
}
