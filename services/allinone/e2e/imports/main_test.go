package imports_test

import (
	"os"
	"testing"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

func TestMain(m *testing.M) { os.Exit(world.Main(m).Run()) }
