package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	corev1 "k8s.io/api/core/v1"

	wandnats "github.com/wandstore/wandstore/nats"
)

// Every command of every runbook is typed into a shell whose tools only tell what they are
// asked; what it names exists, with compose and on Kubernetes.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	books, err := filepath.Glob("runbooks/*.md")
	must(t, err)
	r := newRunbooks(t)
	total := 0
	for _, book := range books {
		text := read(t, book)
		if filepath.Base(book) != "README.md" && !strings.Contains(text, "is on [one page](README.md)") {
			t.Errorf("%s does not say where its commands reach", book)
		}
		var commands strings.Builder
		for _, m := range shellBlock.FindAllStringSubmatch(text, -1) {
			commands.WriteString(m[1])
		}
		for _, m := range inlineCommand.FindAllStringSubmatch(shellBlock.ReplaceAllString(text, ""), -1) {
			commands.WriteString(m[1] + "\n")
		}
		for _, command := range r.typed(t, commands.String()) {
			total++
			if err := r.check(t, command); err != nil {
				t.Errorf("%s: %q: %v", book, command, err)
			}
		}
		for _, name := range metricName.FindAllString(text, -1) {
			if !slices.ContainsFunc(r.metrics, func(m string) bool { return strings.HasPrefix(m, name) }) {
				t.Errorf("%s: no metric %s", book, name)
			}
		}
		for _, m := range setting.FindAllStringSubmatch(text, -1) {
			if name := m[1]; !r.settings[name] && !r.streams[name] && !r.streams["KV_"+name] && !slices.Contains([]string{"ALERTS", "POOL_MEMBERS"}, name) {
				t.Errorf("%s: nothing takes %s of compose", book, name)
			}
		}
	}
	if total < 60 {
		t.Errorf("only %d commands", total)
	}
}

