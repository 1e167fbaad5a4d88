package edge

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// previewToken is a token of which change edits the claims.
func previewToken(t *testing.T, key string, change jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"aud": "preview:" + slug, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, change)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A merchant sees every persona's page on any day, and nothing comes of it.
func TestPreviews(t *testing.T) {
	t.Parallel()
	d := newDesk(t, signed, func(c *Config) { c.Scope = ScopeAuto })
	d.shop = adventShop(t)
	d.hasCohort("cohort=loyalist", func(p *wandstorev1.Page) {
		p.Html = strings.ReplaceAll(p.GetHtml(), "For those who know", "Seen by loyalists")
	})
	var out, faults bytes.Buffer
	if status := PreviewLink(slug+":"+encoded(wandsKey))(slug, &out, &faults); status != 0 {
		t.Fatalf("no link: %s", faults.String())
	}
	link := strings.TrimSpace(out.String())
	seen := map[string]bool{}
	for _, name := range append(persona.All(), "", "ogre") {
		for day, campaign := range map[string]bool{"2026-11-30": false, "2026-12-24": true, "": false} {
			res := d.ask(http.MethodGet, link+"&persona="+name+"&on="+day, "")
			if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Robots-Tag") != "noindex, nofollow" ||
				res.Header.Get("Referrer-Policy") != "no-referrer" || len(res.Cookies()) > 0 || res.Header.Get("ETag") != "" {
				t.Fatalf("%s on %s: %d %v", name, day, res.StatusCode, res.Header)
			}
			if has := strings.Contains(res.body, "Four Sundays of light"); has != campaign && day != "" {
				t.Errorf("%s on %s: campaign %v", name, day, has)
			}
			if strings.Contains(res.body, "<script") || strings.Count(res.body, "/s/magic-wands/preview?") != 5 || !strings.Contains(res.body, `aria-current="page"`) {
				t.Errorf("%s on %s: a script, or other links than five", name, day)
			}
			if strings.Contains(res.body, "Seen by loyalists") != (name == persona.Loyalist) {
				t.Errorf("%s on %s: not the page of its cohort", name, day)
			}
			_, main, _ := strings.Cut(res.body, "<main")
			seen[name+main[:min(len(main), 2000)]] = true
		}
	}
	if len(seen) < 5 {
		t.Errorf("%d different pages", len(seen))
	}
	if len(d.sessions)+len(d.triggered)+len(d.ordered)+len(d.edge.wanted) != 0 {
		t.Errorf("sessions %v, jobs %v, pages %v", d.sessions, d.triggered, d.ordered)
	}
	if status := PreviewLink(slug+":"+encoded(wandsKey))("whitby-tea", &out, &faults); status != 2 || !strings.Contains(faults.String(), "LINK_KEYS") {
		t.Errorf("a link of a shop without a key: %d, %s", status, faults.String())
	}
}

// A shopper's link does not preview, and a preview's names nobody.
func TestPreviewsAreSigned(t *testing.T) {
	t.Parallel()
	d := newDesk(t, signed)
	good := previewToken(t, wandsKey, nil)
	for name, tt := range map[string]struct {
		token  string
		query  string
		status int
	}{
		"a preview's":        {good, "", http.StatusOK},
		"none":               {"", "", http.StatusForbidden},
		"a shopper's link":   {linkToken(t, wandsKey, slug, "ada", time.Hour), "", http.StatusForbidden},
		"a server's":         {linkToken(t, wandsKey, slug, "", time.Hour), "", http.StatusForbidden},
		"with a subject":     {previewToken(t, wandsKey, jwt.MapClaims{"sub": "ada"}), "", http.StatusForbidden},
		"another key":        {previewToken(t, teaKey, nil), "", http.StatusForbidden},
		"another shop's":     {previewToken(t, wandsKey, jwt.MapClaims{"aud": "preview:whitby-tea"}), "", http.StatusForbidden},
		"expired":            {previewToken(t, wandsKey, jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}), "", http.StatusForbidden},
		"a day that is none": {good, "&on=soon", http.StatusBadRequest},
	} {
		if res := d.ask(http.MethodGet, "/s/magic-wands/preview?token="+url.QueryEscape(tt.token)+tt.query, ""); res.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tt.status)
		}
	}
	res := d.ask(http.MethodGet, "/s/magic-wands?shopper="+good, "")
	for _, cookie := range res.Cookies() {
		t.Errorf("a preview's token logs in: %s", cookie.Name)
	}
	if res := d.ask(http.MethodGet, "/api/generation/status?store=magic-wands&shopper=ada", "", "Authorization", "Bearer "+good); res.StatusCode == http.StatusOK {
		t.Errorf("a preview's token speaks for shoppers: %s", res.body)
	}
}
