package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the resource cannot say as the configuration does is refused.
func TestResource(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, config, want, err string }{
		{
			name: "all kinds of matchers",
			config: `
route:
  receiver: day
  routes:
    - {receiver: night, matchers: ['a = "b"', 'c=~"d|e"', 'f != ""', 'g!~"h"'], repeat_interval: 1h}
receivers:
  - {name: day, webhook_configs: [{url_file: /etc/alertmanager/day.url, send_resolved: false}]}
  - {name: night, webhook_configs: [{url_file: /etc/alertmanager/night.url}]}
`,
			want: `apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata:
  name: wandstore
spec:
  receivers:
  - name: day
    webhookConfigs:
    - sendResolved: false
      urlSecret:
        key: day
        name: wandstore-alerts
  - name: night
    webhookConfigs:
    - urlSecret:
        key: night
        name: wandstore-alerts
  route:
    receiver: day
    routes:
    - matchers:
      - matchType: =
        name: a
        value: b
      - matchType: =~
        name: c
        value: d|e
      - matchType: '!='
        name: f
        value: ""
      - matchType: '!~'
        name: g
        value: h
      receiver: night
      repeatInterval: 1h
`,
		},
		{name: "another matcher", config: "route: {receiver: day, matchers: [severity]}", err: "no matcher"},
		{name: "a setting that is not translated", config: "route: {receiver: day, active_time_intervals: [night]}", err: "unknown field"},
		{name: "an address that is written down", config: "receivers: [{name: day, webhook_configs: [{url: 'https://example.com'}]}]", err: "unknown field"},
		{name: "an address of another name", config: "receivers: [{name: day, webhook_configs: [{url_file: /etc/day}]}]", err: "no file.url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "alertmanager.yml")
			if err := os.WriteFile(file, []byte(tt.config), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := resource(file)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || got != head+tt.want {
				t.Errorf("%v, made\n%s", err, got)
			}
		})
	}
}
