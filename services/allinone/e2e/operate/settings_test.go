package operate_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	built := map[string]string{}
	for _, service := range []string{"edge", "generator", "kimisim", "allinone"} {
		built[service] = world.Binary(t, service)
	}
	for _, c := range []struct{ service, setting string }{
		{"edge", "POOL_SIZE=0"}, {"edge", "POOL_SIZE=ten"}, {"edge", "EDGE_ADDR=nowhere"}, {"edge", "NATS_URL=::"},
		{"edge", "MINIO_ENDPOINT=http://here"}, {"edge", "WEBHOOK_SECRET=s3cr3t!"}, {"edge", "CACHE_MEMORY_BYTES=1"}, {"edge", "MINIO_USE_TLS=perhaps"},
		{"generator", "POOL_MEMBERS=0-99"}, {"generator", "POOL_MEMBERS=a"}, {"generator", "EXIT_WHEN_IDLE=soon"},
		{"generator", "CONTAINER_INACTIVITY_TIMEOUT_MS=0"}, {"generator", "LLM_TIMEOUT_SECONDS=0"},
		{"generator", "KIMI_BASE_URL=s3cr3t!"}, {"generator", "AI_GATEWAY_URL=ftp://s3cr3t!"}, {"generator", "NATS_CREDS=/no/such/file"},
		{"kimisim", "KIMISIM_ADDR=nowhere"}, {"kimisim", "KIMISIM_FIRST_TOKEN=soon"}, {"allinone", "S3_ADDR=nowhere"},
	} {
		// One that starts after all is ended, and has the wrong status.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		cmd := exec.CommandContext(ctx, built[c.service])
		cmd.Env = append(os.Environ(), c.setting)
		out, err := cmd.CombinedOutput()
		cancel()
		variable, _, _ := strings.Cut(c.setting, "=")
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), variable) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s with %s: %v: %s", c.service, c.setting, err, out)
		}
		if strings.Contains(string(out), "s3cr3t!") {
			t.Errorf("%s with %s shows the value: %s", c.service, c.setting, out)
		}
	}
}
