package generator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

func TestMembers(t *testing.T) {
	for list, want := range map[string]string{
		"": "[]", "3": "[3]", "0-2": "[0 1 2]", "7,0-1": "[0 1 7]", "1, 1-2": "[1 2]", "9": "[9]",
	} {
		got, err := memberNumbers(list, 10)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("memberNumbers(%q) = %v, %v, want %s", list, got, err, want)
		}
	}
	for _, list := range []string{"10", "0-10", "-1", "2-1", "a", "1-", "-", ",", "1,,2", "0-9999999999", "pool-1", "1-2-3"} {
		if got, err := memberNumbers(list, 10); err == nil {
			t.Errorf("memberNumbers(%q) = %v, want an error", list, got)
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
		got, err := memberNumbers(list, 10)
		if err != nil {
			return
		}
		for i, n := range got {
			if n < 0 || n > 9 || slices.Contains(got[:i], n) {
				t.Errorf("memberNumbers(%q) = %v", list, got)
			}
		}
	})
}
