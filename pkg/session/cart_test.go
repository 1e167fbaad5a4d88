package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestCartQuantities(t *testing.T) {
	g := &wandstorev1.StoreSignals{}
	session.SetQuantity(g, "owl", 3)
	session.SetQuantity(g, "fox", 1)
	session.SetQuantity(g, "hare", 1000)
	if a, b, c, d := session.Quantity(g, "owl"), session.Quantity(g, "fox"), session.Quantity(g, "hare"), session.Quantity(g, "elk"); a != 3 || b != 1 || c != 99 || d != 0 {
		t.Errorf("the cart holds %d, %d, %d, %d", a, b, c, d)
	}
	session.SetQuantity(g, "owl", 1)
	session.SetQuantity(g, "hare", 0)
	if session.Quantity(g, "owl") != 1 || session.Quantity(g, "hare") != 0 || len(g.GetCart()) != 2 || len(g.GetQuantities()) != 0 {
		t.Errorf("left: %v", g)
	}
	for i := range 200 {
		session.SetQuantity(g, fmt.Sprint("thing-", i), 2)
	}
	if len(g.GetCart()) > 50 || len(g.GetQuantities()) > 50 {
		t.Errorf("%d lines, %d quantities", len(g.GetCart()), len(g.GetQuantities()))
	}
}

// A purchase or a removal of a product removes its quantity too.
func TestPurchaseEmptiesTheCart(t *testing.T) {
	s := &wandstorev1.ShopperSession{}
	g := session.Signals(s, "magic-wands")
	for _, event := range []string{"cart_remove", "purchase"} {
		session.SetQuantity(g, "owl", 5)
		session.Apply(s, &wandstorev1.TrackEvent{Store: "magic-wands", Event: event, Product: "owl"}, time.Now())
		if session.Quantity(g, "owl") != 0 || len(g.GetQuantities()) != 0 {
			t.Errorf("after %s: %v", event, g)
		}
	}
	session.SetQuantity(g, "owl", 5)
	session.SetQuantity(g, "fox", 1)
	session.Apply(s, &wandstorev1.TrackEvent{Store: "magic-wands", Event: "purchase"}, time.Now())
	if len(g.GetCart())+len(g.GetQuantities()) != 0 || len(g.GetPurchased()) != 2 {
		t.Errorf("after buying all: %v", g)
	}
}
