// Command generator works off the pool members' generation jobs.
//
// It is configured by the environment; the README lists the settings.
package main

import (
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/generator"
)

func main() {
	os.Exit(lifecycle.Main("generator", os.Environ(), os.Stderr, generator.Run))
}
