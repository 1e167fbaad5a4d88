package miniotest_test

import (
	"net"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/miniotest"
)

func TestMain(m *testing.M) { leaktest.Main(miniotest.Main(m)) }

func TestOutageKeepsPortAndData(t *testing.T) {
	server := miniotest.StartOwn(t)
	addr, bucket := server.Addr(), server.Bucket(t)
	if other := server.Bucket(t); other == bucket {
		t.Errorf("two callers share the bucket %s", bucket)
	}
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := minio.New(addr, &minio.Options{
		Creds: credentials.NewStaticV4(miniotest.AccessKey, miniotest.SecretKey, ""), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), bucket, "kept", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}

	server.Stop()
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Fatal("a stopped server accepts a connection")
	}
	server.Restart()
	if server.Addr() != addr {
		t.Errorf("Addr: got %s, want %s", server.Addr(), addr)
	}
	if _, err := client.StatObject(t.Context(), bucket, "kept", minio.StatObjectOptions{}); err != nil {
		t.Errorf("the object did not survive: %v", err)
	}
}

func TestTestsShareAServer(t *testing.T) {
	one, two := miniotest.Start(t), miniotest.Start(t)
	if one.Addr() != two.Addr() {
		t.Errorf("two servers, %s and %s", one.Addr(), two.Addr())
	}
	if a, b := one.Bucket(t), two.Bucket(t); a == b {
		t.Errorf("two callers share the bucket %s", a)
	}
}
