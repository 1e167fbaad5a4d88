package httpserver_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/httpserver"
)

// Who opens a connection and asks nothing gets no answer; who breaks off in a request is told.
func TestNothingIsAsked(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := httpserver.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: 100 * time.Millisecond, IdleTimeout: time.Minute})
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("here") })
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := eventually.Receive(t, served, "the server's end"); err != nil {
			t.Error(err)
		}
	})
	for asked, want := range map[string]string{
		"":                   "",
		"GET / HTTP/1.1\r\n": "HTTP/1.1 408 ",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n": "HTTP/1.1 200 ",
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, asked); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), want) || want == "" && len(got) > 0 {
			t.Errorf("asked %q: got %q, %v", asked, got, err)
		}
		_ = conn.Close()
	}
}
