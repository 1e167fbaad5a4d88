package personal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// ExportOptions says what an export holds.
type ExportOptions struct {
	// Shops are slugs. With All the shops that the session names come in addition.
	Shops []string
	All   bool
	// HTML adds the documents of the pages.
	HTML bool
}

// Export is all that is kept of one shopper, as one JSON document. The parts are the
// messages of the bus as protojson.
type Export struct {
	Shopper    string    `json:"shopper"`
	ExportedAt time.Time `json:"exportedAt"`
	// ForgottenAt is when the shopper was last forgotten, in all shops or in one that the
	// export is of.
	ForgottenAt *time.Time `json:"forgottenAt,omitempty"`
	// Session is a ShopperSession. It is empty if there is none.
	Session json.RawMessage `json:"session,omitempty"`
	// Shops are those in which anything is kept, by slug.
	Shops map[string]*ExportOfShop `json:"shops"`
	// Note says what is left out.
	Note string `json:"note,omitempty"`
}

// ExportOfShop is what is kept of a shopper in one shop beside the session.
type ExportOfShop struct {
	Pages []ExportedPage `json:"pages,omitempty"`
	// Job is a JobRecord.
	Job json.RawMessage `json:"job,omitempty"`
	// Breadcrumbs and Problems are lists of Breadcrumb.
	Breadcrumbs []json.RawMessage `json:"breadcrumbs,omitempty"`
	Problems    []json.RawMessage `json:"problems,omitempty"`
}

// ExportedPage is a page and the stores that have it.
type ExportedPage struct {
	Stores []string `json:"stores"`
	// Page is a Page, without its HTML unless that was asked for.
	Page json.RawMessage `json:"page"`
}

// The notes of an export.
const (
	noDrafts = "The draft of a page that is being written is not included: it lasts for minutes."
	noHTML   = noDrafts + " The HTML of the pages is left out: the shop's own export at /s/{store}/export has it."
)

// Export reads what is kept of a shopper. It reads store by store, so a change meanwhile
// may be in one part and not in another. Dead letters are not searched. Errors:
// pagekey.ErrInvalid for an invalid shopper id, else those of the stores: an export is
// complete or fails.
func (d *Data) Export(ctx context.Context, shopper string, o ExportOptions) (*Export, error) {
	if !pagekey.ValidShopper(shopper) {
		return nil, pagekey.ErrInvalid
	}
	e := &Export{Shopper: shopper, ExportedAt: d.now().UTC(), Shops: map[string]*ExportOfShop{}, Note: noDrafts}
	if !o.HTML {
		e.Note = noHTML
	}
	at, err := d.lastForgotten(ctx, shopper, o)
	if err != nil {
		return nil, fmt.Errorf("export shopper: %w", err)
	}
	if !at.IsZero() {
		e.ForgottenAt = &at
	}
	s, err := d.Sessions.Get(ctx, shopper)
	if err != nil {
		return nil, fmt.Errorf("export shopper: %w", err)
	}
	named := s
	if !o.All {
		named = nil
	}
	if stored(s) {
		if e.Session, err = wire.Marshal(sessionIn(s, o)); err != nil {
			return nil, fmt.Errorf("export session: %w", err)
		}
	}
	for _, key := range keys(shopper, o.Shops, named) {
		in, err := d.exportIn(ctx, key, o.HTML)
		if err != nil {
			return nil, fmt.Errorf("export shopper: %w", err)
		}
		if in != nil {
			e.Shops[key.Shop()] = in
		}
	}
	return e, nil
}

// lastForgotten is when the shopper was last forgotten in all shops or, of an export of
// some, in one of these; the zero time is never.
func (d *Data) lastForgotten(ctx context.Context, shopper string, o ExportOptions) (time.Time, error) {
	last, err := d.forgottenAt(ctx, shopper)
	if err != nil {
		return time.Time{}, err
	}
	for _, key := range keys(shopper, o.Shops, nil) {
		in, err := d.forgottenIn(ctx, key)
		if err != nil {
			return time.Time{}, err
		}
		if in.After(last) {
			last = in
		}
	}
	return last, nil
}

// sessionIn is the session as far as the export reaches: of one shop's shopper the signals
// of other shops are another person's, who happens to have the same id there.
func sessionIn(s *wandstorev1.ShopperSession, o ExportOptions) *wandstorev1.ShopperSession {
	if o.All {
		return s
	}
	in := proto.CloneOf(s)
	in.Stores = map[string]*wandstorev1.StoreSignals{}
	for _, slug := range o.Shops {
		if g, ok := s.GetStores()[slug]; ok {
			in.Stores[slug] = g
		}
	}
	return in
}

// exportIn returns what is kept under a key, or nil if nothing is.
func (d *Data) exportIn(ctx context.Context, key pagekey.Key, html bool) (*ExportOfShop, error) {
	var in ExportOfShop
	var err error
	if in.Pages, err = d.exportPages(ctx, key, html); err != nil {
		return nil, err
	}
	rec, err := jobqueue.ReadRecord(ctx, d.Jobs, key)
	switch {
	case err == nil:
		if in.Job, err = wire.Marshal(rec); err != nil {
			return nil, err
		}
	case !errors.Is(err, jobqueue.ErrNoRecord):
		return nil, err
	}
	breadcrumbs, problems, err := jobqueue.ReadTrail(ctx, d.Jobs, key)
	if err != nil {
		return nil, err
	}
	if in.Breadcrumbs, err = marshalAll(breadcrumbs); err != nil {
		return nil, err
	}
	if in.Problems, err = marshalAll(problems); err != nil {
		return nil, err
	}
	if in.Job == nil && len(in.Pages)+len(in.Breadcrumbs)+len(in.Problems) == 0 {
		return nil, nil //nolint:nilnil // nothing is kept, which is no error
	}
	return &in, nil
}

// exportPages returns the key's pages. A page that both stores have is one.
func (d *Data) exportPages(ctx context.Context, key pagekey.Key, html bool) ([]ExportedPage, error) {
	var (
		exported []ExportedPage
		last     *pagestore.Page
	)
	for _, tier := range []struct {
		name  string
		pages Pages
	}{{pagestore.TierMinIO, d.Permanent}, {pagestore.TierKV, d.Cache}} {
		page, err := tier.pages.Get(ctx, key)
		if errors.Is(err, pagestore.ErrMiss) || errors.Is(err, pagestore.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if last != nil && last.JobID() == page.JobID() && last.ETag() == page.ETag() {
			exported[0].Stores = append(exported[0].Stores, tier.name)
			continue
		}
		last = page
		msg := page.Message()
		if !html {
			msg.Html = ""
		}
		b, err := wire.Marshal(msg)
		if err != nil {
			return nil, err
		}
		exported = append(exported, ExportedPage{Stores: []string{tier.name}, Page: b})
	}
	return exported, nil
}

func marshalAll(breadcrumbs []*wandstorev1.Breadcrumb) ([]json.RawMessage, error) {
	all := make([]json.RawMessage, 0, len(breadcrumbs))
	for _, c := range breadcrumbs {
		b, err := wire.Marshal(c)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
