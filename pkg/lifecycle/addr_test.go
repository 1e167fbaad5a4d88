package lifecycle_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.9.9.9:1": true, "localhost:9000": true, "localhost": true, "[::1]:9000": true, "::1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "minio:9000": false, "192.0.2.1:9000": false,
		"localhost.example.com:9000": false, "127.0.0.1.example.com:9000": false, "": false,
	} {
		if got := lifecycle.Loopback(addr); got != want {
			t.Errorf("Loopback(%q) = %v, want %v", addr, got, want)
		}
	}
}
