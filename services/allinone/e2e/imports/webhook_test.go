package imports_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/importer"
)

const (
	secret = "a secret of the shop's app"
	domain = "linen.myshopify.com"
)

// service is an importer that takes webhooks for the shop linen.
type service struct {
	*bus

	base   string
	signer *buyer.Signer
}

func startService(t *testing.T) *service {
	t.Helper()
	b := newBus(t)
	stores, err := b.js.KeyValue(t.Context(), wandnats.BucketStores)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stores.PutString(t.Context(), "linen", `{"slug":"linen","currency":"EUR"}`); err != nil {
		t.Fatal(err)
	}
	return serve(t, b)
}

// serve starts one on the bus.
func serve(t testing.TB, b *bus) *service {
	t.Helper()
	orders := buyer.Config{Keys: base64.StdEncoding.EncodeToString([]byte(strings.Repeat("o", 32)))}
	signer, err := orders.Signer()
	if err != nil {
		t.Fatal(err)
	}
	cfg := importer.Config{NATS: wandnats.Config{URL: b.url}, Addr: freeport.Addr(t), Orders: orders, Patience: world.Patient}
	cfg.Keys.Shopify, cfg.Keys.WooCommerce = "linen:"+domain+":"+secret, "linen:"+secret
	s := &service{bus: b, base: "http://" + cfg.Addr, signer: signer}
	world.Background(t, "importer", func(ctx context.Context) error {
		return importer.Run(ctx, cfg, slog.New(slog.DiscardHandler))
	})
	(&world.Process{Base: s.base}).Healthy(t)
	return s
}

func sign(body string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// shopify sends a webhook and returns the status.
func (s *service) shopify(t testing.TB, topic, body string, headers ...string) int {
	t.Helper()
	all := append([]string{
		"X-Shopify-Topic", topic, "X-Shopify-Shop-Domain", domain, "X-Shopify-Hmac-Sha256", sign(body), "Content-Type", "application/json",
	}, headers...)
	return world.Post(t, s.base+"/webhook/shopify", body, all...).Status
}

func (s *service) woo(t *testing.T, topic, body string) int {
	t.Helper()
	return world.Post(t, s.base+"/webhook/woocommerce/linen", body, "X-WC-Webhook-Topic", topic, "X-WC-Webhook-Signature", sign(body), "Content-Type", "application/json").Status
}

func (s *service) takes(t *testing.T, topic, body string) {
	t.Helper()
	if status := s.shopify(t, topic, body); status != 202 {
		t.Errorf("%s %s is answered by %d", topic, body, status)
	}
}

// lately is the hour that the webhooks are of.
var lately = time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)

func at(minute int) string {
	return lately.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339)
}

// apron is a product of Shopify as it was changed at a minute.
func apron(minute int, price string, stock int) string {
	return fmt.Sprintf(`{"id":1,"handle":"apron","title":"Apron","status":"active","published_at":"2026-01-01T00:00:00Z","updated_at":%q,"tags":"a, b",
		"options":[{"name":"Size","position":1}],"images":[],"variants":[
		{"id":11,"option1":"S","price":%q,"inventory_management":"shopify","inventory_quantity":%d,"inventory_item_id":111},
		{"id":12,"option1":"L","price":"60.00","inventory_management":null,"inventory_item_id":112}]}`, at(minute), price, stock)
}

func (s *service) apron(t *testing.T) *catalogue.Product {
	t.Helper()
	return s.products(t, "linen")["apron"]
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	s := startService(t)
	body := apron(1, "50.00", 5)
	for name, tt := range map[string]struct {
		status  int
		headers []string
		body    string
	}{
		"forged":                {401, []string{"X-Shopify-Hmac-Sha256", sign("another body")}, body},
		"not signed":            {401, []string{"X-Shopify-Hmac-Sha256", ""}, body},
		"of an unknown shop":    {401, []string{"X-Shopify-Shop-Domain", "wool.myshopify.com"}, body},
		"encoded":               {415, []string{"Content-Encoding", "gzip"}, body},
		"not JSON":              {400, nil, "{"},
		"not a product":         {400, nil, `{"id":1}`},
		"a product as removal":  {400, []string{"X-Shopify-Topic", "products/delete"}, body},
		"a product as an order": {400, []string{"X-Shopify-Topic", "orders/create"}, body},
	} {
		if status := s.shopify(t, "products/update", tt.body, tt.headers...); status != tt.status {
			t.Errorf("%s: %d, want %d", name, status, tt.status)
		}
	}
	// What says that it is too large is refused before it comes.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(conn, "POST /webhook/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
	if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(answer, " 413 ") {
		t.Errorf("a large one is answered by %q, %v", answer, err)
	}
	if s.shopify(t, "shop/update", `{}`) != 202 {
		t.Error("a topic that is of no use is refused, and would be sent again and again")
	}
	if world.Post(t, s.base+"/webhook/woocommerce/linen", "webhook_id=7").Status != 200 {
		t.Error("the ping of WooCommerce is refused, and its webhook is not made")
	}
	if status := world.Post(t, s.base+"/webhook/woocommerce/linen", `{"id":1}`, "X-WC-Webhook-Topic", "product.deleted", "X-WC-Webhook-Signature", sign("x")).Status; status != 401 {
		t.Errorf("a forged webhook of WooCommerce: %d", status)
	}
	if all := s.products(t, "linen"); len(all) > 0 {
		t.Errorf("something was written: %v", all)
	}
	refusals := attribute.NewSet(
		semconv.HTTPRequestMethodKey.String("POST"), semconv.HTTPRoute("/webhook/shopify"), semconv.HTTPResponseStatusCode(401),
	)
	eventually.True(t, "refusals are measured", func() bool { return measured(t, refusals) })
}

