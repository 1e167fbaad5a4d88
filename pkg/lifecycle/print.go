package lifecycle

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Setting is a setting as an operator may see it.
type Setting struct {
	// Name is the environment variable's.
	Name string `json:"name"`
	// Value is what holds; of a secret only that it is set.
	Value string `json:"value"`
	// From is "environment" or "default".
	From string `json:"from"`
}

// masked stands for a secret.
const masked = "(set)"

// Settings lists what holds in loaded settings, in the order of their fields. A
// field tagged `secret:"true"` is masked, of one tagged `secret:"url"` the user and
// password are.
func Settings(environ []string, parts ...any) []Setting {
	given := env.ToMap(environ)
	var all []Setting
	seen := map[string]bool{}
	for _, part := range parts {
		walk(reflect.ValueOf(part), func(name, secret string, value reflect.Value) {
			if seen[name] {
				return
			}
			seen[name] = true
			s := Setting{Name: name, Value: fmt.Sprint(value.Interface()), From: "default"}
			if given[name] != "" {
				s.From = "environment"
			}
			switch {
			case s.Value == "":
			case secret == "true":
				s.Value = masked
			case secret == "url":
				s.Value = maskURL(s.Value)
			}
			all = append(all, s)
		})
	}
	return all
}

// walk visits the fields that have a variable, those of nested structs too.
func walk(v reflect.Value, visit func(name, secret string, value reflect.Value)) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for field, value := range v.Fields() {
		if name := field.Tag.Get("env"); name != "" {
			visit(name, field.Tag.Get("secret"), value)
		} else if field.IsExported() && value.Kind() == reflect.Struct {
			walk(value, visit)
		}
	}
}

// maskURL hides who signs in and the query, and all of what is not one URL but could
// hold a password.
func maskURL(value string) string {
	u, err := url.Parse(value)
	if err != nil || strings.Contains(value, "@") && (u.User == nil || strings.Contains(value, ",")) {
		return masked
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	if u.RawQuery != "" {
		u.RawQuery = "xxxxx"
	}
	return u.String()
}

// printSettings writes them as an env file would hold them.
func printSettings(w io.Writer, settings []Setting) {
	for _, s := range settings {
		fmt.Fprintf(w, "%s=%s\n", s.Name, s.Value)
	}
}
