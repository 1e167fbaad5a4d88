package importer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Exit statuses of the command.
const (
	statusOK      = 0
	statusFailed  = 1
	statusUsage   = 2
	statusLeftOut = 3
	statusRefused = 4
)

// connectTimeout bounds the wait for NATS: somebody sits in front of a terminal.
const connectTimeout = 10 * time.Second

// Command runs "importer import" and returns its exit status. args are those after the
// word import.
func Command(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, reportPath, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return statusOK
	}
	var cfg CommandConfig
	if err == nil {
		err = lifecycle.Load(environ, &cfg)
	}
	if err != nil {
		fmt.Fprintf(stderr, "importer: %v\n", err)
		return statusUsage
	}
	o.Token, o.Stdin, o.Progress, o.Now = cfg.ShopifyToken, stdin, stderr, time.Now()
	if (o.Format == formatAdmin || o.Format == formatStorefront) && o.Token == "" {
		fmt.Fprintf(stderr, "importer: %s needs the setting SHOPIFY_TOKEN\n", o.Format)
		return statusUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch reportPath {
	case "":
	case "-":
		o.Report = stdout
	default:
		file, err := os.Create(reportPath)
		if err != nil {
			fmt.Fprintf(stderr, "importer: %v\n", err)
			return statusUsage
		}
		defer file.Close()
		o.Report = file
	}
	return execute(ctx, cfg, o, stdout, stderr)
}

// execute connects, imports and prints.
func execute(ctx context.Context, cfg CommandConfig, o Options, stdout, stderr io.Writer) int {
	nc, js, err := wandnats.Dial(cfg.NATS, "importer", telemetry.NewLogger(io.Discard, "importer"))
	if err != nil {
		fmt.Fprintf(stderr, "importer: %v\n", err)
		return statusFailed
	}
	defer nc.Close()
	if !connected(ctx, nc) {
		fmt.Fprintln(stderr, "importer: NATS_URL: no server answers there")
		return statusFailed
	}
	summary, err := Import(ctx, js, o)
	if o.Report != stdout && (err == nil || summary.Read > 0) {
		summary.Print(stdout, o.Shop, o.DryRun)
	}
	switch {
	case errors.Is(err, ErrNoShop):
		fmt.Fprintf(stderr, "importer: %s: %v\n", o.Shop, err)
		return statusUsage
	case err != nil:
		fmt.Fprintf(stderr, "importer: %s\n", oneLine(err))
		if refused := nc.LastError(); errors.Is(refused, nats.ErrPermissionViolation) {
			// NATS does not answer what its user may not, so the error above says only that.
			fmt.Fprintf(stderr, "importer: %s\n", oneLine(refused))
		}
		return statusFailed
	case summary.Refused > 0:
		return statusRefused
	case summary.Faults > 0:
		return statusLeftOut
	}
	return statusOK
}

// connected waits for the connection.
func connected(ctx context.Context, nc *nats.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	changes := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(changes)
	if nc.IsConnected() {
		return true
	}
	select {
	case <-changes:
		return true
	case <-ctx.Done():
		return false
	}
}

// parse reads the flags.
func parse(args []string, stderr io.Writer) (o Options, report string, err error) {
	flags := flag.NewFlagSet("importer import", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "importer import -shop SLUG [flags] SOURCE\nSOURCE is a file, - or an address.")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.Shop, "shop", "", "the shop's `slug`")
	flags.StringVar(&o.Format, "format", formatAuto, "the source's `format`: "+strings.Join(formats, ", "))
	flags.StringVar(&o.Encoding, "encoding", "", "the `name` of the file's encoding, such as windows-1251; it is found out where it can be")
	flags.BoolVar(&o.DryRun, "dry-run", false, "write nothing, and tell what would be written")
	flags.BoolVar(&o.Yes, "yes", false, "remove products even if they are more than a tenth of the shop's")
	flags.StringVar(&report, "report", "", "write what became of each product to the `file`, a line of JSON each; - is the standard output")
	flags.StringVar(&o.New.Name, "name", "", "the shop's `name`, if it is new")
	flags.StringVar(&o.New.Currency, "currency", "", "the shop's `currency` by ISO 4217, if it is new")
	flags.StringVar(&o.New.Locale, "locale", "en", "the shop's `locale`, such as en-GB, if it is new")
	flags.StringVar(&o.New.Checkout, "checkout", "", "the `address` where carts are paid, if the shop is new: that of the shop at Shopify or WooCommerce, or a template with {items}")
	flags.Func("since", "with an API, only what was changed since the `time`, such as 2026-11-26T08:00:00Z", func(s string) error {
		o.Since, err = time.Parse(time.RFC3339, s)
		return err
	})
	// Flags may stand behind the source too, as people write them.
	var sources []string
	for rest := args; ; rest = flags.Args()[1:] {
		if err := flags.Parse(rest); err != nil {
			return o, "", err
		}
		if flags.NArg() == 0 {
			break
		}
		sources = append(sources, flags.Arg(0))
	}
	switch {
	case len(sources) != 1:
		return o, "", errors.New("name one source: a file, - or an address")
	case !pagekey.ValidShop(o.Shop):
		return o, "", errors.New("-shop is not lower-case letters, digits and dashes, at most 63")
	case !slices.Contains(formats, o.Format):
		return o, "", errors.New("-format is not one of " + strings.Join(formats, ", "))
	case !o.Since.IsZero() && o.Format != formatAdmin && o.Format != formatStorefront:
		return o, "", errors.New("-since is for shopify-admin and shopify-storefront only")
	}
	o.Source = sources[0]
	return o, report, nil
}
