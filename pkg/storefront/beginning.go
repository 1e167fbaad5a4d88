package storefront

import (
	"errors"
	"slices"
)

// Sections renders the sections of a front page one by one, from the given number on, 0
// being the first: the HTML that Page has in their place. With the first section comes
// what is above it in the page's main element.
// Only links to later sections may differ from those of a page with more sections. It fails
// without a shop, or on a defect in a template.
func (r *Renderer) Sections(in PageInput, from int) ([]string, error) {
	if in.Shop == nil {
		return nil, errors.New("render sections: no shop")
	}
	b := <-r.buffers
	defer func() { r.buffers <- b }()
	v := newPageView(in, r.view(in.Shop.For(in.Persona)))
	var rendered []string
	for i := from; i < len(v.Sections); i++ {
		section, err := r.execute(b, v.Sections[i], "section")
		if err != nil {
			return nil, err
		}
		var masthead []byte
		if i == 0 && v.Masthead {
			if masthead, err = r.execute(b, v, "masthead"); err != nil {
				return nil, err
			}
		}
		rendered = append(rendered, string(slices.Concat(masthead, section)))
	}
	return rendered, nil
}
