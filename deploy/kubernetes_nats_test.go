package deploy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	nackv1beta2 "github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nats-server/v2/server"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	wandnats "github.com/wandstore/wandstore/nats"
)

// With NACK in the cluster every stream, bucket and consumer is a resource, which says
// what the services ensure themselves; taking the resources away takes nothing else.
func TestKubernetesByNACK(t *testing.T) {
	for overlay, replicas := range map[string]int{"single-node": 1, "three-nodes": 3} {
		c := builtWith(t, overlay, "nack")

		if len(c.accounts) != 1 || c.accounts[0].Spec.User == nil {
			t.Fatalf("%s: accounts %+v", overlay, c.accounts)
		}
		definitions, err := wandnats.Streams(wandnats.Settings{MaxQueueDepth: 100, CacheTTLSeconds: 3600, Replicas: replicas})
		must(t, err)
		var want, got []string
		for _, d := range definitions {
			want = append(want, fmt.Sprint(d.Name, d.Subjects, d.MaxMsgsPerSubject, d.DiscardNewPerSubject, d.MaxAge, d.MaxMsgSize, d.Replicas, d.AllowMsgTTL))
		}
		for _, s := range c.streams {
			var age time.Duration
			if s.Spec.MaxAge != "" {
				age, err = time.ParseDuration(s.Spec.MaxAge)
				must(t, err)
			}
			got = append(got, fmt.Sprint(s.Spec.Name, s.Spec.Subjects, s.Spec.MaxMsgsPerSubject, s.Spec.DiscardPerSubject, age, s.Spec.MaxMsgSize, s.Spec.Replicas, s.Spec.AllowMsgTTL))
			if !s.Spec.PreventDelete || s.Spec.Account != c.accounts[0].Name {
				t.Errorf("%s: %s may be deleted, or nobody signs in for it", overlay, s.Spec.Name)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: streams\n%s\nwant\n%s", overlay, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for n := range 10 {
			member := wandnats.Member(n)
			if !slices.ContainsFunc(c.consumers, func(r nackv1beta2.Consumer) bool {
				return r.Spec.DurableName == member && r.Spec.FilterSubject == wandnats.GenerateSubject(member) && r.Spec.MaxAckPending == 1 && r.Spec.PreventDelete
			}) {
				t.Errorf("%s: no resource for the consumer of %s", overlay, member)
			}
		}
		// Its controller comes in from a namespace of its own.
		if !slices.ContainsFunc(c.policies, func(p networkingv1.NetworkPolicy) bool { return p.Name == "nack" }) {
			t.Errorf("%s: NACK cannot reach NATS", overlay)
		}
	}
}

// The servers take the configuration that they are given.
func TestKubernetesConfiguresNATS(t *testing.T) {
	pair := certificate(t)
	for overlay, routes := range map[string]int{"single-node": 0, "three-nodes": 3, "edge-pop": 0, "single-node with leafnodes": 0, "three-nodes with leafnodes": 3} {
		var c *cluster
		if folder, component, with := strings.Cut(overlay, " with "); with {
			c = builtWith(t, folder, component)
		} else {
			c = built(t, overlay)
		}
		at := slices.IndexFunc(c.configMaps, func(m corev1.ConfigMap) bool { return strings.HasPrefix(m.Name, "nats-config-") })
		if at < 0 {
			t.Fatalf("no configuration among %d config maps", len(c.configMaps))
		}
		config := c.configMaps[at]
		folder := t.TempDir()
		for name, text := range config.Data {
			must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
		}
		pod, clustered := c.pods()["nats-cluster"]
		if !clustered {
			pod = c.pods()["nats"]
		}
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil && v.ConfigMap.Name == config.Name }) {
			t.Errorf("the servers mount %+v, the map is %s", pod.Spec.Volumes, config.Name)
		}
		for _, v := range pod.Spec.Containers[0].Env {
			value := v.Value
			if v.ValueFrom != nil {
				value = "$2a$11$secret"
				if v.Name == "NATS_SERVER_NAME" || v.Name == "NATS_ROUTE_PASSWORD" {
					value = "nats0"
				}
			}
			if strings.HasPrefix(v.Name, "NATS_TLS_") {
				value = pair[v.Name]
			}
			t.Setenv(v.Name, reference.ReplaceAllString(value, "nats0"))
		}
		opts, err := server.ProcessConfigFile(filepath.Join(folder, "nats.conf"))
		must(t, err)
		if got, want := opts.LeafNode.Port == leafPort && opts.LeafNode.TLSConfig != nil, strings.HasSuffix(overlay, "leafnodes"); got != want {
			t.Errorf("%s: listens for PoPs, by TLS: %t", overlay, got)
		}
		if remotes := opts.LeafNode.Remotes; overlay == "edge-pop" && (len(remotes) != 1 || remotes[0].URLs[0].Host != "nats.hub.example.com:7422" || remotes[0].URLs[0].Scheme != "tls" || opts.JetStreamDomain == "hub") {
			t.Errorf("a PoP's hubs: %+v", remotes)
		}
		if opts.HTTPHost != "0.0.0.0" || opts.HTTPPort != 8222 || opts.StoreDir != "/data" || len(opts.Routes) != routes || len(opts.Accounts) == 0 {
			t.Errorf("%s: monitor %s:%d, store %s, %d routes, %d accounts", overlay, opts.HTTPHost, opts.HTTPPort, opts.StoreDir, len(opts.Routes), len(opts.Accounts))
		}
		if routes > 0 && opts.Routes[0].Host != "nats-cluster-0.nats-cluster:6222" {
			t.Errorf("the first route is %s", opts.Routes[0].Host)
		}
	}
}

