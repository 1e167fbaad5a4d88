package catalogue_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) { leaktest.Main(natstest.Main(m)) }
