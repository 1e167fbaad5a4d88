package console

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(natstest.Main(m)) }
