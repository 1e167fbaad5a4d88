// Command keda prints the ScaledObject of the generators, by the settings of the environment:
// POOL_SIZE, GENERATION_SHARDS, POOL_CONCURRENCY and KIMI_MAX_CONCURRENCY.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// jobsPerGenerator is how many jobs a generator of deploy/kubernetes is to run at a time: with
// its GOMEMLIMIT of 400 MiB each has 4 MiB.
const jobsPerGenerator = 100

// config is the settings that say how many jobs can run at a time.
type config struct {
	Pool wandnats.Settings
	// MaxConcurrency is how many calls the model's account allows at a time; 0 is unknown.
	MaxConcurrency int `env:"KIMI_MAX_CONCURRENCY"`
}

func (c config) Validate() error {
	if err := c.Pool.Validate(); err != nil {
		return err
	}
	if c.MaxConcurrency < 0 {
		return errors.New("KIMI_MAX_CONCURRENCY is below 0")
	}
	return nil
}

func main() {
	if err := run(os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(environ []string, out io.Writer) error {
	var c config
	if err := lifecycle.Load(environ, &c); err != nil {
		return err
	}
	_, err := out.Write(scaledObject(c))
	return err
}

// scaledObject returns the ScaledObject. What it follows is how many jobs can run at a time: of
// those that each member holds as many as it may run, and no more than the account allows.
func scaledObject(c config) []byte {
	members := c.Pool.Members()
	most := len(members) * c.Pool.Concurrency
	can := make([]string, len(members))
	for i, member := range members {
		can[i] = fmt.Sprintf("min(%s, %d.0)", triggerName(member), c.Pool.Concurrency)
	}
	formula := strings.Join(can, " + ")
	if c.MaxConcurrency > 0 && c.MaxConcurrency < most {
		most = c.MaxConcurrency
		formula = fmt.Sprintf("min(%s, %d.0)", formula, most)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, head, (most+jobsPerGenerator-1)/jobsPerGenerator, formula, strconv.Itoa(jobsPerGenerator))
	for _, member := range members {
		fmt.Fprintf(&out, trigger, triggerName(member), member, strconv.Itoa(jobsPerGenerator))
	}
	return out.Bytes()
}

// triggerName is a member's name in the formula, where a hyphen is a minus.
func triggerName(member string) string {
	return "m_" + strings.ReplaceAll(member, "-", "_")
}

const head = `# Made by ` + "`task generate`" + `. For other settings:
#   POOL_CONCURRENCY=50 KIMI_MAX_CONCURRENCY=200 go run ./deploy/internal/keda >deploy/kubernetes/keda/generator.yaml
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: generator}
spec:
  scaleTargetRef: {name: generator}
  minReplicaCount: 0
  maxReplicaCount: %d
  pollingInterval: 5
  # Longer than the longest job (two calls of LLM_TIMEOUT_SECONDS and 30 s).
  cooldownPeriod: 600
  # Where NATS or a consumer does not answer, nobody knows what waits. One is enough then.
  fallback: {failureThreshold: 12, replicas: 1}
  advanced:
    # The jobs that can run at a time, of those that wait and run: POOL_CONCURRENCY of each
    # member, and altogether KIMI_MAX_CONCURRENCY, if it is set. More generators than these
    # jobs need would make no page sooner.
    scalingModifiers:
      formula: "%s"
      target: %q
      activationTarget: "0"
  triggers:
`

const trigger = `    - type: nats-jetstream
      name: %s
      metadata: {natsServerMonitoringEndpoint: "nats.wandstore.svc:8222", account: WANDSTORE, stream: GENERATION, consumer: %s, lagThreshold: %q, activationLagThreshold: "0"}
`
