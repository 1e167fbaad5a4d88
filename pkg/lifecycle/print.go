package lifecycle

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Setting is a setting without secrets, for operators.
type Setting struct {
	// Name is the name of the environment variable.
	Name string `json:"name"`
	// Value is the value in effect; of a secret, "(set)" or "".
	Value string `json:"value"`
	// From is "environment" or "default".
	From string `json:"from"`
}

// masked replaces a secret.
const masked = "(set)"

// Settings lists the values of loaded settings, in the order of their fields. The value of
// a field tagged `secret:"true"` is masked. Of a field tagged `secret:"url"`, user,
// password and query are masked.
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

// walk calls visit for each field with an environment variable, also in nested structs.
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

// maskURL masks the user, password and query of a URL. It masks the whole value if that is
// not one valid URL and may contain a password.
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

// printSettings writes the settings in the form of an env file.
func printSettings(w io.Writer, settings []Setting) {
	for _, s := range settings {
		fmt.Fprintf(w, "%s=%s\n", s.Name, s.Value)
	}
}
