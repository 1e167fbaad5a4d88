package wandnats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"

	wandnats "github.com/wandstore/wandstore/nats"
)

// The passwords of the users of permissions.conf.
var passwords = map[string]string{
	"edge": "edge's password", "generator": "generator's password", "provision": "provision's password",
	"importer": "importer's password", "pop": "popsPassword",
	"operator": "operator's password", "sys": "sys's password",
}

// setPasswords puts the hashes where the server looks for them.
func setPasswords(t *testing.T) {
	t.Helper()
	for user, password := range passwords {
		t.Setenv(strings.ToUpper(user)+"_PASSWORD", hashed(t, password))
	}
}

// hashed is a password's hash of the cheapest kind: every connection of the tests pays for it.
func hashed(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// as signs a user in, with the inbox prefix that [wandnats.Dial] derives from it, or that a
// tenant's services are given.
func as(user string) natsgo.Option {
	return func(o *natsgo.Options) error {
		role := strings.TrimPrefix(user, acme)
		o.User, o.Password, o.InboxPrefix = user, passwords[role], "_INBOX_"+role
		return nil
	}
}

func configured(t *testing.T, file string) *server.Options {
	t.Helper()
	return configuredIn(t, "server", file)
}

// configuredIn is configured with the files of another folder.
func configuredIn(t *testing.T, dir, file string) *server.Options {
	t.Helper()
	opts := &server.Options{}
	if err := opts.ProcessConfigFile(filepath.Join(dir, file)); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return opts
}

// syncs checks that an accepted job is on the disk, at the server and not only
// in what it was told.
func syncs(t *testing.T, s *live) {
	t.Helper()
	varz, err := s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !varz.JetStream.Config.SyncAlways {
		t.Error("the server does not sync always")
	}
}

func TestDevConfig(t *testing.T) {
	opts := &server.Options{}
	if err := opts.ProcessConfigString(wandnats.DevConfig); err != nil {
		t.Fatal(err)
	}
	if opts.Host != "127.0.0.1" {
		t.Errorf("a laptop's server listens on %s", opts.Host)
	}
	file, err := os.ReadFile(filepath.Join("server", "dev.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if wandnats.DevConfig != string(file) {
		t.Error("what is embedded is not the file")
	}
	s := start(t, opts)
	syncs(t, s)
	_, js := connect(t, s.url)
	ensure(t, js, defaults())
	fill(t, js, "pool-0", 1)
}

func TestSingleConfig(t *testing.T) {
	dir := storeDir(t)
	t.Setenv("NATS_STORE_DIR", dir)
	setPasswords(t)
	// As the operator's page says.
	hash, _, err := run(t, "nats", nil, "server", "passwd", "--pass", "the operator's own long password")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OPERATOR_PASSWORD", strings.TrimSpace(hash))

	opts := configured(t, "single.conf")
	if opts.HTTPHost != "127.0.0.1" || opts.HTTPPort != 8222 {
		t.Errorf("monitoring listens on %s:%d, want loopback", opts.HTTPHost, opts.HTTPPort)
	}
	s := start(t, opts)
	syncs(t, s)

	provisioned(t, s, defaults())
	_, js := connect(t, s.url, as("generator"))
	ensure(t, js, defaults())
	fill(t, js, "pool-0", 1)
	if _, err := os.Stat(filepath.Join(dir, "jetstream", "WANDSTORE", "streams", wandnats.StreamGeneration)); err != nil {
		t.Errorf("the queue is not in NATS_STORE_DIR: %v", err)
	}
	connect(t, s.url, as("edge"))
	connect(t, s.url, natsgo.UserInfo("operator", "the operator's own long password"))

	for name, who := range map[string][]natsgo.Option{
		"nobody":         nil,
		"wrong password": {natsgo.UserInfo("operator", passwords["operator"])},
		"the hash":       {natsgo.UserInfo("operator", strings.TrimSpace(hash))},
		"unknown":        {natsgo.UserInfo("root", "")},
	} {
		if nc, err := natsgo.Connect(s.url, who...); err == nil {
			nc.Close()
			t.Errorf("%s may connect", name)
		}
	}
}

// A forgotten variable must not start a server without a password. (One that is
// set and empty does: see single.conf.)
func TestSingleConfigWantsEveryVariable(t *testing.T) {
	for _, missing := range []string{"NATS_STORE_DIR", "EDGE_PASSWORD", "GENERATOR_PASSWORD", "PROVISION_PASSWORD", "IMPORTER_PASSWORD", "POP_PASSWORD", "OPERATOR_PASSWORD", "SYS_PASSWORD"} {
		t.Run(missing, func(t *testing.T) {
			t.Setenv("NATS_STORE_DIR", t.TempDir())
			setPasswords(t)
			if err := os.Unsetenv(missing); err != nil {
				t.Fatal(err)
			}
			opts := &server.Options{}
			err := opts.ProcessConfigFile(filepath.Join("server", "single.conf"))
			if err == nil || !strings.Contains(err.Error(), missing) {
				t.Errorf("got %v, want an error that names %s", err, missing)
			}
		})
	}
}

// The pinned server itself, as it is started in production.
func TestPinnedServerAcceptsTheConfigs(t *testing.T) {
	hash := "$2a$04$" + strings.Repeat("x", 53)
	env := []string{
		"NATS_STORE_DIR=" + t.TempDir(), "NATS_SERVER_NAME=n1", "NATS_CLUSTER_LISTEN=127.0.0.1:6222", "NATS_ROUTE_PASSWORD=secret",
		"NATS_ROUTE_1=nats-route://route:secret@127.0.0.1:6222", "NATS_ROUTE_2=nats-route://route:secret@127.0.0.1:6223",
		"NATS_ROUTE_3=nats-route://route:secret@127.0.0.1:6224", "NATS_DOMAIN=pop-1", "NATS_HUB_URL=tls://pop:secret@127.0.0.1:7422",
		"EDGE_PASSWORD=" + hash, "GENERATOR_PASSWORD=" + hash, "PROVISION_PASSWORD=" + hash, "IMPORTER_PASSWORD=" + hash, "POP_PASSWORD=" + hash, "OPERATOR_PASSWORD=" + hash, "SYS_PASSWORD=" + hash,
	}
	cert, key := newAuthority(t).issue(t)
	env = append(env, "NATS_TLS_CERT="+cert, "NATS_TLS_KEY="+key, "NATS_TLS_CA="+cert)
	for _, file := range []string{"dev.conf", "single.conf", "cluster.conf", "single-tls.conf", "cluster-tls.conf", "leafnodes.conf", "leafnodes-tls.conf", "pop.conf", "pop-tls.conf"} {
		if stdout, stderr, err := run(t, "nats-server", env, "-t", "-c", "nats/server/"+file); err != nil {
			t.Errorf("nats-server -t -c nats/server/%s: %v\n%s%s", file, err, stdout, stderr)
		}
	}
	opts := configured(t, "dev.conf")
	if !opts.SyncAlways {
		t.Error("dev.conf does not sync always")
	}
	if opts.MaxPayload != 1<<20 {
		t.Errorf("max payload: %d", opts.MaxPayload)
	}
}
