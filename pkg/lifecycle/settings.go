package lifecycle

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// ErrSettings is wrapped by every error about a wrong setting.
var ErrSettings = errors.New("wrong setting")

// Validator is a settings struct that checks itself.
type Validator interface {
	// Validate returns an error that names the environment variable.
	Validate() error
}

// Load fills cfg from environ (KEY=value lines, as os.Environ gives) by its
// `env` and `envDefault` tags, and validates it. Errors are one line that names
// the variable and wrap ErrSettings; a value is never part of one, it may be a
// secret.
func Load[T Validator](environ []string, cfg *T) error {
	err := env.ParseWithOptions(cfg, env.Options{Environment: env.ToMap(environ)})
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	var parse env.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%w: %s is not a valid %s", ErrSettings, variable(reflect.TypeOf(*cfg), parse.Name), kind(parse.Type))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if err := (*cfg).Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	return nil
}

// variable finds the environment variable of the field of that name, in nested
// structs too.
func variable(t reflect.Type, field string) string {
	for f := range t.Fields() {
		if f.Name == field {
			if name, _, _ := strings.Cut(f.Tag.Get("env"), ","); name != "" {
				return name
			}
		}
		if f.Type.Kind() == reflect.Struct {
			if name := variable(f.Type, field); name != field {
				return name
			}
		}
	}
	return field
}

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint, reflect.Uint64:
		return "whole number"
	case reflect.Int64:
		if t.String() == "time.Duration" {
			return `duration (such as "30s")`
		}
		return "whole number"
	case reflect.Bool:
		return "true or false"
	default:
		return "value"
	}
}
