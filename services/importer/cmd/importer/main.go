// Command importer fills a shop with a merchant's products. "importer import" reads an
// export, a feed or an API, and ends; without arguments it is a service that takes
// webhooks.
//
// It is configured by the environment; the README lists the settings.
package main

import (
	"os"

	// An image from scratch has no certificate authorities.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/importer"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "import" {
		os.Exit(importer.Command(os.Args[2:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(lifecycle.Main(lifecycle.Service[importer.Config]{
		Name: "importer", PrivateAddr: "127.0.0.1:9468", Run: importer.Run,
		Addr: func(cfg importer.Config) string { return cfg.Addr },
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
