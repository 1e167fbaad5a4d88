package gate

import (
	"encoding/json"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

func readTheme(raw json.RawMessage, rep *design.Report) catalogue.Theme {
	var t catalogue.Theme
	fields, ok := object(value(raw))
	if !ok {
		rep.DroppedFields++
		return t
	}
	for _, choice := range t.Choices() {
		if v, given := fields[choice.Name]; given {
			*choice.Value = text(v, rep)
			delete(fields, choice.Name)
		}
	}
	rep.DroppedFields += len(fields)
	return t
}

func readSection(raw json.RawMessage, rep *design.Report) (design.Section, bool) {
	fields, ok := object(value(raw))
	if !ok {
		return design.Section{}, false
	}
	var s design.Section
	for name, v := range fields {
		switch name {
		case "type":
			s.Type = text(v, rep)
		case "variant":
			s.Variant = text(v, rep)
		case "eyebrow":
			s.Eyebrow = line(text(v, rep), design.MaxEyebrow, rep)
		case "headline":
			s.Headline = line(text(v, rep), design.MaxHeadline, rep)
		case "body":
			s.Body = paragraphs(text(v, rep), design.MaxBody, rep)
		case "actionLabel":
			s.ActionLabel = line(text(v, rep), design.MaxAction, rep)
		case "productIds":
			s.ProductIDs = productIDs(v, rep)
		case "items":
			s.Items = readItems(v, rep)
		default:
			rep.DroppedFields++
		}
	}
	return s, true
}

func productIDs(raw json.RawMessage, rep *design.Report) []string {
	var entries []json.RawMessage
	if json.Unmarshal(value(raw), &entries) != nil {
		rep.DroppedFields++
		return nil
	}
	var ids []string
	for _, e := range entries {
		var id string
		if json.Unmarshal(e, &id) != nil || id == "" {
			rep.DroppedProducts++
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func readItems(raw json.RawMessage, rep *design.Report) []catalogue.Item {
	var entries []json.RawMessage
	if json.Unmarshal(value(raw), &entries) != nil {
		rep.DroppedFields++
		return nil
	}
	var items []catalogue.Item
	for _, e := range entries {
		fields, ok := object(value(e))
		if !ok || len(items) == design.MaxItems {
			rep.DroppedFields++
			continue
		}
		var it catalogue.Item
		for name, v := range fields {
			switch name {
			case "title":
				it.Title = line(text(v, rep), design.MaxHeadline, rep)
			case "body":
				it.Body = line(text(v, rep), design.MaxItemBody, rep)
			default:
				rep.DroppedFields++
			}
		}
		// An item needs a title. The body is optional.
		if it.Title == "" {
			rep.DroppedFields++
			continue
		}
		items = append(items, it)
	}
	return items
}

// object reads the fields of a JSON object, whose names are case-sensitive here. The
// result is false for any other value, null included.
func object(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		return nil, false
	}
	return fields, true
}

// text reads a JSON string. It is "" for null, and for any other value, which counts as
// dropped.
func text(raw json.RawMessage, rep *design.Report) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		rep.DroppedFields++
	}
	return s
}
