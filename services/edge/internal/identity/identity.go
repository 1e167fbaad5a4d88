package identity

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// ErrInvalid: the cookie or token was not made under a known key, is expired, or is not for
// this shop.
var ErrInvalid = errors.New("not a valid identity")

// Guest is the scope of cookies that count in every shop.
const Guest = ""

// NewID is a new shopper's id: 130 random bits, as 26 letters and digits.
func NewID() string { return rand.Text() }

// Keys makes and verifies identities. It is safe for concurrent use.
type Keys struct {
	cookies [][]byte
	links   map[string][][]byte
	// now is the clock that tokens expire by.
	now func() time.Time
}

// Cookie is the value of a cookie for the shopper within a scope: Guest or a shop's slug.
// Without SHOPPER_KEYS it is the id itself.
func (k *Keys) Cookie(shopper, scope string) (string, error) {
	if len(k.cookies) == 0 {
		return shopper, nil
	}
	mac, err := jwt.SigningMethodHS256.Sign(signed(shopper, scope), k.cookies[0])
	if err != nil {
		return "", err
	}
	return shopper + "." + base64.RawURLEncoding.EncodeToString(mac), nil
}

// Shopper is the id of a cookie of that scope. The error is ErrInvalid.
func (k *Keys) Shopper(cookie, scope string) (string, error) {
	shopper, text, found := strings.Cut(cookie, ".")
	if !pagekey.ValidShopper(shopper) {
		return "", ErrInvalid
	}
	if len(k.cookies) == 0 && !found {
		return shopper, nil
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", ErrInvalid
	}
	for _, key := range k.cookies {
		// Verify compares in constant time.
		if jwt.SigningMethodHS256.Verify(signed(shopper, scope), mac, key) == nil {
			return shopper, nil
		}
	}
	return "", ErrInvalid
}

// signed is what a cookie's MAC covers. A slug has no colon, so no two pairs are equal.
func signed(shopper, scope string) string { return "wandstore shopper:" + scope + ":" + shopper }

// maxToken bounds a token, in bytes: room for the claims that backends add.
const maxToken = 4 << 10

// Link is the shopper that a link token names in the shop. The error is ErrInvalid.
func (k *Keys) Link(token, shop string) (string, error) {
	claims, err := k.claims(token, shop)
	if err != nil || !pagekey.ValidShopper(claims.Subject) {
		return "", ErrInvalid
	}
	return claims.Subject, nil
}

// Server is nil if the token authorises to speak for every shopper of the shop, else
// ErrInvalid.
func (k *Keys) Server(token, shop string) error {
	claims, err := k.claims(token, shop)
	if err != nil || claims.Subject != "" {
		return ErrInvalid
	}
	return nil
}

// previewAudience is before a shop's slug in the audience of a preview token. No slug has a
// colon, so such a token is neither a link nor a server's, and neither of these is a
// preview's.
const previewAudience = "preview:"

// Preview is nil if the token authorises to see the shop's pages as others get them, else
// ErrInvalid.
func (k *Keys) Preview(token, shop string) error {
	claims, err := k.claimsFor(token, shop, previewAudience+shop)
	if err != nil || claims.Subject != "" {
		return ErrInvalid
	}
	return nil
}

// NewPreview makes a token for Preview that expires then. The error is ErrInvalid if the
// shop has no key.
func (k *Keys) NewPreview(shop string, expires time.Time) (string, error) {
	keys := k.links[shop]
	if len(keys) == 0 {
		return "", ErrInvalid
	}
	claims := jwt.RegisteredClaims{Audience: jwt.ClaimStrings{previewAudience + shop}, ExpiresAt: jwt.NewNumericDate(expires)}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(keys[0])
}

// leeway allows for the difference between two machines' clocks.
const leeway = 30 * time.Second

func (k *Keys) claims(token, shop string) (jwt.RegisteredClaims, error) {
	return k.claimsFor(token, shop, shop)
}

// claimsFor is the claims of a token under one of the shop's keys for that audience alone.
func (k *Keys) claimsFor(token, shop, audience string) (jwt.RegisteredClaims, error) {
	var claims jwt.RegisteredClaims
	if len(k.links[shop]) == 0 || len(token) > maxToken {
		return claims, ErrInvalid
	}
	var keys jwt.VerificationKeySet
	for _, key := range k.links[shop] {
		keys.Keys = append(keys.Keys, key)
	}
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return keys, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(k.now))
	if err != nil {
		return claims, ErrInvalid
	}
	return claims, nil
}

// LooksLikeToken reports whether s has the form of a token, which no shopper's id has.
func LooksLikeToken(s string) bool {
	header, rest, _ := strings.Cut(s, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	return header != "" && claims != "" && signature != "" && !strings.Contains(signature, ".")
}
