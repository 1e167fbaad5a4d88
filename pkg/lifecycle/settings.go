package lifecycle

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// ErrSettings is wrapped by all errors about wrong settings.
var ErrSettings = errors.New("wrong setting")

// Validator is a struct of settings that validates itself.
type Validator interface {
	// Validate returns an error that names the environment variable with a wrong value.
	Validate() error
}

// Load sets the fields of cfg from environ (KEY=value, as os.Environ returns), by their
// `env` and `envDefault` tags, and validates cfg. An error wraps ErrSettings, is one line,
// and names the variable. It never contains a value, which may be a secret.
func Load[T Validator](environ []string, cfg *T) error {
	given := env.ToMap(environ)
	err := env.ParseWithOptions(cfg, env.Options{Environment: given})
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		return fmt.Errorf("%w: %s is not a valid %s", ErrSettings, invalidVariable[T](given, parse.Name), kind(parse.Type))
	}
	if err == nil {
		err = (*cfg).Validate()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, oneLineError{err})
	}
	return nil
}

// invalidVariable is the first variable that cannot be parsed. It parses each variable
// separately, because the parser's error only has the name of the field, and two structs
// may have fields of the same name.
func invalidVariable[T any](given map[string]string, field string) string {
	params, err := env.GetFieldParams(new(T))
	if err != nil {
		return field
	}
	for _, p := range params {
		value, set := given[p.Key]
		if !set {
			continue
		}
		err := env.ParseWithOptions(new(T), env.Options{Environment: map[string]string{p.Key: value}})
		if errors.As(err, new(env.ParseError)) {
			return p.Key
		}
	}
	return field
}

// oneLineError writes joined errors on one line.
type oneLineError struct{ error }

func (e oneLineError) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }
func (e oneLineError) Unwrap() error { return e.error }

func kind(t reflect.Type) string {
	if t == reflect.TypeFor[slog.Level]() {
		return "level (DEBUG, INFO, WARN or ERROR)"
	}
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
