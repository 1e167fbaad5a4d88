package world

import (
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// Main is for a room's TestMain. Its Run runs the room's tests, then stops what they
// shared.
func Main(m natstest.Runner) natstest.Runner { return runner{natstest.Main(miniotest.Main(m))} }

type runner struct{ m natstest.Runner }

func (r runner) Run() int {
	defer removeBinaries()
	defer sharedChromium.stop()
	return r.m.Run()
}
