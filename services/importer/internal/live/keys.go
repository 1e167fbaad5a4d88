package live

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Config is the keys of webhooks, per shop. A shop may be named several times: then each key
// verifies, so that keys can be changed without a gap.
type Config struct {
	// Shopify is {store}:{domain}:{secret}, with commas: the shop's domain, such as
	// linen.myshopify.com, and the client secret of the app that sends its webhooks.
	Shopify string `env:"SHOPIFY_KEYS" secret:"true"`
	// WooCommerce is {store}:{secret}, with commas: the secret of the shop's webhooks.
	WooCommerce string `env:"WOOCOMMERCE_KEYS" secret:"true"`
}

// minSecret is the least length of a secret, so that it cannot be guessed.
const minSecret = 16

// Validate names the variable that is wrong.
func (c Config) Validate() error {
	_, err := c.Keys()
	return err
}

// Keys reads the keys.
func (c Config) Keys() (*Keys, error) {
	k := &Keys{shopify: map[string][]shopifyKey{}, woo: map[string][][]byte{}}
	for entry := range entries(c.Shopify) {
		store, rest, _ := strings.Cut(entry, ":")
		domain, secret, _ := strings.Cut(rest, ":")
		if domain = strings.ToLower(domain); !pagekey.ValidShop(store) || domain == "" || len(secret) < minSecret {
			return nil, errors.New("SHOPIFY_KEYS is not store:domain:secret with a secret of 16 characters or more, several with commas")
		}
		for _, other := range k.shopify[domain] {
			if other.store != store {
				return nil, errors.New("SHOPIFY_KEYS names one domain for two stores")
			}
		}
		k.shopify[domain] = append(k.shopify[domain], shopifyKey{store, []byte(secret)})
	}
	for entry := range entries(c.WooCommerce) {
		store, secret, _ := strings.Cut(entry, ":")
		if !pagekey.ValidShop(store) || len(secret) < minSecret {
			return nil, errors.New("WOOCOMMERCE_KEYS is not store:secret with a secret of 16 characters or more, several with commas")
		}
		k.woo[store] = append(k.woo[store], []byte(secret))
	}
	return k, nil
}

func entries(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for entry := range strings.SplitSeq(list, ",") {
			if entry = strings.TrimSpace(entry); entry != "" && !yield(entry) {
				return
			}
		}
	}
}

type shopifyKey struct {
	store  string
	secret []byte
}

// Keys verifies webhooks.
type Keys struct {
	shopify map[string][]shopifyKey // by domain
	woo     map[string][][]byte     // by store
}

// Shopify is the store of a webhook of the domain, if one of its keys has signed the body;
// signature is base64 of its HMAC-SHA-256.
func (k *Keys) Shopify(domain, signature string, body []byte) (store string, ok bool) {
	for _, key := range k.shopify[strings.ToLower(domain)] {
		if signed(key.secret, signature, body) {
			return key.store, true
		}
	}
	return "", false
}

// WooCommerce reports whether one of the store's keys has signed the body.
func (k *Keys) WooCommerce(store, signature string, body []byte) bool {
	for _, secret := range k.woo[store] {
		if signed(secret, signature, body) {
			return true
		}
	}
	return false
}

func signed(secret []byte, signature string, body []byte) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	h := hmac.New(sha256.New, secret)
	h.Write(body)
	return err == nil && hmac.Equal(given, h.Sum(nil))
}
