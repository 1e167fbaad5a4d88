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
	objects := filepath.Join(dir, "objects")
	if err := os.MkdirAll(objects, 0o750); err != nil {
		return err
	}
	attributes, err := attributesOf(objects, filepath.Join(dir, "metadata"))
	if err != nil {
		return err
	}
	folder, err := posix.New(objects, attributes, posix.PosixOpts{Concurrency: 64})
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

// attributesOf is where objects' metadata is kept: in extended attributes, which
// are there in the same moment as their object, so that of two writers one wins.
// Only where the file system has none it is in a folder of its own, and two who
// write the same page in the same millisecond may leave the older one.
func attributesOf(objects, folder string) (meta.MetadataStorer, error) {
	if err := (meta.XattrMeta{}).Test(objects); err == nil {
		return meta.XattrMeta{}, nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(folder)
	if err != nil {
		return nil, fmt.Errorf("metadata folder: %w", err)
	}
	return sidecar, nil
}
