package natstest

import (
	"errors"
	"os"

	"github.com/nats-io/nats-server/v2/server"
)

// Run starts a server for an Example function, which has no testing.TB. It returns the
// URL for clients. stop ends the server and removes its data.
func Run() (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "natstest")
	if err != nil {
		return "", nil, err
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, JetStreamMaxStore: maxStore, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		_ = os.RemoveAll(dir) // what is left is in the system's temporary directory
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		stop()
		return "", nil, errors.New("natstest: the server is not ready")
	}
	return srv.ClientURL(), stop, nil
}
