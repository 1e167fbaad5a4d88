package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// shop is a shop that answers as Shopify's documents say. Its bucket of costs is refilled
// by the pauses of the client.
type shop struct {
	products int
	updated  string // the updated_at filter that came
	page     int    // how many products a query may ask for
	bucket   float64
	pauses   []time.Duration
	fail     func(w http.ResponseWriter, request int) bool
	requests int
}

const (
	bucketSize   = 1000.0
	bucketRefill = 50.0
	productCost  = 40.0
)

func (s *shop) start(t *testing.T) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products.json", func(w http.ResponseWriter, r *http.Request) {
		if s.requests++; s.fail != nil && s.fail(w, s.requests) {
			return
		}
		var limit, page int
		_, _ = fmt.Sscan(r.FormValue("limit")+" "+r.FormValue("page"), &limit, &page)
		all := []map[string]any{}
		for n := (page - 1) * limit; n < min(page*limit, s.products); n++ {
			all = append(all, map[string]any{"id": n + 1, "handle": fmt.Sprint("p", n), "title": "P", "variants": []any{map[string]any{"price": "1.00", "available": true}}})
		}
		reply(w, map[string]any{"products": all})
	})
	mux.HandleFunc("POST /admin/api/"+apiVersion+"/graphql.json", s.graphql("X-Shopify-Access-Token"))
	mux.HandleFunc("POST /api/"+apiVersion+"/graphql.json", s.graphql("X-Shopify-Storefront-Access-Token"))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := NewClient(server.URL)
	c.pause = func(ctx context.Context, d time.Duration) error {
		s.pauses = append(s.pauses, d)
		s.bucket = min(bucketSize, s.bucket+d.Seconds()*bucketRefill)
		return ctx.Err()
	}
	s.bucket = bucketSize
	return c
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // what a test answers can be encoded
}

func (s *shop) graphql(tokenHeader string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.requests++; s.fail != nil && s.fail(w, s.requests) {
			return
		}
		if r.Header.Get(tokenHeader) != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			reply(w, map[string]any{"errors": "[API] Invalid API key or access token"})
			return
		}
		var q struct {
			Variables struct {
				First int
				After string
				Query string
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&q)
		s.updated = q.Variables.Query
		cost := productCost * float64(q.Variables.First)
		costs := map[string]any{"requestedQueryCost": cost, "throttleStatus": map[string]any{"maximumAvailable": bucketSize, "currentlyAvailable": s.bucket, "restoreRate": bucketRefill}}
		fail := func(code string) {
			reply(w, map[string]any{"errors": []any{map[string]any{"message": code, "extensions": map[string]any{"code": code}}}, "extensions": map[string]any{"cost": costs}})
		}
		switch {
		case q.Variables.First > s.page:
			fail("MAX_COST_EXCEEDED")
			return
		case cost > s.bucket:
			fail("THROTTLED")
			return
		}
		s.bucket -= cost
		begin := 0
		_, _ = fmt.Sscanf(q.Variables.After, "cursor-%d", &begin)
		end := min(begin+q.Variables.First, s.products)
		nodes := []any{}
		for n := begin; n < end; n++ {
			nodes = append(nodes, s.node(n, tokenHeader == "X-Shopify-Access-Token"))
		}
		reply(w, map[string]any{"extensions": map[string]any{"cost": costs}, "data": map[string]any{
			"shop":     map[string]any{"currencyCode": "EUR"},
			"products": map[string]any{"nodes": nodes, "pageInfo": map[string]any{"hasNextPage": end < s.products, "endCursor": fmt.Sprint("cursor-", end)}},
		}})
	}
}

func (s *shop) node(n int, admin bool) map[string]any {
	variant := map[string]any{"id": "gid://shopify/ProductVariant/77", "sku": "S", "selectedOptions": []any{map[string]any{"value": "Blue"}}}
	product := map[string]any{
		"id": fmt.Sprintf("gid://shopify/Product/%d", n+1), "handle": fmt.Sprint("p", n), "title": "P", "options": []any{map[string]any{"name": "Colour"}},
		"updatedAt": "2026-11-01T10:00:00Z", "createdAt": "2026-01-01T10:00:00Z", "variants": map[string]any{"nodes": []any{variant}},
	}
	picture := map[string]any{"url": "https://img.example.com/p.jpg", "altText": "P", "width": 3, "height": 4}
	if admin {
		variant["price"], variant["compareAtPrice"], variant["inventoryQuantity"], variant["inventoryPolicy"] = "12.00", nil, 5, "CONTINUE"
		variant["inventoryItem"] = map[string]any{"id": "gid://shopify/InventoryItem/88", "tracked": true}
		product["status"], product["publishedAt"] = "ACTIVE", "2026-01-01T10:00:00Z"
		product["media"] = map[string]any{"nodes": []any{map[string]any{"image": picture}, map[string]any{}}}
	} else {
		variant["price"] = map[string]any{"amount": "12.0", "currencyCode": "EUR"}
		variant["availableForSale"] = false
		product["images"] = map[string]any{"nodes": []any{picture}}
	}
	return product
}

