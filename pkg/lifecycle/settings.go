package lifecycle

import (
	"errors"
	"fmt"
	"log/slog"
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
	given := env.ToMap(environ)
	err := env.ParseWithOptions(cfg, env.Options{Environment: given})
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		return fmt.Errorf("%w: %s is not a valid %s", ErrSettings, culprit[T](given, parse.Name), kind(parse.Type))
	}
	if err == nil {
		err = (*cfg).Validate()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, oneLineError{err})
	}
	return nil
}

// culprit is the first variable that cannot be parsed, found by trying each by
// itself: the parser tells the field's name only, which two structs may share.
func culprit[T any](given map[string]string, field string) string {
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

// oneLineError says several joined errors on one line.
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
