package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestMain(m *testing.M) {
	status := natstest.Main(miniotest.Main(m)).Run()
	_ = os.RemoveAll(binaries) // in the temporary directory: nothing depends on it
	os.Exit(status)
}

// binaries is the folder of the services' commands, once they are built.
var binaries string

var build = sync.OnceValue(func() (err error) {
	if binaries, err = os.MkdirTemp("", "deploy-"); err != nil {
		return err
	}
	out, err := exec.Command("go", "build", "-o", binaries,
		"github.com/wandstore/wandstore/services/edge/cmd/edge", "github.com/wandstore/wandstore/services/generator/cmd/generator").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// service is the path of a service's command, which is built once for all tests.
func service(t *testing.T, name string) string {
	t.Helper()
	must(t, build())
	return filepath.Join(binaries, name)
}
