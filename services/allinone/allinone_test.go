package allinone_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/allinone"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// laptop is the all-in-one as a process of its own, as a person runs it.
type laptop struct {
	cmd      *exec.Cmd
	out, err *world.Log
	base     string
	natsURL  string
	env      []string
}

// startLaptop starts it on free ports with a fast kimisim.
func startLaptop(t *testing.T, dataDir string) *laptop {
	t.Helper()
	edgeAddr, natsAddr := freeport.Addr(t), freeport.Addr(t)
	l := &laptop{
		out: &world.Log{}, err: &world.Log{}, base: "http://" + edgeAddr, natsURL: "nats://" + natsAddr,
		env: append(os.Environ(),
			"WANDSTORE_DATA_DIR="+dataDir, "PRIVATE_ADDR=127.0.0.1:0", "EDGE_ADDR="+edgeAddr, "NATS_ADDR="+natsAddr,
			"GENERATOR_ADDR="+freeport.Addr(t), "S3_ADDR="+freeport.Addr(t), "KIMISIM_ADDR="+freeport.Addr(t),
			// A busy machine is no outage.
			"TRIGGER_TIMEOUT=10s", "STORE_TIMEOUT=10s", "SESSION_TIMEOUT=10s",
			"KIMISIM_FIRST_TOKEN=200ms", "KIMISIM_TOKENS_PER_SECOND=0", "KIMI_API_KEY="),
	}
	l.cmd = exec.CommandContext(t.Context(), world.Binary(t, "allinone"))
	l.cmd.Env, l.cmd.Dir = l.env, t.TempDir()
	l.cmd.Stdout, l.cmd.Stderr = l.out, l.err
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "it says that it is open", func() bool { return strings.Contains(l.out.String(), "WandStore is open") })
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
	e := &world.Process{Base: first.base}
	e.Visit(t, "magic-wands", "abc123")
	page := e.BecomesHit(t, "magic-wands", "abc123")
	for _, says := range []string{first.base + "/s/magic-wands?shopper=abc123", first.natsURL, "kimisim", "Ctrl-C"} {
		if !strings.Contains(first.out.String(), says) {
			t.Errorf("it does not say %q: %s", says, first.out)
		}
	}
	eventually.True(t, "it says that a job is done", func() bool { return strings.Contains(first.out.String(), "0 running, 1 done") })
	first.interrupt(t)

	second := startLaptop(t, data)
	again := (&world.Process{Base: second.base}).BecomesHit(t, "magic-wands", "abc123")
	if again.Body != page.Body {
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
	cmd.Env = append(slices.Clone(l.env), "NATS_URL="+l.natsURL, world.CLIPatience, "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+filepath.Join(checkout.Root(t), ".bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// commands are the lines of the sh blocks of a document's section.
func commands(t *testing.T, doc, heading string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(checkout.Root(t), doc))
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
	t.Cleanup(func() { _ = taken.Close() })
	// Building it takes longer than it may take to refuse.
	binary := world.Binary(t, "allinone")
	variables := []string{"EDGE_ADDR", "GENERATOR_ADDR", "NATS_ADDR", "S3_ADDR", "KIMISIM_ADDR"}
	for _, variable := range variables {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary)
			cmd.Env = append(os.Environ(), "KIMI_API_KEY=", "PRIVATE_ADDR=127.0.0.1:0", "WANDSTORE_DATA_DIR="+t.TempDir())
			for _, other := range variables {
				addr := freeport.Addr(t)
				if other == variable {
					addr = taken.Addr().String()
				}
				cmd.Env = append(cmd.Env, other+"="+addr)
			}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), variable) || strings.Count(string(out), "\n") != 1 || strings.Contains(string(out), "goroutine") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestWrongSetting(t *testing.T) {
	t.Parallel()
	world.RefusesSetting(t, "allinone", "S3_ADDR=nowhere")
}

// Whatever can be set is in the README's table.
func TestReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(checkout.Root(t), "README.md"))
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
