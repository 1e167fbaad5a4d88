package telemetry

import (
	"context"
	"runtime/debug"
	"strings"

	"go.opentelemetry.io/otel/metric"
)

// Build is what a process was built from.
type Build struct {
	// Version is the module's version, Revision the commit, or "" if it is not known, and Go
	// the version of Go.
	Version, Revision, Go string
}

// ReadBuild returns the build of this process.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown"}
	}
	b := Build{Version: info.Main.Version, Go: info.GoVersion}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

// String is the build in one line.
func (b Build) String() string {
	return strings.Join(strings.Fields(b.Version+" "+b.Revision+" "+b.Go), " ")
}

// observe registers the gauge of the build.
func (b Build) observe(p metric.MeterProvider) {
	Observe(p, "github.com/wandstore/wandstore/pkg/telemetry", func(_ context.Context, see See) error {
		see(BuildInfo, 1, Version.String(b.Version), Revision.String(b.Revision), GoVersion.String(b.Go))
		return nil
	}, BuildInfo)
}
