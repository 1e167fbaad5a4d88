//go:build soak

package operate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// release is WandStore at a commit.
type release struct {
	name   string
	root   string // of its files
	binary func(service string) string
}

// production is two edges behind a balancer, two generators, and NATS with its users, as
// deploy/compose.yaml has them, and shoppers who come.
type production struct {
	*world.World

	t        *testing.T
	port     int // of NATS
	stopNATS func()

	mu    sync.Mutex
	edges []*world.Process // that the balancer knows

	generators []*world.Process
	came       atomic.Int64
}

func startProduction(t *testing.T, r release) *production {
	t.Helper()
	p := &production{World: world.New(t, world.Paced(time.Second, 0)), t: t}
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	_, port, err := net.SplitHostPort(freeport.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(port, &p.port); err != nil {
		t.Fatal(err)
	}
	p.compose("up -d --force-recreate nats", r)
	for range 2 {
		p.edges = append(p.edges, p.start(r, "edge"))
		p.generators = append(p.generators, p.start(r, "generator"))
	}
	for _, e := range p.edges {
		e.Ready(t)
	}
	for _, g := range p.generators {
		g.Healthy(t)
	}
	return p
}

// url is NATS as one of its users sees it.
func (p *production) url(user string) string {
	return fmt.Sprintf("nats://%s:%s-password@127.0.0.1:%d", user, user, p.port)
}

// start starts a service of a release as a process of its own. Its Stop is a SIGTERM, and
// waits for its end.
func (p *production) start(r release, service string) *world.Process {
	p.t.Helper()
	addr := freeport.Addr(p.t)
	cmd := p.command(r, service, "EDGE_ADDR="+addr, "GENERATOR_ADDR="+addr)
	started := &world.Process{Base: "http://" + addr, Log: &world.Log{}}
	cmd.Stdout, cmd.Stderr = started.Log, started.Log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	started.Stop = sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("the %s of the %s release: %v", service, r.name, err)
		}
	})
	p.t.Cleanup(func() {
		started.Stop()
		if p.t.Failed() {
			p.t.Logf("the %s of the %s release: %s", service, r.name, started.Log)
		}
	})
	started.Answers(p.t)
	return started
}

func (p *production) command(r release, service string, env ...string) *exec.Cmd {
	cmd := exec.Command(r.binary(service))
	cmd.Env = append(append(append(cmd.Environ(), p.Environment()...), "NATS_URL="+p.url(service), "TRIGGER_TIMEOUT=2s", "STORE_TIMEOUT=2s", "SESSION_TIMEOUT=2s"), env...)
	return cmd
}

// typed does what the README of deploy says under a title: the commands of the first block
// after it.
func (p *production) typed(title string, to release) {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(checkout.Root(p.t), "deploy", "README.md"))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, found := strings.Cut(string(b), "```sh\n# "+title)
	if !found {
		p.t.Fatalf("deploy/README.md has no block %q", title)
	}
	_, after, _ = strings.Cut(after, "\n")
	block, _, _ := strings.Cut(after, "```")
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		p.t.Logf("%s $ %s", time.Now().Format(time.TimeOnly), line)
		switch command, rest, _ := strings.Cut(line, " "); command {
		case "", "git", "task", "export": // the release is there already, and its passwords
		case "compose":
			p.compose(strings.TrimSpace(rest), to)
		default:
			p.shell(line)
		}
	}
}

// shell runs a line with the pinned nats CLI as operator.
func (p *production) shell(line string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", line)
	cmd.Env = append(cmd.Environ(), "PATH="+filepath.Dir(checkout.Tool(p.t, "nats"))+":"+os.Getenv("PATH"),
		"XDG_CONFIG_HOME="+p.t.TempDir(), world.CLIPatience, "NATS_URL="+p.url("operator"))
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// compose does to production what docker compose would, one after the other.
func (p *production) compose(args string, r release) {
	p.t.Helper()
	switch args {
	case "up -d --force-recreate nats":
		if p.stopNATS != nil {
			p.stopNATS()
		}
		p.stopNATS = startNATS(p.t, securedBy(p.t, r.root, p.port))
	case "up -d provision":
		cmd := p.command(r, "generator", "NATS_URL="+p.url("provision"))
		cmd.Args = append(cmd.Args, "-provision")
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Fatalf("provision: %v: %s", err, out)
		}
	case "stop provision": // it has ended
	case "stop generator":
		for _, g := range p.generators {
			g.Stop()
		}
		p.generators = nil
	case "up -d generator":
		for range 2 {
			g := p.start(r, "generator")
			g.Healthy(p.t)
			p.generators = append(p.generators, g)
		}
	case "up -d edge":
		for _, old := range p.serving() {
			e := p.start(r, "edge")
			e.Ready(p.t)
			p.balance(func() { p.edges = append(p.edges[1:], e) })
			old.Stop()
		}
	default:
		p.t.Fatalf("compose %s: not known here", args)
	}
}

func (p *production) balance(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// serving is the edges that the balancer knows.
func (p *production) serving() (edges []*world.Process) {
	p.balance(func() { edges = slices.Clone(p.edges) })
	return edges
}

// edge is any of them.
func (p *production) edge() *world.Process {
	edges := p.serving()
	return edges[rand.IntN(len(edges))]
}

func shopperName(n int64) string { return fmt.Sprint("upgrade-", n) }

// bringShoppers has new and returning shoppers come until they leave. Each has to be
// answered with a page, by the edge that the balancer chooses or, if that has just ended, by
// the next.
func (p *production) bringShoppers() (leave func()) {
	stopNew := world.Every(p.t, 300*time.Millisecond, func() { p.visit(shopperName(p.came.Add(1) - 1)) })
	stopReturning := world.Every(p.t, 100*time.Millisecond, func() { p.visit(shopperName(rand.N(max(1, p.came.Load())))) })
	return func() { stopNew(); stopReturning() }
}

func (p *production) visit(shopper string) {
	var failed error
	for range 2 {
		res, err := world.Client.Get(p.edge().Base + "/s/magic-wands?shopper=" + shopper)
		if failed = err; err != nil {
			continue
		}
		var page bytes.Buffer
		_, err = page.ReadFrom(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(page.String(), "</html>") {
			p.t.Errorf("%s is answered with %d, %v: %.200s", shopper, res.StatusCode, err, page.String())
		}
		return
	}
	p.t.Errorf("%s is not answered: %v", shopper, failed)
}

// awaitShoppers waits until forty new shoppers have come and have pages of their own.
func (p *production) awaitShoppers() {
	p.t.Helper()
	const n int64 = 40
	from := p.came.Load()
	eventually.TrueWithin(p.t, 5*time.Minute, "shoppers come", func() bool { return p.came.Load() >= from+n })
	for i := range n {
		p.edge().BecomesHit(p.t, "magic-wands", shopperName(from+i))
	}
}
