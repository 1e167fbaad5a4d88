package streamtest

import (
	"context"
	"net"
	"sync"
)

// Network is a network in memory between one server and its clients. In a bubble of
// testing/synctest its time goes on only while all of them wait, so a timeout lapses because
// nothing comes, and never because the machine is busy. It is made by NewNetwork.
type Network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewNetwork returns a network. It is the net.Listener of the server.
func NewNetwork() *Network { return &Network{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Dial connects a client, whatever the address. It is a DialContext.
func (n *Network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case server := <-n.conns:
		return server, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener. It is an address that nothing listens on.
func (n *Network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
