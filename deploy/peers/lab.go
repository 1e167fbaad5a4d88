package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// errMissing: a program is not installed.
var errMissing = errors.New("not installed")

// lab is where contenders run: a folder for their data, and how to end what was started.
type lab struct {
	// root is the repository's folder.
	root string
	dir  string
	// private is the private address of an edge; "" is none.
	private string
	ends    []func()
}

// newLab makes a lab in a folder, or in the machine's for temporary files.
func newLab(root, folder string) (*lab, error) {
	dir, err := os.MkdirTemp(folder, "peers-")
	if err != nil {
		return nil, err
	}
	// Postgres runs as a user of its own.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	l := &lab{root: root, dir: dir}
	l.onEnd(func() { _ = os.RemoveAll(dir) })
	return l, nil
}

// inner makes a lab that ends before this one.
func (l *lab) inner() (*lab, error) {
	inner, err := newLab(l.root, l.dir)
	if err == nil {
		inner.private = l.private
	}
	return inner, err
}

func (l *lab) onEnd(f func()) { l.ends = append(l.ends, f) }

// end ends what was started, the last first.
func (l *lab) end() {
	for _, f := range slices.Backward(l.ends) {
		f()
	}
}

// tool finds a program: one of ours or a pinned one, the machine's, or Debian's Postgres,
// which is on nobody's PATH. The error wraps errMissing.
func (l *lab) tool(name string) (string, error) {
	ours := filepath.Join(l.root, ".bin", name)
	if _, err := os.Stat(ours); err == nil {
		return ours, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", name))
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	return "", fmt.Errorf("%s: %w", name, errMissing)
}

// process is a program that runs in a lab.
type process struct {
	cmd    *exec.Cmd
	log    string
	stop   context.CancelFunc
	exited chan struct{}
}

// start runs a program until the lab ends. setUp may change the command before.
func (l *lab) start(ctx context.Context, name string, args, env []string, setUp ...func(*exec.Cmd)) (*process, error) {
	path, err := l.tool(name)
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp(l.dir, filepath.Base(name)+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	ctx, stop := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = l.dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	// It ends in good order, so that nothing is written into a folder that is removed.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	for _, f := range setUp {
		f(cmd)
	}
	if err := cmd.Start(); err != nil {
		stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &process{cmd: cmd, log: log.Name(), stop: stop, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	l.onEnd(p.end)
	return p, nil
}

// end stops the process and waits for its end.
func (p *process) end() {
	p.stop()
	<-p.exited
}

// patience is how long a busy machine may take for what is quick.
const patience = time.Minute

// await waits until ready is true. If the process ends before, or it takes too long, the
// error has the process's last words.
func (p *process) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %s", filepath.Base(p.cmd.Path), p.lastWords())
		}
	}
	return nil
}

// lastWords are the last line of the process's log.
func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// listens tells whether somebody listens on an address.
func listens(addr string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}
}

// healthy tells whether a URL is answered with 200.
func healthy(url string) func(context.Context) bool {
	return func(ctx context.Context) bool { return lifecycle.Probe(ctx, url) == nil }
}
