package kimi

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	good := Config{BaseURL: "https://api.moonshot.ai/v1", APIKey: key, Model: "moonshotai/kimi-k2.6"}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no URL":         func(c *Config) { c.BaseURL = "" },
		"other scheme":   func(c *Config) { c.BaseURL = "ftp://host" },
		"user in URL":    func(c *Config) { c.BaseURL = "https://me:hidden@host/v1" },
		"key in URL":     func(c *Config) { c.BaseURL = "https://host/v1?key=hidden" },
		"line in key":    func(c *Config) { c.APIKey = "hidden\n" },
		"no model":       func(c *Config) { c.Model = "" },
		"odd model":      func(c *Config) { c.Model = "kimi\r\nX: y" },
		"negative limit": func(c *Config) { c.AnswerLimit = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
