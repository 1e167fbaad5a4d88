package progress

import (
	"os"
	"testing"

	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) { os.Exit(natstest.Main(m).Run()) }
