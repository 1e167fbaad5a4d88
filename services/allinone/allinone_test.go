package allinone_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/allinone"
)

// laptop is the all-in-one as a process of its own, as a person runs it.
type laptop struct {
	cmd      *exec.Cmd
	out, err *lines
	base     string
	natsURL  string
	env      []string
}

// startLaptop starts it on free ports with a fast kimisim.
func startLaptop(t *testing.T, dataDir string) *laptop {
	t.Helper()
	edgeAddr, natsAddr := freeAddr(t), freeAddr(t)
	l := &laptop{
		out: &lines{}, err: &lines{}, base: "http://" + edgeAddr, natsURL: "nats://" + natsAddr,
		env: append(os.Environ(),
			"WANDSTORE_DATA_DIR="+dataDir, "PRIVATE_ADDR=127.0.0.1:0", "EDGE_ADDR="+edgeAddr, "NATS_ADDR="+natsAddr,
			"GENERATOR_ADDR="+freeAddr(t), "S3_ADDR="+freeAddr(t), "KIMISIM_ADDR="+freeAddr(t),
			"KIMISIM_FIRST_TOKEN=200ms", "KIMISIM_TOKENS_PER_SECOND=0", "KIMI_API_KEY="),
	}
	l.cmd = exec.CommandContext(t.Context(), buildService(t, "allinone"))
	l.cmd.Env, l.cmd.Dir = l.env, t.TempDir()
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.err
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it says that it is open", func() bool { return strings.Contains(l.out.String(), "WandStore is open") })
	return l
}

// interrupt is Ctrl-C, and the wait for a clean end.
func (l *laptop) interrupt(t *testing.T) {
	t.Helper()
	if err := l.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Wait(); err != nil {
		t.Errorf("it ended badly: %v: %s", err, l.err)
	}
	if l.err.String() != "" {
		t.Errorf("it complained: %s", l.err)
	}
}

func TestAllInOneKeepsItsPages(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := startLaptop(t, data)
	e := &process{base: first.base}
	visit(t, e, "magic-wands", "abc123")
	page := becomesHit(t, e, "magic-wands", "abc123")
	for _, says := range []string{first.base + "/s/magic-wands?shopper=abc123", first.natsURL, "kimisim", "Ctrl-C"} {
		if !strings.Contains(first.out.String(), says) {
			t.Errorf("it does not say %q: %s", says, first.out)
		}
	}
	eventually(t, "it says that a job is done", func() bool { return strings.Contains(first.out.String(), "0 running, 1 done") })
	first.interrupt(t)

	second := startLaptop(t, data)
	again := becomesHit(t, &process{base: second.base}, "magic-wands", "abc123")
	if again.body != page.body {
		t.Error("the page is another one after a restart")
	}
	second.interrupt(t)
}

// The commands of the README's tour, as they stand there.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	l := startLaptop(t, t.TempDir())
	defer l.interrupt(t)
	shows := map[string]string{
		"curl -s -o /dev/null -D -":                      "X-Generation:",
		"curl -s 'http://localhost:8787/api/generation/": `"state":`,
		"curl -sN": `"state":"ready"`,
		"curl -s http://localhost:8787/api/shopper/track": `"accepted":2`,
		"curl -s http://localhost:8787/debug/generate":    `"source":"llm"`,
		"nats stream info GENERATION":                     "GENERATION",
		"nats consumer report":                            "pool-9",
		"nats kv history":                                 "debug.magic-wands.tour",
		"nats kv get GENERATION_QUEUE":                    `"JOB_STATE_READY"`,
		"nats kv get SHOPPER_SESSIONS":                    `"priceSorts":1`,
		"nats micro ls":                                   "wandstore-generator",
		"nats micro info":                                 "pool-3-health",
		"nats req wandstore.member":                       `"warm"`,
	}
	ran := 0
	for _, command := range commands(t, "README.md", "## A tour of five minutes") {
		out := l.sh(t, command)
		ran++
		for prefix, want := range shows {
			if strings.HasPrefix(command, prefix) && !strings.Contains(out, want) {
				t.Errorf("%s\ndoes not show %q:\n%s", command, want, out)
			}
		}
	}
	if ran < 15 {
		t.Errorf("only %d commands found in the README", ran)
	}
}

// sh runs a command of the docs against this laptop instead of the default ports.
func (l *laptop) sh(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "http://localhost:8787", l.base))
	cmd.Env = append(slices.Clone(l.env), "NATS_URL="+l.natsURL, "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+filepath.Join(root(t), ".bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// commands are the lines of the sh blocks of a document's section.
func commands(t *testing.T, doc, heading string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), doc))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(b), heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", doc, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var in []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				in = append(in, line)
			}
		}
	}
	return in
}

func TestTakenPortIsSaidClearly(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	binary := buildService(t, "allinone")
	for _, variable := range []string{"EDGE_ADDR", "GENERATOR_ADDR", "NATS_ADDR", "S3_ADDR", "KIMISIM_ADDR"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary)
		cmd.Env = append(os.Environ(), "KIMI_API_KEY=", "PRIVATE_ADDR=127.0.0.1:0", "WANDSTORE_DATA_DIR="+t.TempDir())
		for _, other := range []string{"EDGE_ADDR", "GENERATOR_ADDR", "NATS_ADDR", "S3_ADDR", "KIMISIM_ADDR"} {
			addr := freeAddr(t)
			if other == variable {
				addr = taken.Addr().String()
			}
			cmd.Env = append(cmd.Env, other+"="+addr)
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), variable) || strings.Count(string(out), "\n") != 1 || strings.Contains(string(out), "goroutine") {
			t.Errorf("%s: %v: %s", variable, err, out)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	built := map[string]string{}
	for _, service := range []string{"edge", "generator", "kimisim", "allinone"} {
		built[service] = buildService(t, service)
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

// Whatever can be set is in the README's table.
func TestReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var check func(reflect.Type)
	check = func(in reflect.Type) {
		for f := range in.Fields() {
			if f.Type.Kind() == reflect.Struct {
				check(f.Type)
			}
			if name := f.Tag.Get("env"); name != "" && !strings.Contains(string(readme), "`"+name+"`") {
				t.Errorf("%s is not in the README", name)
			}
		}
	}
	check(reflect.TypeFor[allinone.Config]())
	check(reflect.TypeFor[lifecycle.Process]())
}

// A server, or a test's tool, never reaches a production service's dependencies.
func TestServicesCarryNoServers(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"edge", "generator", "kimisim"} {
		b, err := os.ReadFile(filepath.Join(root(t), "services", service, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range []string{"nats-server", "versity", "minio/minio "} {
			if strings.Contains(string(b), server) {
				t.Errorf("services/%s/go.mod requires %s", service, server)
			}
		}
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./...")
		list.Dir = filepath.Join(root(t), "services", service)
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

// A first Ctrl-C lets a running job end; the page is there afterwards.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	gate := w.sim.Gate()
	g := w.startGenerator()
	visit(t, e, "magic-wands", "draining")
	select {
	case <-gate.Arrived():
	case <-time.After(patience):
		t.Fatal("the job is not started")
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.stop() }()
	eventually(t, "the generator takes no more jobs", func() bool {
		_, err := client.Get(g.base + "/health")
		return err != nil
	})
	gate.Open()
	<-stopped
	if hit := visit(t, e, "magic-wands", "draining"); hit.header.Get("X-Cache") != "HIT" {
		t.Error(fmt.Sprint("the running job was not finished: ", hit.header))
	}
}
