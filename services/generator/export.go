package generator

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go/micro"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/personal"
)

// Exporter exports what is kept of shoppers.
type Exporter interface {
	// Export returns what is kept of the shopper in the given shops, and with All in every
	// other that their session names.
	Export(ctx context.Context, shopper string, o personal.ExportOptions) (*personal.Export, error)
}

// export answers {"shopper": "ID"} with all that is kept of the shopper, without the HTML
// of the pages. With "store" it answers for one shop, as for a shopper of so many shops
// that a message does not hold all.
func (g *Generator) export(ctx context.Context, p *Pool, r micro.Request) {
	ask, err := readPerson(r.Data())
	if err != nil {
		_ = r.Error("400", err.Error(), nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.controlTimeout())
	defer cancel()
	kept, err := g.kept(ctx, p, ask.Shopper, ask.Store)
	if err != nil {
		g.log.WarnContext(ctx, "shopper not exported", "error", err)
		_ = r.Error("503", "not everything could be read: ask again", nil)
		return
	}
	respondByShop(r, kept)
}

// kept is what is kept of a shopper in a shop, or in all if shop is "".
func (g *Generator) kept(ctx context.Context, p *Pool, shopper, shop string) (*personal.Export, error) {
	options := personal.ExportOptions{Shops: g.slugs(), All: true}
	if shop != "" {
		options = personal.ExportOptions{Shops: []string{shop}}
	}
	return p.Exporter.Export(ctx, shopper, options)
}

// respondByShop answers with JSON, which may be asked for shop by shop if one message does
// not hold it.
func respondByShop(r micro.Request, answer any) {
	if err := r.RespondJSON(answer); errors.Is(err, micro.ErrRespond) {
		_ = r.Error("413", `too much for one message: ask shop by shop, with "store"`, nil)
	}
}

// person is whom a request is about: a shopper in one shop, or in all without Store.
type person struct {
	Shopper string `json:"shopper"`
	Store   string `json:"store"`

	key pagekey.Key // zero without Store
}

var errPerson = errors.New(`want {"shopper": "ID"}, and "store" for one shop only`)

// readPerson reads {"shopper": "ID", "store": "SLUG"}, in which the store may be missing.
func readPerson(request []byte) (person, error) {
	var p person
	if err := json.Unmarshal(request, &p); err != nil || !pagekey.ValidShopper(p.Shopper) {
		return person{}, errPerson
	}
	if p.Store == "" {
		return p, nil
	}
	var err error
	if p.key, err = pagekey.New(p.Store, p.Shopper); err != nil {
		return person{}, errPerson
	}
	return p, nil
}

// slugs are those of the shops of this moment.
func (g *Generator) slugs() []string {
	return catalogue.Slugs(g.deps.Shops.All())
}