// measured reports whether requests with the attributes were measured.
func measured(t *testing.T, want attribute.Set) bool {
	t.Helper()
	var data metricdata.ResourceMetrics
	// A parallel test may have stopped its NATS, which fails its gauges.
	if err := world.Measured.Collect(t.Context(), &data); err != nil {
		t.Log(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if h, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == telemetry.HTTPRequestDuration.Name {
				for _, p := range h.DataPoints {
					if p.Attributes.Equals(&want) {
						return true
					}
				}
			}
		}
	}
	return false
}

func TestProductsInAnyOrder(t *testing.T) {
	t.Parallel()
	s := startService(t)
	s.takes(t, "products/create", apron(1, "50.00", 5))
	s.takes(t, "products/update", apron(5, "45.00", 5))
	for range 2 { // late, and repeated
		s.takes(t, "products/update", apron(3, "47.00", 9))
		s.takes(t, "products/create", apron(1, "50.00", 5))
	}
	if v := s.apron(t).Variants[0]; v.PriceCents != 4500 || v.ID != "s" || v.Origin.ID != "11" || s.apron(t).Variants[1].StockPolicy != catalogue.StockUntracked {
		t.Errorf("got %+v", v)
	}
	// A draft is not for sale, whatever comes late; a newer state is.
	s.takes(t, "products/update", strings.Replace(apron(7, "45.00", 5), `"active"`, `"draft"`, 1))
	s.takes(t, "products/update", apron(6, "44.00", 5))
	if s.apron(t) != nil {
		t.Error("a draft is for sale")
	}
	s.takes(t, "products/update", apron(8, "43.00", 5))
	if p := s.apron(t); p == nil || p.Variants[0].PriceCents != 4300 {
		t.Errorf("got %+v", p)
	}
	// Another handle is another address, and the old one is gone.
	s.takes(t, "products/update", strings.Replace(apron(9, "43.00", 5), `"handle":"apron"`, `"handle":"linen-apron"`, 1))
	s.takes(t, "products/update", apron(8, "43.00", 5))
	if all := s.products(t, "linen"); len(all) != 1 || all["linen-apron"] == nil {
		t.Errorf("after another handle: %v", all)
	}
	// What was removed stays removed.
	s.takes(t, "products/delete", `{"id":1}`)
	s.takes(t, "products/delete", `{"id":2}`)
	s.takes(t, "products/update", apron(20, "40.00", 5))
	s.takes(t, "products/create", strings.Replace(apron(1, "50.00", 5), `"id":1,`, `"id":2,`, 1))
	if all := s.products(t, "linen"); len(all) > 0 {
		t.Errorf("what was removed came back: %v", all)
	}
}

func inventory(location, minute, available int) string {
	return fmt.Sprintf(`{"inventory_item_id":111,"location_id":%d,"available":%d,"updated_at":%q}`, location, available, at(minute))
}

func TestStocksInAnyOrder(t *testing.T) {
	t.Parallel()
	s := startService(t)
	stock := func(want int) {
		t.Helper()
		if p := s.apron(t); p.Variants[0].Stock != want || p.Stock != want {
			t.Errorf("the stock is %d and %d, want %d", p.Variants[0].Stock, p.Stock, want)
		}
	}
	s.takes(t, "inventory_levels/update", inventory(1, 4, 7)) // before the product
	s.takes(t, "products/create", apron(1, "50.00", 5))
	stock(7)
	s.takes(t, "inventory_levels/update", inventory(1, 6, 3))
	s.takes(t, "inventory_levels/update", inventory(1, 5, 9)) // late
	stock(3)
	s.takes(t, "products/update", apron(5, "48.00", 8)) // its stock is older
	stock(3)
	s.takes(t, "inventory_levels/update", inventory(2, 7, 10))
	stock(13)
	s.takes(t, "products/update", apron(9, "48.00", 8))
	stock(8)
	s.takes(t, "inventory_levels/update", inventory(2, 8, 1)) // older than the product
	stock(8)
}