// The budget is raised with compose by whoever has neither the model's key nor what else was
// set when it was started; nothing else changes.
func TestTheBudgetIsRaised(t *testing.T) {
	t.Parallel()
	r := newRunbooks(t)
	before := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "the key", "KIMI_MODEL": "kimi-next"})
	var running strings.Builder
	for name, value := range before.Services["generator"].Environment {
		fmt.Fprintf(&running, "%s=%s\n", name, *value)
	}
	must(t, os.WriteFile(filepath.Join(r.folder, "running"), []byte(running.String()), 0o600))
	_, do, _ := strings.Cut(read(t, "runbooks/BudgetNear.md"), "## Do")
	r.typed(t, shellBlock.FindStringSubmatch(do)[1])
	// The lines that the shell has written.
	given := map[string]string{}
	for line := range strings.Lines(read(t, filepath.Join(r.folder, "deploy", "secrets.env"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		given[name] = strings.Trim(value, "'")
	}
	after := loaded(t, observedFiles, nil, given)
	generator := after.Services["generator"].Environment
	if *generator["KIMI_API_KEY"] != "the key" || *generator["KIMI_DAILY_BUDGET"] != "40" {
		t.Errorf("the generator has %s of %s", *generator["KIMI_DAILY_BUDGET"], *generator["KIMI_API_KEY"])
	}
	generator["KIMI_DAILY_BUDGET"] = before.Services["generator"].Environment["KIMI_DAILY_BUDGET"]
	for name, service := range before.Services {
		one, err := json.Marshal(service)
		must(t, err)
		other, err := json.Marshal(after.Services[name])
		must(t, err)
		if !bytes.Equal(one, other) {
			t.Errorf("%s is another: %s, was %s", name, other, one)
		}
	}
}

var (
	shellBlock    = regexp.MustCompile("(?s)```sh\n(.*?)```\n")
	inlineCommand = regexp.MustCompile("`((?:nats|docker|kubectl|curl|amtool|go) [^`]+)`")
	setting       = regexp.MustCompile("`([A-Z][A-Z_]+)`")
)

// runbooks are what commands may name.
type runbooks struct {
	folder                     string
	metrics                    []string // and their labels
	settings, streams, members map[string]bool
	subjects                   []string
	compose                    *types.Project
	cluster                    *cluster
}

func newRunbooks(t *testing.T) *runbooks {
	t.Helper()
	r := &runbooks{
		folder: t.TempDir(), settings: map[string]bool{}, streams: map[string]bool{}, members: map[string]bool{},
		subjects: []string{wandnats.SubjectReplay, wandnats.SubjectForget, wandnats.SubjectExport, wandnats.SubjectCost},
		compose:  loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one"}), cluster: built(t, "single-node"),
	}
	metrics, labels := declared()
	r.metrics = slices.Concat(metrics, labels)
	definitions, err := wandnats.Streams(wandnats.Settings{MaxQueueDepth: 100, CacheTTLSeconds: 3600, Replicas: 1})
	must(t, err)
	for _, d := range definitions {
		r.streams[d.Name] = true
	}
	for n := range 10 {
		r.members[wandnats.Member(n)] = true
		r.subjects = append(r.subjects, wandnats.HealthSubject(wandnats.Member(n)))
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):`).FindAllStringSubmatch(read(t, "compose.yaml"), -1) {
		r.settings[m[1]] = true
	}
	r.settings["NATS_SYS_PASSWORD"] = true // of secrets.env

	// A checkout, and tools that write down what they are asked.
	must(t, os.MkdirAll(filepath.Join(r.folder, "deploy", "alertmanager"), 0o700))
	must(t, os.MkdirAll(filepath.Join(r.folder, "tools"), 0o700))
	for _, file := range append(slices.Clone(observedFiles), ".env") {
		must(t, os.WriteFile(filepath.Join(r.folder, "deploy", file), []byte(read(t, file)), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(r.folder, "deploy", "alertmanager", "day.url"), nil, 0o600))
	var lines strings.Builder
	for name, value := range secrets {
		fmt.Fprintf(&lines, "%s='%s'\n", name, value)
	}
	must(t, os.WriteFile(filepath.Join(r.folder, "deploy", "secrets.env"), []byte(lines.String()), 0o600))
	must(t, os.WriteFile(filepath.Join(r.folder, "running"), []byte("KIMI_API_KEY=running\n"), 0o600))
	const tool = `#!/bin/sh
{ printf '%s\037' "${0##*/}" "$@"; printf '\036'; } >>"$TYPED"
case "$*" in
*"ps -q"*) echo container ;;
inspect*) cat "$RUNNING" ;;
esac
`
	for _, name := range []string{"nats", "docker", "kubectl", "curl", "amtool", "go"} {
		must(t, os.WriteFile(filepath.Join(r.folder, "tools", name), []byte(tool), 0o700))
	}
	return r
}

// typed are the arguments of the tools that the commands call, in the order of their calls.
func (r *runbooks) typed(t *testing.T, commands string) (all [][]string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "typed")
	shell := exec.CommandContext(t.Context(), "bash", "-c", commands)
	shell.Dir = r.folder
	shell.Env = []string{"PATH=" + filepath.Join(r.folder, "tools") + ":" + os.Getenv("PATH"), "TYPED=" + file, "RUNNING=" + filepath.Join(r.folder, "running")}
	out, err := shell.CombinedOutput()
	// What is searched for in an answer is not found, as there is none.
	if code := shell.ProcessState.ExitCode(); code > 1 || strings.Contains(string(out), "bash:") {
		t.Errorf("%v: %s in\n%s", err, out, commands)
	}
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for call := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x1e"), "\x1e") {
		if call != "" {
			all = append(all, strings.Split(strings.TrimSuffix(call, "\x1f"), "\x1f"))
		}
	}
	return all
}

func (r *runbooks) check(t *testing.T, command []string) error {
	t.Helper()
	switch command[0] {
	case "nats":
		return r.checkNATS(command[1:])
	case "docker":
		return r.checkDocker(t, command[1:])
	case "kubectl":
		return r.checkKubernetes(t, command[1:])
	case "curl":
		return r.checkURL(command[len(command)-1])
	default:
		return nil
	}
}

// words are the arguments that are no flags; those that take the next one as value are named.
func words(args []string, valued ...string) (all []string) {
	for i := 0; i < len(args); i++ {
		if slices.Contains(valued, args[i]) {
			i++
		} else if !strings.HasPrefix(args[i], "-") {
			all = append(all, args[i])
		}
	}
	return all
}

// checkNATS knows the nats CLI's commands that runbooks use, and what each of them names.
// That the CLI takes them is seen where they are typed in earnest, with alerts that fire.
func (r *runbooks) checkNATS(args []string) error {
	args = words(args, "--last-for")
	verb := strings.Join(args[:min(2, len(args))], " ")
	named := args[min(2, len(args)):]
	exists := func(known map[string]bool, prefix string) error {
		if len(named) == 0 || !known[prefix+named[0]] && !strings.Contains(named[0], "{") {
			return fmt.Errorf("nothing is called %v", named)
		}
		return nil
	}
	switch verb {
	case "stream report", "account info", "micro ls", "server report", "server request", "server check":
		return nil
	case "stream info", "stream subjects", "stream get", "stream edit", "stream rmm":
		if len(named) == 0 && verb == "stream subjects" {
			return nil // of the command itself
		}
		return exists(r.streams, "")
	case "kv ls", "kv get", "kv put", "kv history", "kv del":
		return exists(r.streams, "KV_")
	case "consumer report", "consumer ls":
		return exists(r.streams, "")
	case "consumer info", "consumer pause", "consumer resume":
		if err := exists(r.streams, ""); err != nil {
			return err
		}
		named = named[1:]
		return exists(r.members, "")
	case "micro stats", "micro info":
		return exists(map[string]bool{"wandstore-generator": true}, "")
	}
	if len(args) < 2 || args[0] != "req" && args[0] != "sub" {
		return fmt.Errorf("nobody checks nats %s", verb)
	}
	if bucket, ok := strings.CutPrefix(args[1], "$KV."); ok {
		bucket, _, _ = strings.Cut(bucket, ".")
		named = []string{bucket}
		return exists(r.streams, "KV_")
	}
	if !slices.Contains(r.subjects, args[1]) {
		return fmt.Errorf("nobody answers %s", args[1])
	}
	return nil
}

func (r *runbooks) checkDocker(t *testing.T, args []string) error {
	t.Helper()
	if args[0] == "inspect" {
		return nil
	}
	if args[0] != "compose" {
		return fmt.Errorf("nobody checks docker %s", args[0])
	}
	var files, envs []string
	project := ""
	rest := args[1:]
	for ; len(rest) > 1 && strings.HasPrefix(rest[0], "-"); rest = rest[2:] {
		switch rest[0] {
		case "-p":
			project = rest[1]
		case "-f":
			files = append(files, strings.TrimPrefix(rest[1], "deploy/"))
		case "--env-file":
			envs = append(envs, rest[1])
		default:
			return fmt.Errorf("nobody checks %s", rest[0])
		}
	}
	services := words(rest[1:], "--tail")
	for _, name := range services {
		if _, ok := r.compose.Services[name]; !ok {
			return fmt.Errorf("no service %s", name)
		}
	}
	switch verb := rest[0]; verb {
	case "ps", "logs", "restart", "stop", "start":
		// By its name a project is found without its files and secrets.
		if project != r.compose.Name {
			return fmt.Errorf("%s of the project %q", verb, project)
		}
	case "up":
		// What runs is started from both files, and changed by any other set.
		if !slices.Equal(files, observedFiles) || !slices.Equal(envs, []string{"deploy/.env", "deploy/secrets.env"}) {
			return fmt.Errorf("starts %v by %v", files, envs)
		}
		if _, err := compose(t, files, []string{filepath.Join(r.folder, "deploy", "secrets.env")}, nil); err != nil {
			return err
		}
	default:
		return fmt.Errorf("nobody checks docker compose %s", verb)
	}
	return nil
}

func (r *runbooks) checkKubernetes(t *testing.T, args []string) error {
	t.Helper()
	if len(args) < 3 || args[0] != "-n" || args[1] != "wandstore" {
		return errors.New("in another namespace than wandstore")
	}
	args = words(args[2:], "-o")
	if args[0] == "rollout" || args[0] == "set" {
		args = args[1:]
	}
	if args[0] == "get" {
		if len(args) == 2 && args[1] == "pods" || len(args) == 3 && args[1] == "secret" && args[2] == "wandstore" {
			return nil
		}
		return fmt.Errorf("nobody checks get %v", args[1:])
	}
	if !slices.Contains([]string{"port-forward", "logs", "restart", "env", "exec"}, args[0]) || len(args) < 2 {
		return fmt.Errorf("nobody checks kubectl %s", args[0])
	}
	kind, name, _ := strings.Cut(args[1], "/")
	pod, ok := r.cluster.pods()[name]
	if !ok || kind != "deployment" && kind != "statefulset" {
		return fmt.Errorf("no %s", args[1])
	}
	for _, arg := range args[2:] {
		if variable, _, ok := strings.Cut(arg, "="); ok && !settings(t)[name][variable] {
			return fmt.Errorf("%s has no setting %s", name, variable)
		}
		port, err := strconv.Atoi(arg)
		if args[0] != "port-forward" || err == nil && listens(pod.Spec.Containers[0].Ports, port) {
			continue
		}
		return fmt.Errorf("%s does not listen on %s", name, arg)
	}
	return nil
}

// checkURL wants the port to be one that compose opens to this machine.
func (r *runbooks) checkURL(url string) error {
	rest, ok := strings.CutPrefix(url, "http://127.0.0.1:")
	if !ok {
		return errors.New("of another machine")
	}
	port, _, _ := strings.Cut(rest, "/")
	for _, service := range r.compose.Services {
		for _, p := range service.Ports {
			if p.Published == port {
				return nil
			}
		}
	}
	return fmt.Errorf("compose does not open port %s", port)
}

func listens(ports []corev1.ContainerPort, port int) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return int(p.ContainerPort) == port })
}
