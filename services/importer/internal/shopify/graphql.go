package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// apiVersion is the version of the APIs. A version that is retired is answered by the oldest
// that is not.
const apiVersion = "2026-10"

// firstPage is how many products are asked for at first.
const firstPage = 20

// GraphQL reads the products of a shop by one of its GraphQL APIs.
type GraphQL struct {
	client *Client
	path   string
	header map[string]string
	query  string
	since  time.Time
}

// NewAdmin returns a reader by the Admin API. token is an app's, with the scopes
// read_products and read_inventory. With a since that is not zero it gives only what was
// changed since then.
func NewAdmin(client *Client, token string, since time.Time) *GraphQL {
	return &GraphQL{
		client: client.withToken(), path: "/admin/api/" + apiVersion + "/graphql.json", query: adminQuery, since: since,
		header: map[string]string{"X-Shopify-Access-Token": token},
	}
}

// NewStorefront returns a reader by the Storefront API. token is a public one.
func NewStorefront(client *Client, token string, since time.Time) *GraphQL {
	return &GraphQL{
		client: client.withToken(), path: "/api/" + apiVersion + "/graphql.json", query: storefrontQuery, since: since,
		header: map[string]string{"X-Shopify-Storefront-Access-Token": token},
	}
}

// Read implements listing.Reader.
func (g *GraphQL) Read(ctx context.Context, yield func(listing.Product) error) error {
	size, cursor := firstPage, ""
	for {
		variables := map[string]any{"first": size}
		if cursor != "" {
			variables["after"] = cursor
		}
		if !g.since.IsZero() {
			variables["query"] = "updated_at:>='" + g.since.UTC().Format(time.RFC3339) + "'"
		}
		page, err := g.page(ctx, variables)
		if errors.Is(err, errTooCostly) && size > 1 {
			size /= 2
			continue
		}
		if err != nil {
			return err
		}
		for i := range page.Data.Products.Nodes {
			p := page.Data.Products.Nodes[i].listing(page.Data.Shop.CurrencyCode)
			if err := yield(p); err != nil {
				return err
			}
		}
		info := page.Data.Products.PageInfo
		if !info.HasNextPage {
			return nil
		}
		if info.EndCursor == "" || info.EndCursor == cursor {
			return fmt.Errorf("%w: the pages do not go on", ErrRefused)
		}
		cursor = info.EndCursor
		if err := g.client.pause(ctx, page.Extensions.Cost.refill()); err != nil {
			return err
		}
	}
}

// answer is an answer of GraphQL.
type answer struct {
	Data struct {
		Shop struct {
			CurrencyCode string `json:"currencyCode"`
		} `json:"shop"`
		Products *connection `json:"products"`
	} `json:"data"`
	Errors     graphErrors `json:"errors"`
	Extensions struct {
		Cost cost `json:"cost"`
	} `json:"extensions"`
}

type connection struct {
	Nodes    []node   `json:"nodes"`
	PageInfo pageInfo `json:"pageInfo"`
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// cost is what a query takes of the rate limit's bucket. The Storefront API tells none.
type cost struct {
	Requested float64 `json:"requestedQueryCost"`
	Throttle  struct {
		Maximum float64 `json:"maximumAvailable"`
		Current float64 `json:"currentlyAvailable"`
		Restore float64 `json:"restoreRate"`
	} `json:"throttleStatus"`
}

// refill is the time until the bucket has what the query costs.
func (c cost) refill() time.Duration {
	missing := min(c.Requested, c.Throttle.Maximum) - c.Throttle.Current
	if missing <= 0 || c.Throttle.Restore <= 0 {
		return 0
	}
	return time.Duration(missing / c.Throttle.Restore * float64(time.Second))
}

// graphErrors is the list of errors; where the whole request is refused it is one text.
type graphErrors []graphError

type graphError struct {
	Message    string `json:"message"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

// UnmarshalJSON reads a list or a text.
func (e *graphErrors) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*e = graphErrors{{Message: text}}
		return nil
	}
	return json.Unmarshal(b, (*[]graphError)(e))
}

var (
	errThrottled = errors.New("throttled")
	errTooCostly = fmt.Errorf("%w: the query costs more than is ever allowed", ErrRefused)
)

func (e graphErrors) err() error {
	if len(e) == 0 {
		return nil
	}
	for _, one := range e {
		switch {
		case one.Extensions.Code == "THROTTLED", strings.EqualFold(one.Message, "Throttled"):
			return errThrottled
		case one.Extensions.Code == "MAX_COST_EXCEEDED":
			return errTooCostly
		}
	}
	return fmt.Errorf("%w: %.200s", ErrRefused, e[0].Message)
}

// page asks for one page.
func (g *GraphQL) page(ctx context.Context, variables map[string]any) (*answer, error) {
	var page answer
	err := g.client.try(ctx, func() (time.Duration, error) {
		page = answer{}
		res, err := g.client.http.R().SetContext(ctx).SetHeaders(g.header).
			SetBody(map[string]any{"query": g.query, "variables": variables}).Post(g.path)
		if err != nil {
			return 0, err
		}
		if after, err := decode(res, &page); err != nil {
			return after, err
		}
		if err := page.Errors.err(); err != nil {
			return page.Extensions.Cost.refill(), err
		}
		if page.Data.Products == nil {
			return 0, fmt.Errorf("%w: the answer has no products", ErrRefused)
		}
		return 0, nil
	})
	return &page, err
}
