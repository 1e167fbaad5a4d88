package storefront

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// photoView is a photograph of a product.
type photoView struct {
	Src, Srcset, Alt string
	Number           int // among the product's pictures, from 1
	Width, Height    int // pixels; a square of photoSide if the size is unknown
}

// photoSide is the width and height of a picture whose size nobody told. A picture is
// fitted into it, so it takes the same place before it is loaded.
const photoSide = 1000

func newPhotoView(image catalogue.Image, alt string) *photoView {
	v := &photoView{Alt: alt, Width: image.Width, Height: image.Height}
	if image.Alt != "" {
		v.Alt = image.Alt
	}
	if v.Width <= 0 || v.Height <= 0 {
		v.Width, v.Height = photoSide, photoSide
	}
	v.Src, v.Srcset = sources(image)
	return v
}

// photoWidths are the widths in pixels that a browser chooses a picture from.
var photoWidths = []int{240, 480, 800, 1200, 1600}

// sources is the address of a picture and, if its host is known to resize pictures, its
// srcset (WHATWG HTML, 4.8.4.2.1) of widths that are not above its own.
func sources(image catalogue.Image) (src, srcset string) {
	u, err := url.Parse(image.URL)
	if err != nil {
		return image.URL, ""
	}
	parameter := widthParameter(u)
	if parameter == "" {
		return image.URL, ""
	}
	sized := func(width int) string {
		q := u.Query()
		q.Set(parameter, strconv.Itoa(width))
		resized := *u
		resized.RawQuery = q.Encode()
		// In a srcset, a comma separates addresses.
		return strings.ReplaceAll(resized.String(), ",", "%2C")
	}
	var all []string
	for _, width := range photoWidths {
		if image.Width <= 0 || width <= image.Width {
			all = append(all, sized(width)+" "+strconv.Itoa(width)+"w")
		}
	}
	if len(all) < 2 {
		return image.URL, ""
	}
	return sized(photoWidths[min(2, len(all)-1)]), strings.Join(all, ", ")
}

// resizers are the hosts that are known to resize pictures, with the parameter that takes
// the width. A name that begins with a dot is a domain with all hosts in it.
var resizers = []struct{ host, parameter string }{
	{"cdn.shopify.com", "width"},
	{".shopifycdn.com", "width"},
	{".myshopify.com", "width"},
	{".imgix.net", "w"},
	{"images.unsplash.com", "w"},
	{"images.ctfassets.net", "w"},
	{"cdn.sanity.io", "w"},
	{"i0.wp.com", "w"},
	{"i1.wp.com", "w"},
	{"i2.wp.com", "w"},
}

// widthParameter is the parameter of an address that sets a picture's width; "" if the
// host is not known to have one.
func widthParameter(u *url.URL) string {
	// Shopify serves pictures from a shop's own domain too, below this path.
	if strings.HasPrefix(u.Path, "/cdn/shop/") {
		return "width"
	}
	for _, r := range resizers {
		if u.Host == r.host || strings.HasPrefix(r.host, ".") && strings.HasSuffix(u.Host, r.host) {
			return r.parameter
		}
	}
	return ""
}

// drawable reports whether the shop's style has colours for the product.
func (s *shopView) drawable(p *catalogue.Product) bool {
	_, body := s.Picture.Shades[s.Picture.Body][p.Attribute(s.Picture.Body)]
	_, accent := s.Picture.Shades[s.Picture.Accent][p.Attribute(s.Picture.Accent)]
	return body && accent
}
