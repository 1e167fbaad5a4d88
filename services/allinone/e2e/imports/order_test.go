package imports_test

import (
	"fmt"
	"strings"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/session"
)

func orderOf(id, minute int, mark string) string {
	return fmt.Sprintf(`{"id":%d,"created_at":%q,"note_attributes":[{"name":"gift","value":"yes"},{"name":"wandstore_shopper","value":%q}],
		"line_items":[{"product_id":1,"variant_id":11,"quantity":2},{"product_id":99,"variant_id":1,"quantity":1},{"product_id":null,"variant_id":null,"quantity":1}]}`, id, at(minute), mark)
}

// purchases is how often a shopper has bought in the shop, and what.
func (s *service) purchases(t *testing.T, shopper string) (n uint32, what []string) {
	t.Helper()
	kv, err := s.js.KeyValue(t.Context(), wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	got, err := session.NewStore(kv).Get(t.Context(), shopper)
	if err != nil {
		t.Fatal(err)
	}
	g := session.Signals(got, "linen")
	return g.GetPurchases(), g.GetPurchased()
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := startService(t)
	s.takes(t, "products/create", apron(1, "50.00", 9))
	for range 2 { // repeated
		s.takes(t, "orders/create", orderOf(1, 3, s.signer.Mark("linen", "ada")))
	}
	if n, what := s.purchases(t, "ada"); n != 1 || len(what) != 1 || what[0] != "apron" {
		t.Errorf("ada has bought %d times: %v", n, what)
	}
	if got := s.apron(t).Variants[0].Stock; got != 7 {
		t.Errorf("the stock is %d after an order of two of nine", got)
	}
	// What is bought together is known of both products, and stays when the source tells the
	// product again.
	s.takes(t, "products/create", strings.NewReplacer(`"id":1,`, `"id":2,`, `"apron"`, `"towel"`, `"id":11,`, `"id":21,`, `"id":12,`, `"id":22,`, `:111}`, `:211}`, `:112}`, `:212}`).Replace(apron(1, "9.00", 50)))
	for id := range 2 {
		s.takes(t, "orders/create", strings.Replace(orderOf(20+id, 2, ""), `"product_id":99,`, `"product_id":2,`, 1))
	}
	s.takes(t, "products/update", apron(1, "50.00", 7))
	products := s.products(t, "linen")
	if a, b := products["apron"], products["towel"]; len(a.BoughtWith) != 1 || a.BoughtWith[0] != (catalogue.Companion{ID: "towel", Orders: 2}) || len(b.BoughtWith) != 1 || b.BoughtWith[0].ID != "apron" || a.Sold != 6 || b.Sold != 2 {
		t.Errorf("bought together: %+v of %d, %+v of %d", a.BoughtWith, a.Sold, b.BoughtWith, b.Sold)
	}
	s.takes(t, "inventory_levels/update", inventory(1, 3, 7))
	// Marks that are not this shop's count for nobody.
	s.takes(t, "orders/create", orderOf(2, 4, "eve"))
	s.takes(t, "orders/create", orderOf(3, 4, s.signer.Mark("wool", "eve")))
	s.takes(t, "orders/create", strings.Replace(orderOf(4, 4, "x"), "wandstore_shopper", "other", 1))
	if n, _ := s.purchases(t, "eve"); n != 0 {
		t.Error("an order of somebody else is in eve's session")
	}
	if got := s.apron(t).Variants[0].Stock; got != 1 {
		t.Errorf("the stock is %d after four orders of two of nine", got)
	}
	// A stock that was told after an order is without it already.
	s.takes(t, "inventory_levels/update", inventory(1, 8, 20))
	s.takes(t, "orders/create", orderOf(5, 7, ""))
	if got := s.apron(t).Variants[0].Stock; got != 20 {
		t.Errorf("the stock is %d after a late order", got)
	}
	// A shopper who was forgotten gets no session by an order.
	forgotten, err := s.js.KeyValue(t.Context(), wandnats.BucketForgotten)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgotten.PutString(t.Context(), wandnats.ForgottenKey("bob"), "{}"); err != nil {
		t.Fatal(err)
	}
	s.takes(t, "orders/create", orderOf(6, 9, s.signer.Mark("linen", "bob")))
	if n, _ := s.purchases(t, "bob"); n != 0 {
		t.Error("a shopper who was forgotten has a session")
	}
	// An old order, sent again by whoever has it, does not count anew.
	s.takes(t, "orders/create", strings.Replace(orderOf(7, 3, s.signer.Mark("linen", "ada")), at(3), "2020-01-01T00:00:00Z", 1))
	if n, _ := s.purchases(t, "ada"); n != 1 {
		t.Errorf("ada has bought %d times", n)
	}
}

// An order whose stock cannot be written counts once, however often it is sent.
func TestOrdersThatCannotBeDone(t *testing.T) {
	t.Parallel()
	s := startService(t)
	s.takes(t, "products/create", apron(1, "50.00", 9))
	stream, err := s.js.Stream(t.Context(), "KV_"+wandnats.BucketCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	full := cfg
	full.MaxMsgSize = 1
	if _, err := s.js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	// Of one nobody's session tells, nothing is done yet, and it is to be sent again.
	if status := s.shopify(t, "orders/create", orderOf(1, 3, "")); status != 503 {
		t.Errorf("an order of which nothing could be done is answered by %d", status)
	}
	for range 2 {
		s.takes(t, "orders/create", orderOf(2, 3, s.signer.Mark("linen", "ada")))
	}
	if _, err := s.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	s.takes(t, "orders/create", orderOf(1, 3, ""))
	s.takes(t, "orders/create", orderOf(2, 3, s.signer.Mark("linen", "ada")))
	if n, _ := s.purchases(t, "ada"); n != 1 {
		t.Errorf("ada has bought %d times", n)
	}
	if got := s.apron(t).Variants[0].Stock; got != 7 {
		t.Errorf("the stock is %d after an order of two of nine", got)
	}
}
