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

// runS3 runs an S3 gateway over a folder until ctx ends. A process can run only one, because
// the library has global state, such as the working directory.
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

// attributesOf returns the store of the objects' metadata. Extended attributes appear in the
// same moment as their object, so that of two concurrent writers one wins. If the file
// system has none, the metadata is kept in a folder. Then two writers that store the same
// page in the same millisecond may leave the older one.
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
