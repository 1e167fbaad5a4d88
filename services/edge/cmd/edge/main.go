// Command edge answers shoppers.
//
// It is configured by the environment; the README lists the settings. With
// -stores.verify DIR it only checks the shop files in DIR and tells what their rules do, and
// with -preview.link SHOP it only prints a link; then it exits.
package main

import (
	"os"

	// An image from scratch has no certificate authorities.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/edge"
)

func main() {
	os.Exit(lifecycle.Main(lifecycle.Service[edge.Config]{
		Name: "edge", PrivateAddr: "127.0.0.1:9464", Run: edge.Run,
		Addr: func(cfg edge.Config) string { return cfg.Addr },
		Checks: []lifecycle.Check{
			{Name: "stores.verify", Usage: "tell whether the store files in the `folder` are right", Do: design.Verify},
			{Name: "preview.link", Usage: "print a link, valid for a week, to a preview of the pages of the `store`, by its key of LINK_KEYS", Do: edge.PreviewLink(os.Getenv("LINK_KEYS"))},
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
