// Package telemetry sets up OpenTelemetry and logging, and holds the names of
// every span attribute that the services share.
//
// [Setup] follows the standard OTEL_* environment (OpenTelemetry specification,
// "Environment Variable Specification"): with OTEL_EXPORTER_OTLP_ENDPOINT, or
// one of its signal-specific forms, or OTEL_TRACES_EXPORTER and
// OTEL_METRICS_EXPORTER set, spans and metrics are exported; without them
// nothing leaves the process, and spans still get ids, so that logs,
// breadcrumbs and pages can be told by trace.
//
// Attributes are bounded: stores, members, tiers and outcomes. A shopper's id,
// a prompt, an answer or a key is in no span, metric or log.
package telemetry
