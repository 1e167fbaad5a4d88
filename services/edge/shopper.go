package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
)

const (
	shopperCookie = "wandstore_shopper"
	// hostPrefix has a browser keep a cookie to this host and to HTTPS (RFC 6265bis, 4.1.3.2).
	hostPrefix = "__Host-"
	// cookieFor is how long a shopper without an id of its own is known again.
	cookieFor = 180 * 24 * time.Hour
	// mergeTimeout bounds taking a guest's cart over.
	mergeTimeout = 2 * time.Second
)

// shopper is who a request is from. The zero shopper is nobody in particular.
type shopper struct {
	id string
	// linked says that a link of the shop's own named them; they are known in that shop only.
	linked bool
	// named says that the address names them, in a mode in which that counts.
	named bool
}

func (s shopper) known() bool { return s.id != "" }

// shopperOf is who asks in a shop, by the address where that counts, else by the cookies. An
// id that is none, such as a mail's placeholder that was not filled in, is nobody's.
func (e *Edge) shopperOf(c *fiber.Ctx, slug string) shopper {
	if !e.cfg.Identity.IsSigned() {
		if id := string(c.Context().QueryArgs().Peek("shopper")); pagekey.ValidShopper(id) {
			return shopper{id: id, named: true}
		}
	}
	return e.cookieShopper(c, slug)
}

// cookieShopper is who asks in a shop by the cookies alone.
func (e *Edge) cookieShopper(c *fiber.Ctx, slug string) shopper {
	if id, err := e.keys.Shopper(c.Cookies(e.cookieName(c, slug)), slug); err == nil && e.cfg.Identity.IsSigned() {
		return shopper{id: strings.Clone(id), linked: true}
	}
	return e.guest(c)
}

// guest is whom the browser's own cookie names, in no shop in particular.
func (e *Edge) guest(c *fiber.Ctx) shopper {
	if id, err := e.keys.Shopper(c.Cookies(e.cookieName(c, identity.Guest)), identity.Guest); err == nil {
		return shopper{id: strings.Clone(id)}
	}
	return shopper{}
}

// hasVisited reports whether the browser has been here before, as far as its cookie tells.
func (e *Edge) hasVisited(c *fiber.Ctx) bool {
	return c.Cookies(e.cookieName(c, identity.Guest)) != ""
}

// cookieName is the name of the cookie of a scope: identity.Guest, or a shop whose own link
// named the shopper.
func (e *Edge) cookieName(c *fiber.Ctx, scope string) string {
	name := shopperCookie
	if scope != identity.Guest {
		name += "_" + scope
	}
	if e.isHTTPS(c) {
		name = hostPrefix + name
	}
	return name
}

// remember lets a shopper's browser say who they are, by a cookie that scripts and other
// sites' forms do not get. Who does not want to be tracked is remembered until the browser
// is closed.
func (e *Edge) remember(c *fiber.Ctx, s shopper, slug string) error {
	scope := identity.Guest
	if s.linked && e.cfg.Identity.IsSigned() {
		scope = slug
	}
	value, err := e.keys.Cookie(s.id, scope)
	if err != nil {
		return err
	}
	cookie := &fiber.Cookie{
		Name: e.cookieName(c, scope), Value: value, Path: "/", MaxAge: int(cookieFor / time.Second),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: e.isHTTPS(c),
	}
	if !mayTrack(c) {
		cookie.MaxAge, cookie.SessionOnly = 0, true
	}
	c.Cookie(cookie)
	return nil
}

// exchange answers an address with a link token: the cookie of whom it names, and the way to
// the address without it (303), so that it is not kept where addresses are. A token that is
// not valid names nobody. False if the address holds no token.
func (e *Edge) exchange(c *fiber.Ctx, shop *catalogue.Shop) (bool, error) {
	token := string(c.Context().QueryArgs().Peek("shopper"))
	if !identity.LooksLikeToken(token) {
		return false, nil
	}
	if id, err := e.keys.Link(token, shop.Slug); err == nil {
		before := e.shopperOf(c, shop.Slug)
		named := shopper{id: strings.Clone(id), linked: true}
		if err := e.remember(c, named, shop.Slug); err != nil {
			return true, err
		}
		if before.known() && !before.linked && before.id != named.id {
			e.mergeCart(c.UserContext(), shop, before.id, named.id)
		}
	}
	args := c.Context().QueryArgs()
	args.Del("shopper")
	target := string(c.Context().Path())
	if query := args.String(); query != "" {
		target += "?" + query
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return true, c.Redirect(target, http.StatusSeeOther)
}

// mergeCart moves a guest's cart into that of whom they turned out to be. A cart that cannot
// be moved now stays the guest's: nobody waits for it.
func (e *Edge) mergeCart(ctx context.Context, shop *catalogue.Shop, guest, named string) {
	b := e.deps.Bus()
	if b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.atLeast(mergeTimeout))
	defer cancel()
	s, err := b.Sessions.Get(ctx, guest)
	if err != nil {
		e.log.WarnContext(ctx, "guest's cart not read", "store", shop.Slug, "error", err)
		return
	}
	cart := session.Signals(s, shop.Slug)
	if len(cart.GetCart()) == 0 {
		return
	}
	err = b.Sessions.Update(ctx, named, func(s *wandstorev1.ShopperSession) {
		s.Known = true
		session.MergeCart(session.Signals(s, shop.Slug), cart)
	})
	if err == nil {
		err = b.Sessions.Update(ctx, guest, func(s *wandstorev1.ShopperSession) {
			session.ClearCart(session.Signals(s, shop.Slug))
		})
	}
	if err != nil {
		e.log.WarnContext(ctx, "guest's cart not moved", "store", shop.Slug, "error", err)
	}
}

// keyOfQuery is whose page an API call is about: the shop of the query, and its shopper
// where a plain id counts, else the cookie's. A merchant's server names any shopper of its
// shop. Errors: pagekey.ErrInvalid, errUnknownShop, errNobody, errCrossSite.
func (e *Edge) keyOfQuery(c *fiber.Ctx) (pagekey.Key, error) {
	slug, named := c.Query("store"), c.Query("shopper")
	if !e.cfg.Identity.IsSigned() && !c.Context().QueryArgs().Has("shopper") {
		named = e.cookieShopper(c, slug).id
	}
	if !pagekey.ValidShop(slug) {
		return pagekey.Key{}, pagekey.ErrInvalid
	}
	if !e.cfg.Identity.IsSigned() || e.isServer(c, slug) {
		key, err := pagekey.New(slug, named)
		if err != nil {
			return pagekey.Key{}, err
		}
		if _, ok := e.deps.Shops.Shop(slug); !ok {
			return pagekey.Key{}, errUnknownShop
		}
		return key, nil
	}
	if _, ok := e.deps.Shops.Shop(slug); !ok {
		return pagekey.Key{}, errUnknownShop
	}
	if err := sameSite(c); err != nil {
		return pagekey.Key{}, err
	}
	s := e.shopperOf(c, slug)
	if !s.known() {
		return pagekey.Key{}, errNobody
	}
	return pagekey.New(slug, s.id)
}

// isServer reports whether a merchant's server asks: it bears a token under its shop's key.
func (e *Edge) isServer(c *fiber.Ctx, slug string) bool {
	token, bearer := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	return bearer && e.keys.Server(token, slug) == nil
}
