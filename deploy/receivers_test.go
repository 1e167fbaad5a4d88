package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
)

// Alertmanager, as compose starts it, delivers each alert to whom its severity says, alerts of
// one name together, and tells that they are over. The dead man's switch hears of itself again
// and again. An address that is filled in later is used without a restart.
func TestAlertsAreDelivered(t *testing.T) {
	t.Parallel()
	a := startAlertmanager(t)
	// `task secrets` makes the files empty.
	must(t, os.WriteFile(a.address("night"), nil, 0o600))
	warning := func(labels ...string) map[string]string { return alert("warning", labels...) }
	down := alert("critical", "alertname", "ServiceDown", "job", "edge")
	a.post(t, true, alert("none", "alertname", "Watchdog"), down)
	alike := []map[string]string{warning("alertname", "BreakerOpen", "wandstore_breaker", "minio"), warning("alertname", "BreakerOpen", "wandstore_breaker", "kimi")}
	a.post(t, true, alike...)
	within(t, "one message says what is alike", func() bool { return slices.Contains(a.got("day"), "firing BreakerOpen BreakerOpen") })
	a.post(t, false, alike...)
	within(t, "the switch hears every minute", func() bool { return len(a.got("watchdog")) > 2 })
	within(t, "an empty address is a failure", func() bool {
		return failed.MatchString(a.get(t, "/metrics"))
	})
	a.fill(t, "night")
	within(t, "an address counts once it is written", func() bool { return slices.Contains(a.got("night"), "firing ServiceDown") })
	within(t, "what is over is told", func() bool { return a.told("resolved", "BreakerOpen") })

	// Who is woken is not told the same by day, nor what follows from it.
	for _, inhibits := range []struct {
		source       map[string]string
		probe, quiet map[string]string
	}{
		{alert("critical", "alertname", "HitsSlow", "slo", "fast"), warning("alertname", "AnyPromise", "slo", "fast"), warning("alertname", "HitsSlow", "slo", "fast")},
		{alert("critical", "alertname", "ServiceDown", "job", "nats"), warning("alertname", "HitRateLow"), warning("alertname", "WatchBroken")},
	} {
		a.post(t, true, inhibits.source, inhibits.probe)
		within(t, inhibits.source["alertname"]+" is known to inhibit", func() bool {
			return a.inhibited(t, inhibits.probe["alertname"])
		})
		a.post(t, true, inhibits.quiet)
	}
	within(t, "the promise wakes somebody", func() bool { return slices.Contains(a.got("night"), "firing HitsSlow") })
	// What is quiet would have been told by the time that others were told again and again.
	heard := len(a.got("watchdog"))
	within(t, "the switch goes on", func() bool { return len(a.got("watchdog")) > heard+2 })
	for receiver, others := range map[string]string{"day": "HitsSlow|WatchBroken|ServiceDown|Watchdog", "night": "BreakerOpen|Watchdog", "watchdog": "HitsSlow|BreakerOpen|ServiceDown"} {
		for _, message := range a.got(receiver) {
			if regexp.MustCompile(others).MatchString(message) {
				t.Errorf("%s is told %s", receiver, message)
			}
		}
	}

	a.post(t, false, down, alert("critical", "alertname", "ServiceDown", "job", "nats"), alert("critical", "alertname", "HitsSlow", "slo", "fast"))
	within(t, "all is over", func() bool { return a.told("resolved", "HitsSlow") && a.told("resolved", "ServiceDown") })
}

// failed is the metric that AlertsNotDelivered asks for, above none.
var failed = regexp.MustCompile(`(?m)^alertmanager_notifications_failed_total\{.*integration="webhook".*\} [1-9]`)

// alertmanager is a real one, with a fast clock, and the receivers that it is told of.
type alertmanager struct {
	url, folder string
	receivers   *httptest.Server

	mu       sync.Mutex
	messages map[string][]string
}

// waits are the durations of a route.
var waits = regexp.MustCompile(`\b\d+[smh]\b`)

func startAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	a := &alertmanager{folder: t.TempDir(), messages: map[string][]string{}}
	a.receivers = httptest.NewServer(http.HandlerFunc(a.receive))
	t.Cleanup(a.receivers.Close)
	for _, receiver := range []string{"night", "day", "watchdog"} {
		a.fill(t, receiver)
	}
	// Paths in the container are paths of a folder here.
	const configured, kept = "/etc/alertmanager", "/alertmanager"
	config := fasterBy(t, waits, strings.ReplaceAll(read(t, "alertmanager/alertmanager.yml"), configured, a.folder))
	must(t, os.WriteFile(filepath.Join(a.folder, "alertmanager.yml"), []byte(config), 0o600))
	command := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one"}).Services["alertmanager"].Command
	addr := freeport.Addr(t)
	args := []string{"--web.listen-address=" + addr}
	for _, arg := range command {
		args = append(args, strings.NewReplacer("="+configured, "="+a.folder, "="+kept, "="+filepath.Join(a.folder, "data")).Replace(arg))
	}
	startProcess(t, exec.Command(filepath.Join("..", ".bin", "alertmanager"), args...))
	a.url = "http://" + addr
	within(t, "Alertmanager is ready", func() bool { return status(t.Context(), a.url+"/-/ready") == http.StatusOK })
	return a
}

// address is the file of a receiver's address.
func (a *alertmanager) address(receiver string) string {
	return filepath.Join(a.folder, receiver+".url")
}

// fill writes a receiver's address as an operator does.
func (a *alertmanager) fill(t *testing.T, receiver string) {
	t.Helper()
	must(t, os.WriteFile(a.address(receiver), []byte(a.receivers.URL+"/"+receiver+"\n"), 0o600))
}

// receive takes a message as receivers do
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
func (a *alertmanager) receive(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Status string
		Alerts []struct{ Labels map[string]string }
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	words := []string{message.Status}
	for _, one := range message.Alerts {
		words = append(words, one.Labels["alertname"])
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	to := strings.TrimPrefix(r.URL.Path, "/")
	a.messages[to] = append(a.messages[to], strings.Join(words, " "))
}

// got are the messages that a receiver has: status and names of alerts.
func (a *alertmanager) got(receiver string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.messages[receiver])
}

// told tells whether somebody has a message of that status with that alert.
func (a *alertmanager) told(status, name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, messages := range a.messages {
		if slices.ContainsFunc(messages, func(m string) bool {
			words := strings.Fields(m)
			return words[0] == status && slices.Contains(words[1:], name)
		}) {
			return true
		}
	}
	return false
}

func alert(severity string, labels ...string) map[string]string {
	made := map[string]string{"severity": severity}
	for pair := range slices.Chunk(labels, 2) {
		made[pair[0]] = pair[1]
	}
	return made
}

// post hands alerts over as Prometheus does.
func (a *alertmanager) post(t *testing.T, firing bool, alerts ...map[string]string) {
	t.Helper()
	var body []map[string]any
	for _, labels := range alerts {
		one := map[string]any{"labels": labels, "endsAt": time.Now().Add(time.Hour)}
		if !firing {
			one["endsAt"] = time.Now()
		}
		body = append(body, one)
	}
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/api/v2/alerts", bytes.NewReader(text))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("alerts are answered by %d: %s", res.StatusCode, answer)
	}
}

// inhibited tells whether Alertmanager keeps an alert back.
func (a *alertmanager) inhibited(t *testing.T, name string) bool {
	t.Helper()
	var alerts []struct {
		Status struct{ InhibitedBy []string }
	}
	must(t, json.Unmarshal([]byte(a.get(t, fmt.Sprintf("/api/v2/alerts?filter=alertname=%q", name))), &alerts))
	return len(alerts) == 1 && len(alerts[0].Status.InhibitedBy) > 0
}

func (a *alertmanager) get(t *testing.T, path string) string {
	t.Helper()
	var text string
	eventually.NoError(t, func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+path, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		text = string(body)
		return err
	})
	return text
}
