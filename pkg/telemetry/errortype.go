package telemetry

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// ErrorType is the attribute error.type of an error (OpenTelemetry semantic conventions): what
// its method ErrorType() string returns, a word of a small set, or "_OTHER" if it has none.
func ErrorType(err error) attribute.KeyValue {
	var typed interface{ ErrorType() string }
	if errors.As(err, &typed) {
		return semconv.ErrorTypeKey.String(typed.ErrorType())
	}
	return semconv.ErrorTypeOther
}

// Typed returns err with a type, by which [ErrorType] counts it. kind is a word of a small
// set. Of several types in a chain of errors the outermost counts.
func Typed(kind string, err error) error { return typed{err, kind} }

type typed struct {
	error

	kind string
}

func (t typed) Unwrap() error     { return t.error }
func (t typed) ErrorType() string { return t.kind }
