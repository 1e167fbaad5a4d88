// Package identity tells who a shopper is, from a cookie or a link that cannot be forged.
//
// # Cookies
//
// A cookie is {id}.{mac}: an id of 128 random bits or more, and an HMAC-SHA-256 of it under
// the first of SHOPPER_KEYS. Every key verifies, so keys can be rotated: put a new one
// first, and remove the old one once its cookies have expired. The MAC covers a scope too:
// a guest's cookie counts in every shop, that of a link in its shop only. So the key of one
// merchant names no visitor of another merchant's shop.
//
// # Links
//
// A link token is a JWT (RFC 7519) that a merchant's backend makes: HS256 under the shop's
// key of LINK_KEYS, with sub (the shopper's id), aud (the shop's slug) and exp. It is
// exchanged for a cookie at once. A shop may have two keys while its backend changes from one
// to the other.
//
// A server token authorises a merchant's backend to speak for any shopper of its shop. It is
// the same without sub, so that a link that leaks names one shopper and nobody else.
//
// A preview token shows a merchant the pages of a shop as others get them. Its audience is
// preview:{slug}, and it has no sub: it names nobody, and no other token is one.
//
// # Failure
//
// Every error is ErrInvalid and says nothing of the reason: whoever sent the value knows it.
// Neither errors nor logs hold a value or a key.
package identity
