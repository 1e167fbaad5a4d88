package contract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
)

// No production service depends on a server or on a package for tests.
func TestServicesCarryNoServers(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"edge", "generator", "kimisim"} {
		b, err := os.ReadFile(filepath.Join(checkout.Root(t), "services", service, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range []string{"nats-server", "versity", "minio/minio "} {
			if strings.Contains(string(b), server) {
				t.Errorf("services/%s/go.mod requires %s", service, server)
			}
		}
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./...")
		list.Dir = filepath.Join(checkout.Root(t), "services", service)
		out, err := list.CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v: %s", err, out)
		}
		for _, server := range []string{"nats-server", "versity", "github.com/minio/minio/", "wandstore/pkg/natstest", "wandstore/pkg/miniotest", "wandstore/pkg/faulttest"} {
			if strings.Contains(string(out), server) {
				t.Errorf("services/%s imports %s", service, server)
			}
		}
	}
}
