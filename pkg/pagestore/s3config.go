package pagestore

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// S3Config holds the address and the credentials of the object store.
type S3Config struct {
	// Endpoint is host:port, without a scheme.
	Endpoint string `env:"MINIO_ENDPOINT" envDefault:"127.0.0.1:9000"`
	// Credentials says where the keys come from: CredentialsKeys, which "" is too, or
	// CredentialsIAM.
	Credentials string `env:"MINIO_CREDENTIALS" envDefault:"keys"`
	// AccessKey and SecretKey sign requests; the secret is never sent.
	AccessKey string `env:"MINIO_ACCESS_KEY" envDefault:"minioadmin"`
	SecretKey string `env:"MINIO_SECRET_KEY" secret:"true" envDefault:"minioadmin"`
	// SessionToken goes with keys that are temporary; empty for others.
	SessionToken string
	// Bucket is the bucket's name.
	Bucket string `env:"MINIO_BUCKET" envDefault:"wandstore-generated-ui"`
	// Region is the region that requests are signed for. Empty means "us-east-1", which
	// MinIO accepts.
	Region string `env:"MINIO_REGION"`
	// Style is where requests name the bucket: StylePath, which "" is too, or StyleHost.
	Style string `env:"MINIO_STYLE" envDefault:"path"`
	// PageTTL is how long the object store keeps a page after its last write, in whole
	// days; 0 is for good. See EnsureLifecycle.
	PageTTL time.Duration `env:"PAGE_TTL"`
	// UseTLS selects HTTPS.
	UseTLS bool `env:"MINIO_USE_TLS"`
}

// Where S3Config's keys come from.
const (
	// CredentialsKeys are AccessKey and SecretKey.
	CredentialsKeys = "keys"
	// CredentialsIAM is what AWS gives a workload: AWS_ACCESS_KEY_ID and its like, the file
	// AWS_SHARED_CREDENTIALS_FILE, a web identity, the container's or the machine's role, the
	// first that there is. They are renewed before they expire.
	CredentialsIAM = "iam"
)

// Where a request names the bucket.
const (
	// StylePath is in the path, which every server takes.
	StylePath = "path"
	// StyleHost is before the host's name, which some providers want.
	StyleHost = "host"
)

// Validate names the first variable that is missing or wrong.
func (c S3Config) Validate() error {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "/"):
		return errors.New("MINIO_ENDPOINT is not host:port")
	case c.Credentials != "" && c.Credentials != CredentialsKeys && c.Credentials != CredentialsIAM:
		return errors.New("MINIO_CREDENTIALS is not keys or iam")
	case c.Style != "" && c.Style != StylePath && c.Style != StyleHost:
		return errors.New("MINIO_STYLE is not path or host")
	case c.Credentials == CredentialsIAM:
		return c.validateBucket()
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("MINIO_ACCESS_KEY or MINIO_SECRET_KEY is empty")
	case (c.AccessKey == defaultKey || c.SecretKey == defaultKey) && !lifecycle.Loopback(c.Endpoint):
		name := "MINIO_SECRET_KEY"
		if c.SecretKey != defaultKey {
			name = "MINIO_ACCESS_KEY"
		}
		return errors.New(name + " is MinIO's default, which everybody knows: set it, since MINIO_ENDPOINT is not on loopback")
	}
	return c.validateBucket()
}

func (c S3Config) validateBucket() error {
	switch {
	case c.Bucket == "":
		return errors.New("MINIO_BUCKET is empty")
	case c.PageTTL < 0 || c.PageTTL%day != 0:
		return errors.New("PAGE_TTL is neither 0 nor whole days, such as 720h")
	}
	return nil
}

// credentials are the keys, or where the client gets them.
func (c S3Config) credentials(transport http.RoundTripper) *credentials.Credentials {
	if c.Credentials != CredentialsIAM {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
		&credentials.IAM{Client: &http.Client{Transport: transport, Timeout: keysTimeout}, Region: c.Region},
	})
}

// keysTimeout bounds one request for keys.
const keysTimeout = 5 * time.Second

// lookup is where the client's requests name the bucket.
func (c S3Config) lookup() minio.BucketLookupType {
	if c.Style == StyleHost {
		return minio.BucketLookupDNS
	}
	return minio.BucketLookupPath
}

// defaultKey is the user name and the password of a MinIO that nobody has configured.
const defaultKey = "minioadmin"