// certificate is a certificate of its own authority and its key, in files, as the
// configurations name them.
func certificate(t *testing.T) map[string]string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	files := map[string]string{}
	for name, block := range map[string]*pem.Block{"NATS_TLS_CERT": {Type: "CERTIFICATE", Bytes: cert}, "NATS_TLS_KEY": {Type: "PRIVATE KEY", Bytes: private}} {
		files[name] = filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(files[name], pem.EncodeToMemory(block), 0o600))
	}
	return files
}

// builtWith is an overlay with one more component.
func builtWith(t *testing.T, overlay, component string) *cluster {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for _, folder := range []string{"kubernetes", "minio", filepath.Join("..", "nats", "server")} {
		must(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return files.WriteFile(filepath.Join("/deploy", path), []byte(read(t, path)))
		}))
	}
	folder := filepath.Join("/deploy", "kubernetes", "overlays", overlay)
	kustomization := filepath.Join(folder, "kustomization.yaml")
	text, err := files.ReadFile(kustomization)
	must(t, err)
	with := strings.Replace(string(text), "components: [../../keda]", "components: [../../keda, ../../"+component+"]", 1)
	must(t, files.WriteFile(kustomization, []byte(with)))
	return builtIn(t, files, folder)
}

// The pod for operators is confined as the others are, signs in as the operator where the
// services do, and reaches NATS alone.
func TestKubernetesWithTheBox(t *testing.T) {
	for _, overlay := range []string{"single-node", "three-nodes", "aws"} {
		c := builtWith(t, overlay, "nats-box")
		pods := c.pods()
		box, ok := pods["nats-box"]
		if !ok {
			t.Fatalf("%s runs %v", overlay, pods)
		}
		confined(t, "nats-box", box)
		env := map[string]corev1.EnvVar{}
		for _, v := range box.Spec.Containers[0].Env {
			env[v.Name] = v
		}
		if url := env["NATS_URL"].Value; url != "nats://nats:4222" || !slices.ContainsFunc(c.services, func(s corev1.Service) bool { return s.Name == "nats" }) {
			t.Errorf("%s: it signs in at %s", overlay, url)
		}
		if env["NATS_USER"].Value != "operator" || env["NATS_PASSWORD"].ValueFrom.SecretKeyRef.Key != "NATS_OPERATOR_PASSWORD" {
			t.Errorf("%s: it signs in as %s", overlay, env["NATS_USER"].Value)
		}
		for name, pod := range pods {
			for _, port := range []int32{4222, 6222, 8080, 8222, 8787, 9000} {
				reached := c.allows(box, pod, port, true) && c.allows(pod, box, port, false)
				if want := strings.HasPrefix(name, "nats") && name != "nats-box" && port == 4222; reached != want {
					t.Errorf("%s: nats-box to %s:%d is %t", overlay, name, port, reached)
				}
				if name != "nats-box" && c.allows(pod, box, port, true) && c.allows(box, pod, port, false) {
					t.Errorf("%s: %s is let in to nats-box:%d", overlay, name, port)
				}
			}
		}
	}
}

// The importer is confined as the others are, and reaches NATS alone.
func TestKubernetesWithTheImporter(t *testing.T) {
	c := builtWith(t, "single-node", "importer")
	pods := c.pods()
	importer, ok := pods["importer"]
	if !ok {
		t.Fatalf("runs %v", pods)
	}
	confined(t, "importer", importer)
	for name, pod := range pods {
		for _, port := range []int32{4222, 8080, 8222, 8787, 9000} {
			reached := c.allows(importer, pod, port, true) && c.allows(pod, importer, port, false)
			if want := name == "nats" && port == 4222; reached != want {
				t.Errorf("importer to %s:%d is %t", name, port, reached)
			}
		}
	}
}
