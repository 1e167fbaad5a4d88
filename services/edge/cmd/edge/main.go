// Command edge answers shoppers.
//
// It is configured by the environment; the README lists the settings.
package main

import (
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/edge"
)

func main() {
	os.Exit(lifecycle.Main("edge", os.Environ(), os.Stderr, edge.Run))
}
