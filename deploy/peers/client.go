package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// client is one connection that asks for pages as browsers do, with gzip. It does as little as
// it can for an answer, because it has the same processors as who answers.
type client struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	// head is the head of the last answer.
	head []byte
}

func dial(ctx context.Context, addr string) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{addr: addr, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// dialAll opens so many connections, and closes them when the lab ends.
func dialAll(ctx context.Context, l *lab, addr string, n int) ([]*client, error) {
	var clients []*client
	for range n {
		c, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		l.onEnd(func() { _ = c.conn.Close() })
		clients = append(clients, c)
	}
	return clients, nil
}

// answerTimeout is how long an answer may take.
const answerTimeout = 30 * time.Second

// get returns the size of the answer's body. Any other status than 200 is an error.
func (c *client) get(target string) (size int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	c.out = append(c.out[:0], "GET "...)
	c.out = append(c.out, target...)
	c.out = append(c.out, " HTTP/1.1\r\nHost: "...)
	c.out = append(c.out, c.addr...)
	c.out = append(c.out, "\r\nAccept-Encoding: gzip\r\n\r\n"...)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, err
	}
	c.head = c.head[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		c.head = append(c.head, line...)
		if len(line) <= len("\r\n") {
			break
		}
	}
	if !bytes.HasPrefix(c.head, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("%s answered %.100q", target, c.head)
	}
	if size, err = strconv.Atoi(c.header("Content-Length")); err != nil {
		return 0, fmt.Errorf("%s: %w", target, err)
	}
	_, err = c.in.Discard(size)
	return size, err
}

// header is a header of the last answer, or "".
func (c *client) header(name string) string {
	for line := range bytes.Lines(c.head) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(key, []byte(name)) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
