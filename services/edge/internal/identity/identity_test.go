package identity

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

func key(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func keys(t testing.TB, c Config) *Keys {
	t.Helper()
	k, err := c.Keys(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if !pagekey.ValidShopper(id) || seen[id] || len(id) < 22 {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	now := keys(t, Config{CookieKeys: key("a") + "," + key("b")})
	cookie, err := now.Cookie("ada", Guest)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := now.Cookie("ada", "magic-wands")
	if err != nil {
		t.Fatal(err)
	}
	mac := strings.TrimPrefix(cookie, "ada.")
	for name, tt := range map[string]struct {
		keys          *Keys
		cookie, scope string
		valid         bool
	}{
		"made by the first key":             {now, cookie, Guest, true},
		"made by a key that is second now":  {keys(t, Config{CookieKeys: key("c") + "," + key("a")}), cookie, Guest, true},
		"made by a key that is gone":        {keys(t, Config{CookieKeys: key("b")}), cookie, Guest, false},
		"of its shop":                       {now, linked, "magic-wands", true},
		"of a shop, as a guest's":           {now, linked, Guest, false},
		"of a guest, as a shop's":           {now, cookie, "magic-wands", false},
		"of another shop":                   {now, linked, "whitby-tea", false},
		"another id":                        {now, "eve." + mac, Guest, false},
		"a plain id":                        {now, "ada", Guest, false},
		"an empty MAC":                      {now, "ada.", Guest, false},
		"a MAC that is cut":                 {now, cookie[:len(cookie)-2], Guest, false},
		"more than a MAC":                   {now, cookie + "." + mac, Guest, false},
		"not base64":                        {now, "ada.%%%", Guest, false},
		"an id that is none":                {now, "a b." + mac, Guest, false},
		"nothing":                           {now, "", Guest, false},
		"a plain id, where there is no key": {keys(t, Config{}), "ada", Guest, true},
		"a signed one, where there is none": {keys(t, Config{}), cookie, Guest, false},
	} {
		shopper, err := tt.keys.Shopper(tt.cookie, tt.scope)
		if (err == nil) != tt.valid || tt.valid && shopper != "ada" || !tt.valid && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %q, %v", name, shopper, err)
		}
	}
	if plain, err := keys(t, Config{}).Cookie("ada", Guest); plain != "ada" || err != nil {
		t.Errorf("without a key: %q, %v", plain, err)
	}
}

func token(t testing.TB, method jwt.SigningMethod, secret any, claims jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokens(t *testing.T) {
	t.Parallel()
	k := keys(t, Config{LinkKeys: "magic-wands:" + key("w") + ",whitby-tea:" + key("t")})
	wands, tea := []byte(strings.Repeat("w", 32)), []byte(strings.Repeat("t", 32))
	later, before := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	claims := func(change ...any) jwt.MapClaims {
		c := jwt.MapClaims{"sub": "ada", "aud": "magic-wands", "exp": later}
		for i := 0; i+1 < len(change); i += 2 {
			name, _ := change[i].(string)
			if c[name] = change[i+1]; change[i+1] == nil {
				delete(c, name)
			}
		}
		return c
	}
	for name, tt := range map[string]struct {
		token        string
		link, server bool
	}{
		"a link":                     {token(t, jwt.SigningMethodHS256, wands, claims()), true, false},
		"a link to several":          {token(t, jwt.SigningMethodHS256, wands, claims("aud", []string{"x", "magic-wands"})), true, false},
		"more claims":                {token(t, jwt.SigningMethodHS256, wands, claims("name", "Ada")), true, false},
		"a server's":                 {token(t, jwt.SigningMethodHS256, wands, claims("sub", nil)), false, true},
		"expired":                    {token(t, jwt.SigningMethodHS256, wands, claims("exp", before)), false, false},
		"never expires":              {token(t, jwt.SigningMethodHS256, wands, claims("exp", nil)), false, false},
		"not yet valid":              {token(t, jwt.SigningMethodHS256, wands, claims("nbf", later)), false, false},
		"another shop's audience":    {token(t, jwt.SigningMethodHS256, wands, claims("aud", "whitby-tea")), false, false},
		"no audience":                {token(t, jwt.SigningMethodHS256, wands, claims("aud", nil)), false, false},
		"another shop's key":         {token(t, jwt.SigningMethodHS256, tea, claims()), false, false},
		"a subject that is no id":    {token(t, jwt.SigningMethodHS256, wands, claims("sub", "gid://shop/Customer/1")), false, false},
		"an algorithm of its choice": {token(t, jwt.SigningMethodHS512, wands, claims()), false, false},
		"no algorithm":               {token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()), false, false},
		"too large":                  {token(t, jwt.SigningMethodHS256, wands, claims("x", strings.Repeat("x", maxToken))), false, false},
		"not a token":                {"a.b.c", false, false},
		"nothing":                    {"", false, false},
	} {
		shopper, err := k.Link(tt.token, "magic-wands")
		if (err == nil) != tt.link || tt.link && shopper != "ada" {
			t.Errorf("%s as a link: %q, %v", name, shopper, err)
		}
		if err := k.Server(tt.token, "magic-wands"); (err == nil) != tt.server {
			t.Errorf("%s as a server's: %v", name, err)
		}
		if _, err := k.Link(tt.token, "no-key"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s in a shop without a key: %v", name, err)
		}
	}
}

// A backend changes its key without an outage: both are valid until the old one is taken away.
func TestLinkKeysAreRotated(t *testing.T) {
	t.Parallel()
	old := token(t, jwt.SigningMethodHS256, []byte(strings.Repeat("a", 32)), jwt.MapClaims{"sub": "ada", "aud": "linen", "exp": time.Now().Add(time.Hour).Unix()})
	for setting, valid := range map[string]bool{
		"linen:" + key("a"): true,
		"linen:" + key("b") + ",wool:" + key("w") + ",linen:" + key("a"): true,
		"linen:" + key("b"):                       false,
		"linen:" + key("b") + ",wool:" + key("a"): false,
	} {
		k := keys(t, Config{LinkKeys: setting})
		if _, err := k.Link(old, "linen"); (err == nil) != valid {
			t.Errorf("%s: %v, want valid %v", setting, err, valid)
		}
		preview, err := k.NewPreview("linen", time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(setting, ",")
		if err := keys(t, Config{LinkKeys: first}).Preview(preview, "linen"); err != nil {
			t.Errorf("%s: a preview is not the first key's: %v", setting, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const local, public = "127.0.0.1:8787", ":8787"
	for name, tt := range map[string]struct {
		config Config
		addr   string
		names  string // the variable that is wrong, "" if none is
	}{
		"open on loopback":             {Config{Mode: Open}, local, ""},
		"open on localhost":            {Config{Mode: Open}, "localhost:1", ""},
		"open on IPv6's loopback":      {Config{Mode: Open}, "[::1]:1", ""},
		"open to all":                  {Config{Mode: Open}, public, "SHOPPER_IDS"},
		"open to a network":            {Config{Mode: Open}, "10.0.0.1:80", "SHOPPER_IDS"},
		"open to all, as is meant":     {Config{Mode: OpenAnywhere}, public, ""},
		"signed":                       {Config{Mode: Signed, CookieKeys: key("a")}, public, ""},
		"signed, by rotated keys":      {Config{Mode: Signed, CookieKeys: key("a") + ", " + key("b")}, public, ""},
		"signed, by no key":            {Config{Mode: Signed}, public, "SHOPPER_KEYS"},
		"a mode that is none":          {Config{Mode: "sign"}, local, "SHOPPER_IDS"},
		"a short key":                  {Config{Mode: Signed, CookieKeys: "c2hvcnQ="}, public, "SHOPPER_KEYS"},
		"a key that is not base64":     {Config{Mode: Signed, CookieKeys: key("a") + ",?"}, public, "SHOPPER_KEYS"},
		"links":                        {Config{Mode: Open, LinkKeys: "magic-wands:" + key("a")}, local, ""},
		"a link key without a shop":    {Config{Mode: Open, LinkKeys: key("a")}, local, "LINK_KEYS"},
		"two link keys of a shop":      {Config{Mode: Open, LinkKeys: "a:" + key("a") + ",a:" + key("b")}, local, ""},
		"a link key that is too short": {Config{Mode: Open, LinkKeys: "a:c2hvcnQ="}, local, "LINK_KEYS"},
	} {
		err := tt.config.Validate(tt.addr)
		if (err == nil) != (tt.names == "") || err != nil && !strings.HasPrefix(err.Error(), tt.names+" ") {
			t.Errorf("%s: %v, want one that names %q", name, err, tt.names)
		}
		if err != nil && strings.Contains(err.Error(), key("a")) {
			t.Errorf("%s: the error holds a key", name)
		}
	}
}

func FuzzShopper(f *testing.F) {
	k := keys(f, Config{CookieKeys: key("a")})
	cookie, err := k.Cookie("ada", Guest)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cookie)
	f.Add("ada")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if shopper, err := k.Shopper(text, Guest); err == nil {
			if again, err := k.Cookie(shopper, Guest); err != nil || again != text {
				t.Errorf("%q counts as the cookie %q of %q", text, again, shopper)
			}
		}
	})
}
