// Package freeport finds addresses for the servers that tests start.
package freeport

import (
	"net"
	"testing"
)

// Addr returns a host:port of loopback that nobody listens on.
//
// Another process may take the port before the caller does. The kernel hands ports out
// in an order that makes this rare.
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
