// Command reference prints the documentation of the metrics, in Markdown.
package main

import (
	"fmt"
	"strings"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

const head = `# Metrics

Every metric that WandStore exports, by OTLP and at |/metrics| of the private port. Prometheus has the names with underscores and the unit at the end: |wandstore.job.duration| is |wandstore_job_duration_seconds|. No attribute holds a shopper, a prompt or free text. Made by |task generate| from |pkg/telemetry/metrics.go|.
`

func main() {
	fmt.Println(strings.ReplaceAll(head, "|", "`"))
	fmt.Println("| metric | kind | unit | attributes | what it tells |")
	fmt.Println("| --- | --- | --- | --- | --- |")
	for _, m := range telemetry.Metrics {
		keys := make([]string, len(m.Attributes))
		for i, k := range m.Attributes {
			keys[i] = "`" + string(k) + "`"
		}
		fmt.Printf("| `%s` | %s | %s | %s | %s |\n", m.Name, m.Kind, m.Unit, strings.Join(keys, ", "), m.Description)
	}
}
