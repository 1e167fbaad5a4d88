package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
	"github.com/wandstore/wandstore/services/importer/internal/progress"
	"github.com/wandstore/wandstore/services/importer/internal/shelf"
)

// Options is what is imported, and how.
type Options struct {
	// Shop is the shop's slug.
	Shop string
	// Source is a path, an address, or "-" for Stdin. Format is one of the formats.
	Source, Format string
	Stdin          io.Reader
	// Encoding is the name of a file's encoding, or "" to find it out.
	Encoding string
	// Token is that of a Shopify API. With Since it gives only what was changed since then.
	Token string
	Since time.Time
	// DryRun writes nothing. Yes removes more than a tenth.
	DryRun, Yes bool
	// New is how the shop's document is made if there is none.
	New NewShop
	// Report, unless nil, gets every entry, a line of JSON each. Progress is for people.
	Report, Progress io.Writer
	// Now is the time that sales are judged by.
	Now time.Time
}

// run is an import that runs.
type run struct {
	options *Options
	shop    *shop
	mapper  *mapping.Mapper
	shelf   *shelf.Shelf
	summary *Summary
	// seen is the line of each product that the source names.
	seen map[string]int
	// unnamed is what is known of a product whose id is not, or "".
	unnamed string
}

// Import reads a source and writes what differs. The summary tells what was done, also when
// the import failed midway.
func Import(ctx context.Context, js jetstream.JetStream, o Options) (*Summary, error) {
	r := &run{options: &o, summary: newSummary(o.Report), seen: map[string]int{}}
	bar := progress.New(o.Progress)
	defer bar.Done()
	in, err := o.open(ctx, bar.Total)
	if err != nil {
		return r.summary, fmt.Errorf("%s: %w", o.Source, err)
	}
	defer in.close()
	r.summary.Format = in.format
	if in.notice != "" {
		r.summary.add(Entry{Outcome: outcomeNotice, Product: o.Source, Reason: in.notice})
	}
	if r.shop, err = openShop(ctx, js, &o); err != nil {
		return r.summary, err
	}
	if r.mapper, err = mapping.New(r.shop.currency); err != nil {
		return r.summary, err
	}
	if r.shelf, err = shelf.Open(ctx, js, o.Shop, o.DryRun); err != nil {
		return r.summary, err
	}
	err = in.reader.Read(ctx, func(l listing.Product) error {
		bar.Add()
		return r.product(ctx, &l)
	})
	if err != nil {
		// What was written stays: each product is whole.
		r.summary.Kept = "the source was not read to its end"
		return r.summary, errors.Join(fmt.Errorf("%s: %w", o.Source, err), r.shelf.Flush())
	}
	if err := r.remove(ctx); err != nil {
		return r.summary, errors.Join(err, r.shelf.Flush())
	}
	if err := r.shelf.Flush(); err != nil {
		return r.summary, err
	}
	for _, product := range r.shelf.Stayed() {
		r.summary.Removed--
		r.summary.add(Entry{Outcome: outcomeNotice, Product: product, Reason: "was changed while the source was read, and stays"})
	}
	return r.summary, errors.Join(r.shop.finish(ctx, r.summary, o.DryRun), r.summary.err)
}

// product takes one product of the source.
func (r *run) product(ctx context.Context, l *listing.Product) error {
	r.summary.Read++
	id := mapping.ID(l)
	e := Entry{Product: id, Line: l.Line}
	if id == "" {
		e.Product, e.Reason = l.Title, "has neither a handle nor an id"
		if l.Fault != "" {
			e.Reason = l.Fault
		}
		r.unnamed = fmt.Sprintf("the product of line %d has no id", l.Line)
		r.summary.leaveOut(e, true)
		return nil
	}
	if line, twice := r.seen[id]; twice {
		e.Reason = "has the id of another product"
		if line > 0 {
			e.Reason += fmt.Sprintf(", that of line %d", line)
		}
		r.summary.leaveOut(e, true)
		return nil
	}
	if l.Hidden != "" && l.Fault == "" {
		// It is not marked as seen: it is removed if the shop has it.
		e.Reason = l.Hidden
		r.summary.leaveOut(e, false)
		if r.shelf.Has(id) && !r.options.Since.IsZero() {
			return r.removeOne(ctx, id, l.Hidden)
		}
		return nil
	}
	r.seen[id] = l.Line
	if l.AddedAt.IsZero() && r.shelf.Size() > 0 && !r.shelf.Has(id) {
		// What comes to a shop that has products already is a new arrival.
		l.AddedAt = r.options.Now
	}
	mapped, err := r.mapper.Product(l)
	if err != nil {
		e.Reason = oneLine(err)
		r.summary.leaveOut(e, true)
		return nil
	}
	for _, notice := range mapped.Notices {
		r.summary.add(Entry{Outcome: outcomeNotice, Product: id, Line: l.Line, Reason: string(notice)})
	}
	r.shop.count(mapped.Collections)
	outcome, changes, err := r.shelf.Put(ctx, mapped.Product, mapped.Encoded)
	if err != nil {
		return err
	}
	e.Reason = strings.Join(changes, ", ")
	r.summary.count(outcome, e)
	return nil
}

// remove removes what the source does not name.
func (r *run) remove(ctx context.Context) error {
	var gone []string
	for product := range r.shelf.Products {
		if _, named := r.seen[product]; !named {
			gone = append(gone, product)
		}
	}
	switch {
	case len(gone) == 0:
	case !r.options.Since.IsZero():
		// A source of changes names what was changed only.
	case r.unnamed != "":
		r.summary.Kept = r.unnamed
	case len(gone)*10 > r.shelf.Size() && !r.options.Yes:
		r.summary.Refused = len(gone)
		r.summary.Kept = fmt.Sprintf("%d of %d products are not for sale in the source, which is more than a tenth: -yes removes them", len(gone), r.shelf.Size())
	default:
		for _, product := range gone {
			if err := r.removeOne(ctx, product, "is not for sale in the source"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) removeOne(ctx context.Context, product, reason string) error {
	if err := r.shelf.Remove(ctx, product); err != nil {
		return err
	}
	r.summary.count(shelf.Removed, Entry{Product: product, Reason: reason})
	return nil
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
