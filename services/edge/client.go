package edge

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// proxies are the networks whose word on a request's origin counts.
type proxies []netip.Prefix

// parseProxies reads TRUSTED_PROXIES: addresses and networks, several with commas.
func parseProxies(list string) (proxies, error) {
	var trusted proxies
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if addr, err := netip.ParseAddr(part); err == nil {
			trusted = append(trusted, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, errors.New("TRUSTED_PROXIES is not addresses or networks, such as 10.0.0.0/8, with commas")
		}
		trusted = append(trusted, network.Masked())
	}
	return trusted, nil
}

func (p proxies) trust(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// remote is the address that the connection comes from.
func remote(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return addr.Unmap()
}

// clientAddr is the address of who asks: the connection's, or behind trusted proxies the
// last one of X-Forwarded-For that is no proxy. What stands before it was written by
// whoever asked.
func (e *Edge) clientAddr(c *fiber.Ctx) netip.Addr {
	addr := remote(c)
	if !e.proxies.trust(addr) {
		return addr
	}
	var hops []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for _, written := range slices.Backward(hops) {
		hop, err := netip.ParseAddr(strings.TrimSpace(written))
		if err != nil {
			return addr // what is before it cannot be trusted either
		}
		if addr = hop.Unmap(); !e.proxies.trust(addr) {
			return addr
		}
	}
	return addr
}

// isHTTPS reports whether the site is HTTPS to who asks, as a trusted proxy says.
func (e *Edge) isHTTPS(c *fiber.Ctx) bool {
	return e.proxies.trust(remote(c)) && strings.EqualFold(c.Get(fiber.HeaderXForwardedProto), "https")
}
