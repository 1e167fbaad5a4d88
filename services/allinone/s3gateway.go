package allinone

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/wandstore/wandstore/pkg/pagestore"
)

// runS3 runs an S3 gateway over a folder until ctx ends. There is one a process:
// the library holds global state, the working directory among it.
func runS3(ctx context.Context, cfg pagestore.S3Config, dir string) error {
	objects, attributes := filepath.Join(dir, "objects"), filepath.Join(dir, "metadata")
	for _, d := range []string{objects, attributes} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			return err
		}
	}
	// Metadata beside the objects instead of in extended attributes: any file system
	// will do.
	sidecar, err := meta.NewSideCar(attributes)
	if err != nil {
		return fmt.Errorf("metadata folder: %w", err)
	}
	folder, err := posix.New(objects, sidecar, posix.PosixOpts{Concurrency: 64})
	if err != nil {
		return fmt.Errorf("object folder: %w", err)
	}
	return embedgw.RunVersityGW(ctx, folder, &embedgw.Config{
		IAMService:        auth.NewIAMServiceSingle(auth.Account{Access: cfg.AccessKey, Secret: cfg.SecretKey, Role: auth.RoleAdmin}),
		RootUserAccess:    cfg.AccessKey,
		RootUserSecret:    cfg.SecretKey,
		Ports:             []string{cfg.Endpoint},
		MaxConnections:    4096,
		MaxRequests:       1024,
		MultipartMaxParts: 10_000,
		KeepAlive:         true,
		Quiet:             true,
	})
}
