package storefront

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/buyer"
	"github.com/wandstore/wandstore/pkg/catalogue"
)

// paid is a line of a cart that is paid.
type paid struct {
	catalogue.Line

	quantity int
	at       int // its place among the lines of the page
}

// checkoutAddress is the address where the lines are paid, by the shop's checkout; "" if
// there is none. Lines that the checkout cannot take are left out of it and returned. mark
// names the shopper to whoever has its key; WooCommerce's link has no place for it.
func checkoutAddress(shop *catalogue.Shop, lines []paid, mark string) (address string, left []paid) {
	if shop.CheckoutURL == "" {
		return "", nil
	}
	var items []string
	for _, l := range lines {
		id := l.CheckoutID(shop)
		if id == "" {
			left = append(left, l)
			continue
		}
		items = append(items, id+":"+strconv.Itoa(l.quantity))
	}
	if len(items) == 0 {
		return "", left
	}
	all := strings.Join(items, ",")
	switch base := strings.TrimSuffix(shop.CheckoutURL, "/"); shop.Checkout {
	case catalogue.CheckoutShopify:
		// https://shopify.dev/docs/apps/build/checkout/create-cart-permalinks
		address = base + "/cart/" + all
		if mark != "" {
			address += "?" + url.Values{"attributes[" + buyer.Attribute + "]": {mark}}.Encode()
		}
		return address, left
	case catalogue.CheckoutWooCommerce:
		// https://developer.woocommerce.com/docs/best-practices/urls-and-routing/checkout-urls
		return base + "/checkout-link/?products=" + url.QueryEscape(all), left
	default:
		return strings.NewReplacer(
			"{items}", url.QueryEscape(all),
			"{currency}", url.QueryEscape(shop.Currency),
			"{shopper}", url.QueryEscape(mark),
		).Replace(shop.CheckoutURL), left
	}
}
