// Package freeport finds addresses for the servers that tests start.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports are below those that kernels give to outgoing connections and to listeners
// on port 0: between finding a port and listening on it, nobody is given it by chance.
const (
	first = 10_000
	last  = 32_000
)

// found holds the ports that this process was given.
var found sync.Map

// Addr returns a host:port of loopback that nobody listens on. No two calls in a process
// return the same.
func Addr(t testing.TB) string {
	t.Helper()
	addr, err := Find()
	if err != nil {
		t.Fatalf("freeport: %v", err)
	}
	return addr
}

// Find is Addr for callers without a test.
func Find() (string, error) {
	for range 100 {
		port := first + rand.IntN(last-first)
		if _, given := found.LoadOrStore(port, true); given {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue // somebody has it
		}
		return addr, l.Close()
	}
	return "", errors.New("no free port")
}