func read(t *testing.T, r listing.Reader) (all []listing.Product, err error) {
	t.Helper()
	err = r.Read(t.Context(), func(p listing.Product) error {
		all = append(all, p)
		return nil
	})
	return all, err
}

func TestAPIs(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, reader := range map[string]func(*Client) listing.Reader{
		"public":     func(c *Client) listing.Reader { return NewPublic(c) },
		"storefront": func(c *Client) listing.Reader { return NewStorefront(c, "secret", since) },
		"admin":      func(c *Client) listing.Reader { return NewAdmin(c, "secret", since) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shop{products: 523, page: 10}
			all, err := read(t, reader(s.start(t)))
			if err != nil || len(all) != s.products {
				t.Fatalf("%d products, %v", len(all), err)
			}
			for n, p := range all {
				if p.Handle != fmt.Sprint("p", n) || p.ExternalID != strconv.Itoa(n+1) || len(p.Variants) != 1 {
					t.Fatalf("product %d is %+v", n, p)
				}
			}
			if name == "public" {
				return
			}
			if want := "updated_at:>='2026-11-01T00:00:00Z'"; s.updated != want {
				t.Errorf("the filter is %q, want %q", s.updated, want)
			}
			v := all[0].Variants[0]
			if v.ExternalID != "77" || v.Values[0] != "Blue" || !strings.HasSuffix(v.Price, " EUR") || len(all[0].Images) != 1 {
				t.Errorf("got %+v", all[0])
			}
			if admin := name == "admin"; admin != (v.Stock != nil && *v.Stock == 5 && v.InventoryID == "88" && v.Backorder) || admin == v.SoldOut {
				t.Errorf("the stock is %+v", v)
			}
			if len(s.pauses) < 50 {
				t.Errorf("%d pauses for a bucket that holds two pages", len(s.pauses))
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) func(http.ResponseWriter, int) bool {
		return func(w http.ResponseWriter, _ int) bool {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	once := func(fail func(http.ResponseWriter, int) bool) func(http.ResponseWriter, int) bool {
		return func(w http.ResponseWriter, n int) bool { return n == 2 && fail(w, n) }
	}
	short := func(w http.ResponseWriter, _ int) bool {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"products":[`))
		return true
	}
	for name, tt := range map[string]struct {
		fail     func(http.ResponseWriter, int) bool
		token    string
		whole    bool
		requests int
	}{
		"busy once":                {once(status(429, "Retry-After", "2.0")), "secret", true, 0},
		"throttled once":           {once(status(430)), "secret", true, 0},
		"broken once":              {once(status(502)), "secret", true, 0},
		"an answer cut once":       {once(short), "secret", true, 0},
		"broken for good":          {status(500), "secret", false, tries},
		"answers cut for good":     {short, "secret", false, tries},
		"forbidden":                {status(403), "secret", false, 1},
		"a wrong token":            {nil, "wrong", false, 1},
		"another address":          {status(302, "Location", "https://elsewhere.example.com/"), "secret", false, 1},
		"an answer that is a page": {func(w http.ResponseWriter, _ int) bool { _, _ = w.Write([]byte("<html>")); return true }, "secret", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shop{products: 25, page: 10, fail: tt.fail}
			all, err := read(t, NewAdmin(s.start(t), tt.token, time.Time{}))
			if (err == nil) != tt.whole || tt.whole && len(all) != s.products || tt.requests > 0 && s.requests != tt.requests {
				t.Errorf("%d products after %d requests: %v", len(all), s.requests, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
	s := &shop{products: 600, fail: func(w http.ResponseWriter, n int) bool { return n > 2 && status(500)(w, n) }}
	all, err := read(t, NewPublic(s.start(t)))
	if err == nil || len(all) != 500 || errors.Is(err, ErrRefused) {
		t.Errorf("paging that fails midway: %d products, %v", len(all), err)
	}
}
