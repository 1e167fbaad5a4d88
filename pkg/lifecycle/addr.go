package lifecycle

import "net"

// Reachable is an address of this machine at which a listener on addr answers.
func Reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

// Loopback tells whether addr, host:port or a host alone, is reached from this machine
// only. A name other than localhost is not, whatever it resolves to, and neither is an
// empty host, which a listener takes for every address.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
