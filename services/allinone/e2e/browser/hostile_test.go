package browser_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// mostAsked is the most tokens that a generator allows an answer.
const mostAsked = 8192

// money matches an amount on the pages of magic-wands.
var money = regexp.MustCompile(`\$[\d,]+(?:\.\d\d)?`)

// alarms record every script of an answer that runs.
const alarms = `window.rung = [];
	for (const name of ["alert", "confirm", "prompt", "open", "print", "never"]) window[name] = (...a) => { window.rung.push(name + " " + a); };
	addEventListener("submit", (e) => window.rung.push("submit"));`

// observed is what a browser finds in a page that an answer could have put there.
type observed struct {
	Rung       []string
	Elements   []string // that no template draws
	Handlers   []string
	Links      []string // that lead out of the shop
	Scripts    int      // that are run
	Styles     int
	Location   string
	Text, Full string // as it is seen; and with what is folded away
}

// ours are the drawings of the shop's products.
const look = `(ours => ({
	rung: window.rung,
	elements: [...document.querySelectorAll("iframe,frame,object,embed,img,video,audio,source,base,template,math,foreignObject,animate,set,image,textarea,portal,marquee")].filter(e => !ours(e)).map(e => e.outerHTML),
	handlers: [...document.querySelectorAll("*")].flatMap(e => [...e.attributes]).filter(a => !(a.name === "src" && ours(a.ownerElement)) && /^on|^style$|^srcdoc$|^src$|^formaction$/i.test(a.name)).map(a => a.name + "=" + a.value),
	links: [...document.querySelectorAll("[href],[action]")].map(e => e.getAttribute("href") ?? e.getAttribute("action")).filter(h => h !== "data:," && new URL(h, location).origin !== location.origin),
	scripts: [...document.querySelectorAll("script")].filter(s => s.type !== "application/json").length,
	styles: document.querySelectorAll("style,link[rel=stylesheet]").length,
	location: location.pathname,
	text: document.body.innerText,
	full: document.body.textContent,
}))(e => e.matches("img.picture") && /^\/assets\/magic-wands\/[a-z0-9-]+\.[0-9a-f]{16}\.svg$/.test(e.getAttribute("src")))`

// Whatever the model answers, no script of it runs in the browser, no link leads out of
// the shop, nothing of it is requested, and every price is the catalogue's.
func TestBrowserMeetsHostileAnswers(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	g := w.StartGenerator()
	shop := cataloguetest.Shop(t, "magic-wands")
	var amounts []string
	for _, p := range shop.Products {
		amounts = append(amounts, shop.Money(p.NowCents()), shop.Money(p.PriceCents), shop.Money(p.SavedCents()))
	}
	// A few tabs open the pages of all answers, each one after the other.
	tabs := make(chan *world.Tab, 3)
	for range cap(tabs) {
		tab := world.OpenTab(t, 1280)
		tab.OnNewDocument(alarms)
		tabs <- tab
	}
	for i, answer := range answertest.All {
		shopper := fmt.Sprint("hostile-", i)
		w.Sim.SetAnswer(func(kimisim.Request) string { return answer.Answer })
		made := world.Post(t, g.Base+"/generate", fmt.Sprintf(`{"storeSlug":"magic-wands","shopperId":%q}`, shopper)).JSON(t)
		t.Run(answer.Name, func(t *testing.T) {
			t.Parallel()
			// An answer longer than the generator allows is truncated. What it begins with may be
			// used.
			whole := len(answer.Answer) < 4*mostAsked
			useful := answer.Types != "" && whole
			if source := made["source"]; whole && (source == "llm") != useful {
				t.Fatalf("the page is from %v, of sections %q", source, answer.Types)
			}
			tab := <-tabs
			defer func() { tabs <- tab }()
			d := observe(t, tab, e.Base+"/s/magic-wands?shopper="+shopper)
			for _, amount := range money.FindAllString(d.Text, -1) {
				if !slices.Contains(amounts, amount) {
					t.Errorf("the page says %s, which no product costs or saves", amount)
				}
			}
			if answer.Says(d.Text) {
				t.Errorf("the page says %q", answer.Never)
			}
			if sees := strings.Join(strings.Fields(answer.Sees), " "); useful && !strings.Contains(strings.Join(strings.Fields(d.Full), " "), sees) {
				t.Errorf("the page does not say %q", sees)
			}
		})
	}
}

// observe opens a page, which must be a hit, and checks that no script, link or element
// in it comes from the model.
func observe(t *testing.T, tab *world.Tab, address string) observed {
	t.Helper()
	got := tab.Visit(address)
	if got.Status != http.StatusOK || got.Get("X-Cache") != "HIT" {
		t.Fatalf("%d, %s", got.Status, got.Get("X-Cache"))
	}
	// Handlers of the mouse get their chance to run.
	tab.Run(`document.querySelectorAll("main *").forEach(e => e.dispatchEvent(new MouseEvent("mouseover", {bubbles: true})))`)
	d := world.Eval[observed](tab, look)
	if len(d.Rung)+len(d.Elements)+len(d.Handlers)+len(d.Links) > 0 || d.Scripts != 1 || d.Styles != 1 || d.Location != "/s/magic-wands" {
		t.Errorf("in the page: %+v", observed{Rung: d.Rung, Elements: d.Elements, Handlers: d.Handlers, Links: d.Links, Scripts: d.Scripts, Styles: d.Styles, Location: d.Location})
	}
	return d
}
