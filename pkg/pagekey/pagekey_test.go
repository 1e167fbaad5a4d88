package pagekey_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// The forms of ids that the public contract promises.
var (
	shopForm    = regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{0,62}\z`)
	shopperForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)
	// token is a KV key (ADR-8) without dots, which separate tokens.
	token = regexp.MustCompile(`\A[-/_=a-zA-Z0-9]+\z`)
)

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name, store, shopper string
		ok                   bool
	}{
		{"the contract's", "magic-wands", "abc123", true},
		{"shortest", "a", "a", true},
		{"longest", strings.Repeat("a", 63), strings.Repeat("a", 64), true},
		{"all characters", "0az9-", "AZaz09_-", true},
		{"shopper begins with -", "a", "-a", true},
		{"store empty", "", "a", false},
		{"store too long", strings.Repeat("a", 64), "a", false},
		{"store begins with -", "-a", "a", false},
		{"store upper case", "A", "a", false},
		{"store _", "a_b", "a", false},
		{"store ..", "..", "a", false},
		{"store *", "*", "a", false},
		{"store >", ">", "a", false},
		{"shopper empty", "a", "", false},
		{"shopper too long", "a", strings.Repeat("a", 65), false},
		{"shopper .", "a", "a.b", false},
		{"shopper ..", "a", "..", false},
		{"shopper *", "a", "*", false},
		{"shopper >", "a", ">", false},
		{"shopper :", "a", "a:b", false},
		{"shopper /", "a", "a/b", false},
		{"shopper \\", "a", `a\b`, false},
		{"shopper CR LF", "a", "a\r\n", false},
		{"shopper LF", "a", "a\n", false},
		{"shopper NUL", "a", "a\x00", false},
		{"shopper space", "a", "a b", false},
		{"shopper =", "a", "a=b", false},
		{"shopper UTF-8", "a", "zauberstäbe", false},
		{"shopper not UTF-8", "a", "\xff", false},
		{"shopper of another script's digits", "a", "１２", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := pagekey.New(c.store, c.shopper)
			if !c.ok {
				if !errors.Is(err, pagekey.ErrInvalid) || !k.IsZero() {
					t.Errorf("got %v, %v, want ErrInvalid", k, err)
				}
				return
			}
			if err != nil || k.Shop() != c.store || k.Shopper() != c.shopper || k.IsZero() {
				t.Errorf("got %v, %v", k, err)
			}
		})
	}
	if !(pagekey.Key{}).IsZero() {
		t.Error("the zero Key is not zero")
	}
}

func TestErrorDoesNotHoldTheID(t *testing.T) {
	const secret = "somebody@example.com"
	for _, ids := range [][2]string{{secret, "a"}, {"a", secret}} {
		if _, err := pagekey.New(ids[0], ids[1]); err == nil || strings.Contains(err.Error(), "somebody") {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("magic-wands", "abc123")
	f.Add("..", ">")
	f.Add("a\n", "a\x00")
	f.Fuzz(func(t *testing.T, store, shopper string) {
		k, err := pagekey.New(store, shopper)
		if want := shopForm.MatchString(store) && shopperForm.MatchString(shopper); want != (err == nil) {
			t.Fatalf("New(%q, %q): got %v, want accepted %t", store, shopper, err, want)
		}
		if err != nil {
			return
		}
		if !token.MatchString(k.Shop()) || !token.MatchString(k.Shopper()) {
			t.Errorf("%q, %q is not one token each", k.Shop(), k.Shopper())
		}
		if again, err := pagekey.New(k.Shop(), k.Shopper()); err != nil || again != k {
			t.Errorf("again: got %v, %v", again, err)
		}
	})
}

func TestCohort(t *testing.T) {
	for name, c := range map[string]struct {
		shop, persona, interest string
		want                    string // the name; "" if there is no such cohort
	}{
		"no interest":       {"magic-wands", "explorer", "", "cohort=explorer"},
		"interest":          {"magic-wands", "explorer", "starter", "cohort=explorer=starter"},
		"no persona":        {"magic-wands", "", "starter", ""},
		"no shop":           {"", "explorer", "starter", ""},
		"persona with =":    {"magic-wands", "explorer=starter", "", ""},
		"interest with =":   {"magic-wands", "explorer", "starter=ada", ""},
		"interest with .":   {"magic-wands", "explorer", "starter.ada", ""},
		"interest too long": {"magic-wands", "explorer", strings.Repeat("a", 64), ""},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := pagekey.Cohort(c.shop, c.persona, c.interest)
			if c.want == "" {
				if !errors.Is(err, pagekey.ErrInvalid) || !k.IsZero() {
					t.Errorf("got %v, %v, want ErrInvalid", k, err)
				}
				return
			}
			persona, interest, ok := k.Cohort()
			if err != nil || k.Shopper() != c.want || !ok || persona != c.persona || interest != c.interest {
				t.Errorf("got %v, %v: %s, %s, %t", k, err, persona, interest, ok)
			}
			if _, err := pagekey.New(c.shop, c.want); !errors.Is(err, pagekey.ErrInvalid) {
				t.Errorf("a shopper may be called %s: %v", c.want, err)
			}
			if parsed, err := pagekey.Parse(c.shop, c.want); err != nil || parsed != k {
				t.Errorf("Parse: got %v, %v", parsed, err)
			}
		})
	}
}

// Parse knows what New and Cohort make, and no other name.
func FuzzParse(f *testing.F) {
	f.Add("magic-wands", "abc123")
	f.Add("magic-wands", "cohort=explorer=starter")
	f.Add("magic-wands", "cohort=explorer=")
	f.Fuzz(func(t *testing.T, store, name string) {
		k, err := pagekey.Parse(store, name)
		if err != nil {
			return
		}
		var made pagekey.Key
		if persona, interest, ok := k.Cohort(); ok {
			made, err = pagekey.Cohort(store, persona, interest)
		} else {
			made, err = pagekey.New(store, name)
		}
		if err != nil || made != k || k.Shopper() != name || !token.MatchString(name) {
			t.Errorf("Parse(%q, %q): %v, made again %v, %v", store, name, k, made, err)
		}
	})
}
