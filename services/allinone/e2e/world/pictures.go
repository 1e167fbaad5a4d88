package world

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/checkout"
)

// The shops of PhotoShops.
const (
	PhotoShop      = "linen-and-larch"
	RightToLeftOne = "kattan-wa-arz"
)

// PhotoShops has the services serve two shops with photographs beside those of
// deploy/stores. The names of RightToLeftOne are Arabic.
func PhotoShops(w *World) {
	dir := w.t.TempDir()
	write := func(name string, document []byte) {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), document, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	examples, err := filepath.Glob(filepath.Join(checkout.Root(w.t), "deploy", "stores", "*.json"))
	if err != nil || len(examples) == 0 {
		w.t.Fatalf("no examples: %v", err)
	}
	for _, example := range examples {
		b, err := os.ReadFile(example)
		if err != nil {
			w.t.Fatal(err)
		}
		write(strings.TrimSuffix(filepath.Base(example), ".json"), b)
	}
	write(PhotoShop, cataloguetest.Photographs(w.t, PhotoShop, "en"))
	write(RightToLeftOne, cataloguetest.Photographs(w.t, RightToLeftOne, "ar"))
	w.Shops = catalogue.Config{Dir: dir}
}

// ServePictures answers the tab's requests to cataloguetest.PictureHost with generated
// pictures, which never leaves the browser.
func (b *Tab) ServePictures() {
	b.t.Helper()
	Call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "https://" + cataloguetest.PictureHost + "/*"}}})
}

// answerPicture answers one of those requests. The event's listener must not wait for it.
func (b *Tab) answerPicture(e *fetch.EventRequestPaused) {
	go func() {
		// The tab may be closed meanwhile; then nobody waits for the answer.
		_, _ = chromedp.Call(b.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
			RequestID: e.RequestID, ResponseCode: 200,
			ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "image/svg+xml"}},
			Body:            []byte(generatedPicture(e.Request.URL)),
		})
	}()
}

// generatedPicture is a picture of the shape and in the colours that the address names.
func generatedPicture(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	shape, number, _ := strings.Cut(strings.TrimSuffix(filepath.Base(u.Path), ".jpg"), "-")
	width, height := 1200, 1200
	switch shape {
	case "portrait":
		height = 1800
	case "landscape":
		width = 1800
	}
	hue := 0
	for _, r := range number {
		hue = (hue*10 + int(r-'0')) * 47 % 360
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d">
<linearGradient id="w" x2="0" y2="1"><stop stop-color="hsl(%[3]d 22%% 88%%)"/><stop offset="1" stop-color="hsl(%[3]d 18%% 74%%)"/></linearGradient>
<linearGradient id="o"><stop stop-color="hsl(%[4]d 34%% 62%%)"/><stop offset=".45" stop-color="hsl(%[4]d 40%% 48%%)"/><stop offset="1" stop-color="hsl(%[4]d 42%% 30%%)"/></linearGradient>
<rect width="100%%" height="100%%" fill="url(#w)"/><rect y="72%%" width="100%%" height="28%%" fill="hsl(%[3]d 20%% 66%%)"/>
<g transform="translate(%[5]d %[6]d)"><ellipse cx="60" cy="330" rx="330" ry="52" opacity=".22"/><path d="M-90-380h180v150c0 60 170 120 170 320 0 160-90 240-260 240s-260-80-260-240c0-200 170-260 170-320z" fill="url(#o)"/><path d="M-190 60c0-110 70-170 120-220" fill="none" stroke="#fff" stroke-width="22" stroke-linecap="round" opacity=".35"/></g></svg>`,
		width, height, hue, (hue+150)%360, width/2, height*11/20)
}
