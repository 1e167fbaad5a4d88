package pagestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// limited is the configuration of a key with the rights of policy and no others.
func limited(t *testing.T, addr, bucket, policy string) pagestore.S3Config {
	t.Helper()
	temporary, err := credentials.NewSTSAssumeRole("http://"+addr, credentials.STSAssumeRoleOptions{
		AccessKey: miniotest.AccessKey, SecretKey: miniotest.SecretKey, Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	// The server is ready before it has read its users.
	var key credentials.Value
	eventually.True(t, "the server gives keys", func() bool {
		key, err = temporary.GetWithContext(nil)
		return err == nil
	})
	cfg := s3Config(addr, bucket)
	cfg.AccessKey, cfg.SecretKey, cfg.SessionToken = key.AccessKeyID, key.SecretAccessKey, key.SessionToken
	return cfg
}

// A key that may read and write the objects of the bucket, and nothing else, is enough.
func TestObjectRightsSuffice(t *testing.T) {
	t.Parallel()
	// The bucket of the policy.
	const bucket = "wandstore-generated-ui"
	server := miniotest.Start(t)
	deployed, err := os.ReadFile(filepath.Join(checkout.Root(t), "deploy", "minio", "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	objects := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::` + bucket + `/*"]}]}`
	for name, policy := range map[string]string{"of deploy": string(deployed), "objects only": objects} {
		cfg := limited(t, server.Addr(), bucket, policy)
		store := openS3(t, cfg)
		if err := store.EnsureBucket(t.Context()); err == nil || !strings.Contains(err.Error(), "make bucket "+bucket) {
			t.Errorf("%s: a missing bucket: %v", name, err)
		}
	}
	if err := rawClient(t, server.Addr()).MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]string{"of deploy": string(deployed), "objects only": objects} {
		t.Run(name, func(t *testing.T) {
			cfg := limited(t, server.Addr(), bucket, policy)
			store := openS3(t, cfg)
			if err := store.EnsureBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := store.CheckConditionalWrites(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			page, newer := pagestoretest.Page(t, "job", 0), pagestoretest.Page(t, "newer", 1)
			if _, err := store.Get(t.Context(), page.Key()); !errors.Is(err, pagestore.ErrMiss) {
				t.Errorf("Get of nothing: %v", err)
			}
			put(t, store, page)
			put(t, store, newer)
			if got, err := store.Get(t.Context(), page.Key()); err != nil || got.JobID() != "newer" {
				t.Errorf("Get: %v, %v", got, err)
			}
			if err := store.Delete(t.Context(), page.Key()); err != nil {
				t.Errorf("Delete: %v", err)
			}
			cfg.Bucket = server.Bucket(t)
			if err := openS3(t, cfg).EnsureBucket(t.Context()); err == nil {
				t.Error("another bucket is open to it")
			}
		})
	}
}

// A key that the server does not know is an error, and no reason to create a bucket.
func TestUnknownKeyIsNoBucket(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	cfg := s3Config(server.Addr(), server.Bucket(t))
	cfg.SecretKey = "another-secret"
	if err := openS3(t, cfg).EnsureBucket(t.Context()); err == nil || !strings.Contains(err.Error(), "check bucket") {
		t.Errorf("EnsureBucket: %v", err)
	}
}