func TestWooCommerce(t *testing.T) {
	t.Parallel()
	s := startService(t)
	takes := func(topic, body string) {
		t.Helper()
		if status := s.woo(t, topic, body); status != 202 {
			t.Errorf("%s %s is answered by %d", topic, body, status)
		}
	}
	moment := func(minute int) string { return strings.TrimSuffix(at(minute), "Z") }
	mug := func(minute int, price string) string {
		return fmt.Sprintf(`{"id":21,"name":"Mug","type":"simple","status":"publish","catalog_visibility":"visible","sku":"MUG","price":%q,"regular_price":"20","manage_stock":true,"stock_quantity":4,"stock_status":"instock","backorders":"no","date_modified_gmt":%q,"categories":[{"name":"Mugs"}],"images":[{"src":"https://img.example.com/m.jpg","alt":"A mug"}]}`, price, moment(minute))
	}
	takes("product.created", mug(1, "18"))
	takes("product.updated", mug(5, "15"))
	takes("product.updated", mug(3, "17"))
	p := s.products(t, "linen")["mug"]
	if p == nil || p.Variants[0].PriceCents != 1500 || p.Variants[0].CompareAtCents != 2000 || p.Stock != 4 || p.Collection != "mugs" {
		t.Fatalf("got %+v", p)
	}
	takes("order.created", fmt.Sprintf(`{"id":900,"date_created_gmt":%q,"meta_data":[{"key":"wandstore_shopper","value":%q}],"line_items":[{"product_id":21,"variation_id":0,"quantity":1}]}`, moment(6), s.signer.Mark("linen", "cleo")))
	if p := s.products(t, "linen")["mug"]; p.Stock != 3 {
		t.Errorf("the stock is %d after an order of one of four", p.Stock)
	}
	takes("product.deleted", `{"id":21}`)
	takes("product.updated", mug(9, "14"))
	if p := s.products(t, "linen")["mug"]; p != nil {
		t.Error("what was removed came back")
	}
	// What is restored is changed after its removal.
	restored := strings.Replace(mug(9, "14"), moment(9), time.Now().UTC().Add(time.Minute).Format("2006-01-02T15:04:05"), 1)
	takes("product.restored", restored)
	if p := s.products(t, "linen")["mug"]; p == nil || p.Variants[0].PriceCents != 1400 {
		t.Errorf("what was restored is %+v", p)
	}
}

// A variable product comes by an import; its variations change by webhooks of their own.
func TestWooCommercesVariations(t *testing.T) {
	t.Parallel()
	s := startService(t)
	stores, err := s.js.KeyValue(t.Context(), wandnats.BucketStores)
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Delete(t.Context(), "linen"); err != nil {
		t.Fatal(err)
	}
	path := write(t, "ID,Type,SKU,Name,Published,Regular price,Stock,Parent,Attribute 1 name,Attribute 1 value(s)\n"+
		"10,variable,HOOD,Hoodie,1,,,,Size,\"S, M\"\n11,variation,,,1,45,3,id:10,Size,S\n12,variation,,,1,45,3,id:10,Size,M\n")
	if status, says := s.run(t, "-shop", "linen", "-name", "Linen", "-currency", "EUR", path); status != 0 {
		t.Fatal(says)
	}
	variation := func(id, minute int, price, size string) string {
		return fmt.Sprintf(`{"id":%d,"parent_id":10,"type":"variation","name":"Hoodie","status":"publish","price":%q,"regular_price":"45","manage_stock":true,"stock_quantity":1,"date_modified_gmt":%q,"attributes":[{"name":"Size","option":%q}]}`,
			id, price, strings.TrimSuffix(at(minute), "Z"), size)
	}
	eventually.True(t, "the importer knows the product", func() bool {
		if s.woo(t, "product.updated", variation(11, 5, "30", "S")) != 202 {
			return false
		}
		p := s.products(t, "linen")["hood"]
		return p != nil && p.Variants[0].PriceCents == 3000
	})
	for _, body := range []string{
		variation(11, 4, "44", "S"), // late
		variation(13, 6, "50", "L"), // new
		strings.Replace(variation(12, 7, "45", "M"), `"publish"`, `"private"`, 1),
		fmt.Sprintf(`{"id":10,"type":"variable","name":"Warm Hoodie","status":"publish","sku":"HOOD","price":"30","date_modified_gmt":%q}`, strings.TrimSuffix(at(8), "Z")),
	} {
		if status := s.woo(t, "product.updated", body); status != 202 {
			t.Errorf("%s is answered by %d", body, status)
		}
	}
	p := s.products(t, "linen")["hood"]
	if p.Name != "Warm Hoodie" || len(p.Variants) != 2 || p.Variants[0].PriceCents != 3000 || p.Variants[0].CompareAtCents != 4500 || p.Variants[1].ID != "l" || p.Variants[1].PriceCents != 5000 {
		t.Errorf("got %+v", p)
	}
}
