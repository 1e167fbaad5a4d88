module github.com/wandstore/wandstore/services/generator

go 1.26.0

replace (
	github.com/wandstore/wandstore/nats => ../../nats
	github.com/wandstore/wandstore/pkg => ../../pkg
	github.com/wandstore/wandstore/proto => ../../proto
)

require (
	github.com/go-resty/resty/v2 v2.17.2
	github.com/gofiber/fiber/v2 v2.52.15
	github.com/nats-io/nats.go v1.55.0
	github.com/nats-io/nuid v1.0.1
	github.com/sony/gobreaker/v2 v2.4.0
	github.com/wandstore/wandstore/nats v0.0.0
	github.com/wandstore/wandstore/pkg v0.0.0
	github.com/wandstore/wandstore/proto v0.0.0
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/trace v1.47.0
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.36.12
)
