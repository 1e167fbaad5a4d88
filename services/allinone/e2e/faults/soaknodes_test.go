//go:build soak

package faults_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// killable is a process that can be killed, and started again.
type killable struct {
	name  string
	kill  func()
	start func() // and wait until it serves
}

// startable is a process that writes its log to a file in a folder.
func startable(t *testing.T, logs, name string, command func() *exec.Cmd) *killable {
	t.Helper()
	var running *exec.Cmd
	return &killable{
		name: name,
		start: func() {
			log, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = log.Close() }() // the process has its own
			running = command()
			running.Stdout, running.Stderr = log, log
			if err := running.Start(); err != nil {
				t.Fatal(err)
			}
		},
		kill: func() { kill(t, running) },
	}
}

// nodes are three nodes of NATS by cluster.conf, as production has them.
type nodes struct {
	each []*node
	// logs is the folder of their logs.
	logs string
}

type node struct {
	killable

	addr, store string
}

// startNodes starts the nodes, and has them provisioned for a world.
func startNodes(t *testing.T, w *world.World) *nodes {
	t.Helper()
	n := &nodes{logs: t.ArtifactDir()}
	env := []string{"NATS_ROUTE_PASSWORD=route"}
	for _, user := range users {
		env = append(env, strings.ToUpper(user)+"_PASSWORD="+user+"-password")
	}
	routes := make([]string, 3)
	for i := range routes {
		routes[i] = freeport.Addr(t)
		env = append(env, fmt.Sprintf("NATS_ROUTE_%d=nats-route://route:route@%s", i+1, routes[i]))
	}
	var healthy []func()
	for i, route := range routes {
		name, monitor := fmt.Sprintf("n%d", i+1), freeport.Addr(t)
		at := &node{addr: freeport.Addr(t), store: t.TempDir()}
		_, port := hostPort(t, at.addr)
		_, monitorPort := hostPort(t, monitor)
		own := append([]string{"NATS_SERVER_NAME=" + name, "NATS_STORE_DIR=" + at.store, "NATS_CLUSTER_LISTEN=" + route}, env...)
		at.killable = *startable(t, n.logs, name, func() *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), checkout.Tool(t, "nats-server"), "-c", filepath.Join(checkout.Root(t), "nats", "server", "cluster.conf"),
				"-a", "127.0.0.1", "-p", strconv.Itoa(port), "-m", strconv.Itoa(monitorPort))
			cmd.Env = append(cmd.Environ(), own...)
			return cmd
		})
		start, await := at.start, func() { awaitOK(t, name, "http://"+monitor+"/healthz") }
		at.start = func() { start(); await() }
		// One alone is not healthy yet.
		start()
		healthy = append(healthy, await)
		n.each = append(n.each, at)
	}
	for _, await := range healthy {
		await()
	}
	w.Pool.Replicas = len(n.each)
	provision := w.GeneratorConfig()
	provision.NATS.URL = n.urls("provision")
	provisioned(t, provision)
	return n
}

// urls are the nodes as a user's NATS_URL.
func (n *nodes) urls(user string) string {
	var urls []string
	for _, at := range n.each {
		urls = append(urls, as(user, at.addr))
	}
	return strings.Join(urls, ",")
}

func awaitOK(t *testing.T, what, url string) {
	t.Helper()
	eventually.True(t, what+" is healthy", func() bool {
		a, err := send(http.MethodGet, url, "")
		return err == nil && a.Status == http.StatusOK
	})
}

// nodeIsLost has a node of the cluster be killed, and another take its place, with nothing on
// its disk.
func nodeIsLost(d *day) {
	lost := d.nodes.each[d.rng.IntN(len(d.nodes.each))]
	lost.kill()
	d.lasts()
	if err := os.RemoveAll(lost.store); err != nil {
		d.t.Error(err)
	}
	lost.start()
}
