package wandnats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// acme is what the names of a tenant's users begin with.
const acme = "acme-"

// configurations is a folder of the test's with the files of nats/server.
func configurations(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, "copy", os.CopyFS(dir, os.DirFS("server")))
	return dir
}

// tenantFolder is a folder of the configurations with the account of a tenant in tenants.conf,
// made as tenants.md makes it, whose streams may take that much of the disk. The passwords are
// those of the others' users.
func tenantFolder(t *testing.T, disk string) string {
	t.Helper()
	dir := configurations(t)
	template, err := os.ReadFile(filepath.Join(dir, "tenant.conf"))
	must(t, "read", err)
	account := strings.NewReplacer("TENANT", strings.TrimSuffix(acme, "-"), "DISK", disk).Replace(string(template))
	for user, password := range passwords {
		account = strings.ReplaceAll(account, "HASH-"+user, hashed(t, password))
	}
	must(t, "write", os.WriteFile(filepath.Join(dir, "tenants.conf"), []byte(account), 0o600))
	return dir
}
