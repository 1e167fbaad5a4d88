// Command generator serves pool members: it makes the pages of their jobs.
//
// It is configured by the environment; the README lists the settings. Called as
// generator -provision, as a NATS user with the rights to, it creates and updates the
// streams, buckets and consumers, and ends; generator -provision.stay goes on, and makes
// anew whatever is lost.
package main

import (
	"os"

	// An image from scratch has no certificate authorities.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/generator"
)

func main() {
	os.Exit(lifecycle.Main(lifecycle.Service[generator.Config]{
		Name: "generator", PrivateAddr: "127.0.0.1:9465", Run: generator.Run, Private: generator.Console,
		Addr: func(cfg generator.Config) string { return cfg.Addr },
		Tasks: []lifecycle.Task[generator.Config]{
			{Name: "provision", Usage: "create and update the streams, buckets and consumers on NATS", Do: generator.Provision},
			{Name: "provision.stay", Usage: "do so, and make anew whatever is lost", Do: generator.ProvisionAndStay},
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
