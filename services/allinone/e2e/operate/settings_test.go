package operate_test

import (
	"testing"

	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// A wrong setting is one line that names the variable and not its value, and exit 2,
// before anything starts.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for service, settings := range map[string][]string{
		"edge": {
			"POOL_SIZE=0", "POOL_SIZE=ten", "GENERATION_SHARDS=0", "GENERATION_SHARDS=101", "EDGE_ADDR=nowhere", "NATS_URL=::", "MINIO_ENDPOINT=http://here",
			"MINIO_ENDPOINT=minio:9000", "NATS_CA=/no/such/file", "WEBHOOK_SECRET=s3cr3t!", "CACHE_MEMORY_BYTES=1", "MINIO_USE_TLS=perhaps",
		},
		"generator": {
			"POOL_MEMBERS=0-99", "POOL_MEMBERS=a", "GENERATION_SHARDS=many", "EXIT_WHEN_IDLE=soon", "CONTAINER_INACTIVITY_TIMEOUT_MS=0", "LLM_TIMEOUT_SECONDS=0",
			"KIMI_BASE_URL=s3cr3t!", "AI_GATEWAY_URL=ftp://s3cr3t!", "NATS_CREDS=/no/such/file", "GENERATE_TOKEN=s3cr3t!",
		},
		"kimisim": {"KIMISIM_ADDR=nowhere", "KIMISIM_FIRST_TOKEN=soon"},
	} {
		for _, setting := range settings {
			t.Run(service+" "+setting, func(t *testing.T) {
				t.Parallel()
				world.RefusesSetting(t, service, setting)
			})
		}
	}
}
