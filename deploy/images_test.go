//go:build images

package deploy_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
)

var (
	engine  = flag.String("engine", "docker", "docker, podman or buildah")
	version = flag.String("version", "dev", "the images' tag")
)

// The images as built verify their settings, serve a shopper whose cookie is signed, and
// make her page, which is stored with a MAC.
func TestImages(t *testing.T) {
	bus, store := natstest.Start(t), miniotest.Start(t)
	bucket, edge, generator, model := store.Bucket(t), freeport.Addr(t), freeport.Addr(t), freeport.Addr(t)
	shared := []string{
		"NATS_URL=" + bus.URL(), "MINIO_ENDPOINT=" + store.Addr(), "MINIO_BUCKET=" + bucket,
		"MINIO_ACCESS_KEY=" + miniotest.AccessKey, "MINIO_SECRET_KEY=" + miniotest.SecretKey, "PRIVATE_ADDR=",
		"PAGE_KEYS=" + key('p'),
	}
	settings := map[string][]string{
		"edge":      append([]string{"EDGE_ADDR=" + edge, "SHOPPER_IDS=signed", "SHOPPER_KEYS=" + key('s')}, shared...),
		"generator": append([]string{"GENERATOR_ADDR=" + generator, "KIMI_API_KEY=any", "KIMI_BASE_URL=http://" + model + "/v1"}, shared...),
		"importer":  append([]string{"IMPORTER_ADDR=" + freeport.Addr(t)}, shared...),
		"kimisim":   {"KIMISIM_ADDR=" + model, "KIMISIM_FIRST_TOKEN=0s", "KIMISIM_TOKENS_PER_SECOND=0"},
	}
	for service, env := range settings {
		run := container(t, service, env)
		for _, flag := range []string{"-version", "-config.verify"} {
			if out, err := run(flag).CombinedOutput(); err != nil {
				t.Fatalf("%s %s: %v: %s", service, flag, err, out)
			}
		}
		startProcess(t, run())
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	within(t, "the edge is ready", func() bool { return status(t.Context(), "http://"+edge+"/ready") == http.StatusOK })
	within(t, "the page is the shopper's own", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+edge+"/s/magic-wands", nil)
		must(t, err)
		res, err := browser.Do(req)
		must(t, err)
		must(t, res.Body.Close())
		return res.Header.Get("X-Cache") == "HIT"
	})
}

// key is a key of 32 equal bytes.
func key(of byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, 32))
}

// container gives commands that run a service's image with the settings, on the
// machine's network.
func container(t *testing.T, service string, env []string) func(args ...string) *exec.Cmd {
	t.Helper()
	image := "wandstore/" + service + ":" + *version
	var given []string
	for _, variable := range env {
		given = append(given, "--env", variable)
	}
	if *engine != "buildah" {
		return func(args ...string) *exec.Cmd {
			run := append([]string{"run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "host"}, given...)
			return exec.Command(*engine, append(append(run, image), args...)...)
		}
	}
	from := exec.CommandContext(t.Context(), "buildah", "from", "--pull-never", image)
	out, err := from.Output()
	must(t, err)
	name := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("buildah", "rm", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return func(args ...string) *exec.Cmd {
		run := append([]string{"run"}, given...)
		return exec.Command("buildah", append(append(run, name, "--", "/service"), args...)...)
	}
}
