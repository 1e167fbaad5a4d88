package lifecycle_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
