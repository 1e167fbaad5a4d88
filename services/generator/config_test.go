package generator

import (
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

func TestMembers(t *testing.T) {
	for list, want := range map[string]string{
		"": "", "3": "pool-3", "0-2": "pool-0 pool-1 pool-2", "7,0-1": "pool-0 pool-1 pool-7", "1, 1-2": "pool-1 pool-2", "9": "pool-9",
	} {
		got, err := members(list, 10)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("members(%q) = %v, %v, want %s", list, got, err, want)
		}
	}
	for _, list := range []string{"10", "0-10", "-1", "2-1", "a", "1-", "-", ",", "1,,2", "0-9999999999", "pool-1", "1-2-3"} {
		if got, err := members(list, 10); err == nil {
			t.Errorf("members(%q) = %v, want an error", list, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for want, environ := range map[string][]string{
		"":                 nil,
		"GENERATE_TOKEN":   {"GENERATE_TOKEN=fifteen-letters"},
		"MINIO_SECRET_KEY": {"MINIO_ENDPOINT=minio:9000"},
		"NATS_CA":          {"NATS_CA=/nowhere/ca.pem"},
	} {
		var cfg Config
		err := lifecycle.Load(environ, &cfg)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v", environ, err)
		}
		if want == "" && cfg.Addr != "127.0.0.1:8080" {
			t.Errorf("it listens on %s by default", cfg.Addr)
		}
	}
}

func FuzzMembers(f *testing.F) {
	for _, list := range []string{"", "0-4,7", "9-0", "1,1,1"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got, err := members(list, 10)
		if err != nil {
			return
		}
		all := []string{"pool-0", "pool-1", "pool-2", "pool-3", "pool-4", "pool-5", "pool-6", "pool-7", "pool-8", "pool-9"}
		for i, name := range got {
			if !slices.Contains(all, name) || slices.Contains(got[:i], name) {
				t.Errorf("members(%q) = %v", list, got)
			}
		}
	})
}
