package deploy_test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// secrets are what deploy/secrets.env holds. NATS takes an empty password for none.
var secrets = map[string]string{
	"NATS_EDGE_PASSWORD": "one", "NATS_EDGE_PASSWORD_HASH": "$2a$11$one",
	"NATS_GENERATOR_PASSWORD": "two", "NATS_GENERATOR_PASSWORD_HASH": "$2a$11$two",
	"NATS_PROVISION_PASSWORD": "three", "NATS_PROVISION_PASSWORD_HASH": "$2a$11$three",
	"NATS_IMPORTER_PASSWORD": "six", "NATS_IMPORTER_PASSWORD_HASH": "$2a$11$six",
	"NATS_POP_PASSWORD_HASH":      "$2a$11$seven",
	"NATS_OPERATOR_PASSWORD_HASH": "$2a$11$four", "NATS_SYS_PASSWORD_HASH": "$2a$11$five",
	"MINIO_PASSWORD":       "four",
	"MINIO_PAGES_PASSWORD": "pages",
	"GRAFANA_PASSWORD":     "five",
	"SHOPPER_KEYS":         "seven",
	"PAGE_KEYS":            "eight",
}

var (
	plainFiles    = []string{"compose.yaml"}
	observedFiles = []string{"compose.yaml", "compose.observability.yaml"}
)

// compose loads files as `docker compose` does that is started in this folder, with
// the secrets changed as by env, in a file as `task secrets` writes it.
func compose(t *testing.T, files, envFiles []string, env map[string]string) (*types.Project, error) {
	t.Helper()
	given := maps.Clone(secrets)
	maps.Copy(given, env)
	var lines strings.Builder
	for name, value := range given {
		fmt.Fprintf(&lines, "%s='%s'\n", name, value)
	}
	file := filepath.Join(t.TempDir(), "secrets.env")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions(files,
		cli.WithWorkingDirectory("."),
		cli.WithEnvFiles(append([]string{".env", file}, envFiles...)...),
		cli.WithDotEnv,
		cli.WithDefaultProfiles(),
	)
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func loaded(t *testing.T, files, envFiles []string, env map[string]string) *types.Project {
	t.Helper()
	project, err := compose(t, files, envFiles, env)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeRefusesAMissingSecret(t *testing.T) {
	for name := range secrets {
		_, err := compose(t, observedFiles, []string{"sim.env"}, map[string]string{name: ""})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with %s empty: %v", name, err)
		}
	}
	if _, err := compose(t, plainFiles, nil, nil); err == nil || !strings.Contains(err.Error(), "KIMI_API_KEY") {
		t.Errorf("without the model's key: %v", err)
	}
}

func TestComposeServices(t *testing.T) {
	key := map[string]string{"KIMI_API_KEY": "a real one"}
	own := []string{"edge", "generator", "minio", "minio-provision", "nats", "provision"}
	more := []string{"alertmanager", "collector", "grafana", "loki", "nats-exporter", "prometheus", "tempo"}
	for _, tt := range []struct {
		name  string
		files []string
		env   []string
		given map[string]string
		want  []string
	}{
		{"plain", plainFiles, nil, key, own},
		{"imported", plainFiles, nil, map[string]string{"KIMI_API_KEY": "a real one", "COMPOSE_PROFILES": "imports"}, append([]string{"importer"}, own...)},
		{"simulated", plainFiles, []string{"sim.env"}, nil, append([]string{"kimisim"}, own...)},
		{"observed", observedFiles, nil, key, append(more, own...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			project := loaded(t, tt.files, tt.env, tt.given)
			names := project.ServiceNames()
			slices.Sort(names)
			slices.Sort(tt.want)
			if !slices.Equal(names, tt.want) {
				t.Errorf("runs %v, want %v", names, tt.want)
			}
			for _, service := range project.Services {
				hardened(t, service)
			}
		})
	}
}

var pinned = regexp.MustCompile(`^[a-z0-9./-]+:(v?[0-9]+\.[0-9]+\.[0-9]+(-alpine)?|RELEASE\.[0-9TZ-]+)$`)

// hardened checks what every container is held to.
func hardened(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	if !pinned.MatchString(s.Image) && !strings.HasPrefix(s.Image, "wandstore/") {
		t.Errorf("%s: image %s is not pinned", s.Name, s.Image)
	}
	if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 ||
		!slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		t.Errorf("%s may do more than it has to", s.Name)
	}
	if user, _, ok := strings.Cut(s.User, ":"); !ok || (user == "0") != slices.Contains([]string{"nats", "minio"}, s.Name) {
		t.Errorf("%s runs as %q", s.Name, s.User)
	}
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 ||
		s.Deploy.Resources.Limits.NanoCPUs == 0 || s.Deploy.Resources.Limits.Pids == 0 {
		t.Errorf("%s has no limits", s.Name)
	}
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s: port %d is open to %q", s.Name, port.Target, port.HostIP)
		}
	}
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
			t.Errorf("%s mounts %s, read-only %v: %v", s.Name, v.Source, v.ReadOnly, err)
		}
	}
}

// A setting that no service knows is a typing error, and its default a surprise.
func TestComposeSettingsAreKnown(t *testing.T) {
	project := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one", "COMPOSE_PROFILES": "sim,imports"})
	for name, known := range settings(t) {
		service, err := project.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		for variable := range service.Environment {
			if !known[variable] {
				t.Errorf("%s has no setting %s", name, variable)
			}
		}
	}
}

// The hash has dollars, which must reach the server as they are.
func TestComposeHandsTheHashesOver(t *testing.T) {
	nats, err := loaded(t, plainFiles, []string{"sim.env"}, nil).GetService("nats")
	if err != nil {
		t.Fatal(err)
	}
	if hash := nats.Environment["EDGE_PASSWORD"]; hash == nil || *hash != secrets["NATS_EDGE_PASSWORD_HASH"] {
		t.Errorf("the edge's hash arrives as %v", hash)
	}
}

// What runs is what the tests ran against.
func TestComposeRunsThePinnedServer(t *testing.T) {
	nats, err := loaded(t, plainFiles, []string{"sim.env"}, nil).GetService("nats")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join("tools", "tools.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if version, ok := strings.CutPrefix(lines.Text(), "github.com/nats-io/nats-server/v2@v"); ok {
			if nats.Image != "nats:"+version+"-alpine" {
				t.Errorf("compose runs %s, the tests %s", nats.Image, version)
			}
			return
		}
	}
	t.Error("no nats-server in tools.txt")
}

// The README names what of compose.yaml is worth changing: all that has a default there,
// except kimisim's.
func TestReadmeNamesWhatComposeTakes(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):-`).FindAllSubmatch(file, -1) {
		name := string(m[1])
		if !strings.HasPrefix(name, "KIMISIM_") && !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}
