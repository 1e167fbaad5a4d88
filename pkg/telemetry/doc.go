// Package telemetry sets up OpenTelemetry and logging, and declares the metrics and the
// span attributes that the services share.
//
// [Setup] follows the standard OTEL_* variables (OpenTelemetry specification,
// "Environment Variable Specification"). Spans and metrics are exported if
// OTEL_EXPORTER_OTLP_ENDPOINT, one of its forms for one signal, OTEL_TRACES_EXPORTER or
// OTEL_METRICS_EXPORTER is set. Otherwise nothing leaves the process. Spans have ids in
// any case, so that logs, breadcrumbs and pages can be found by trace id.
//
// Attributes have few values: shops, members, tiers and outcomes. No span, metric or log
// contains a shopper's id, a prompt, an answer or a key.
package telemetry
