// Command alertmanagerconfig prints a configuration of Alertmanager as the resource that the
// Prometheus operator makes one of. A receiver's address, in a configuration the file
// {name}.url, is the key {name} of the Secret wandstore-alerts there.
package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	head   = "# Made by `task generate` from deploy/alertmanager/alertmanager.yml.\n"
	secret = "wandstore-alerts"
)

// configuration is what alertmanager.yml may have; anything else is an error, since the
// resource would lack it.
type configuration struct {
	Route        route     `json:"route"`
	InhibitRules []inhibit `json:"inhibit_rules"`
	Receivers    []struct {
		Name     string    `json:"name"`
		Webhooks []webhook `json:"webhook_configs"`
	} `json:"receivers"`
}

type route struct {
	Receiver       string   `json:"receiver"`
	GroupBy        []string `json:"group_by"`
	GroupWait      string   `json:"group_wait"`
	GroupInterval  string   `json:"group_interval"`
	RepeatInterval string   `json:"repeat_interval"`
	Matchers       []string `json:"matchers"`
	Routes         []route  `json:"routes"`
}

type inhibit struct {
	Source []string `json:"source_matchers"`
	Target []string `json:"target_matchers"`
	Equal  []string `json:"equal"`
}

type webhook struct {
	File         string `json:"url_file"`
	SendResolved *bool  `json:"send_resolved"`
}

func main() {
	text, err := resource(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

func resource(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that it is told to read
	if err != nil {
		return "", err
	}
	var c configuration
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	spec, err := c.spec()
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	made, err := yaml.Marshal(map[string]any{
		"apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "AlertmanagerConfig",
		"metadata": map[string]string{"name": "wandstore"}, "spec": spec,
	})
	return head + string(made), err
}

func (c configuration) spec() (map[string]any, error) {
	top, err := c.Route.spec()
	if err != nil {
		return nil, err
	}
	var rules, receivers []map[string]any
	for _, rule := range c.InhibitRules {
		source, err := matchers(rule.Source)
		if err != nil {
			return nil, err
		}
		target, err := matchers(rule.Target)
		if err != nil {
			return nil, err
		}
		rules = append(rules, present(map[string]any{"sourceMatch": source, "targetMatch": target, "equal": rule.Equal}))
	}
	for _, r := range c.Receivers {
		var webhooks []map[string]any
		for _, w := range r.Webhooks {
			key, ok := strings.CutSuffix(path.Base(w.File), ".url")
			if !ok {
				return nil, fmt.Errorf("the address of %s is in %q, which is no file.url", r.Name, w.File)
			}
			hook := map[string]any{"urlSecret": map[string]string{"name": secret, "key": key}}
			if w.SendResolved != nil {
				hook["sendResolved"] = *w.SendResolved
			}
			webhooks = append(webhooks, hook)
		}
		receivers = append(receivers, map[string]any{"name": r.Name, "webhookConfigs": webhooks})
	}
	return present(map[string]any{"route": top, "inhibitRules": rules, "receivers": receivers}), nil
}

func (r route) spec() (map[string]any, error) {
	matching, err := matchers(r.Matchers)
	if err != nil {
		return nil, err
	}
	var routes []map[string]any
	for _, child := range r.Routes {
		made, err := child.spec()
		if err != nil {
			return nil, err
		}
		routes = append(routes, made)
	}
	return present(map[string]any{
		"receiver": r.Receiver, "groupBy": r.GroupBy, "groupWait": r.GroupWait, "groupInterval": r.GroupInterval,
		"repeatInterval": r.RepeatInterval, "matchers": matching, "routes": routes,
	}), nil
}

// present leaves out what a configuration does not say.
func present(fields map[string]any) map[string]any {
	for name, value := range fields {
		switch v := value.(type) {
		case string:
			if v == "" {
				delete(fields, name)
			}
		case []string:
			if len(v) == 0 {
				delete(fields, name)
			}
		case []map[string]any:
			if len(v) == 0 {
				delete(fields, name)
			}
		}
	}
	return fields
}

var matcher = regexp.MustCompile(`^(\w+) *(=~|!~|!=|=) *"([^"\\]*)"$`)

// matchers translates those of Alertmanager, of the form name = "value".
func matchers(texts []string) ([]map[string]any, error) {
	var all []map[string]any
	for _, text := range texts {
		parts := matcher.FindStringSubmatch(text)
		if parts == nil {
			return nil, fmt.Errorf("%q is no matcher of the form name = \"value\"", text)
		}
		all = append(all, map[string]any{"name": parts[1], "matchType": parts[2], "value": parts[3]})
	}
	return all, nil
}
