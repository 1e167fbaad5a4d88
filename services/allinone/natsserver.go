package allinone

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	wandnats "github.com/wandstore/wandstore/nats"
)

type natsServer struct{ *server.Server }

// startNATS starts a nats-server with the development configuration. It returns when the
// server accepts connections, or with an error after 15 s.
func startNATS(addr, dir string) (natsServer, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return natsServer{}, fmt.Errorf("NATS_ADDR: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return natsServer{}, fmt.Errorf("NATS_ADDR: %w", err)
	}
	opts := &server.Options{}
	if err := opts.ProcessConfigString(wandnats.DevConfig); err != nil {
		return natsServer{}, fmt.Errorf("nats-server: %w", err)
	}
	opts.Host, opts.Port = host, port
	opts.StoreDir = dir
	opts.NoSigs = true
	opts.LogFile = filepath.Join(filepath.Dir(dir), "nats.log")
	s, err := server.NewServer(opts)
	if err != nil {
		return natsServer{}, fmt.Errorf("nats-server: %w", err)
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(15 * time.Second) {
		s.Shutdown()
		return natsServer{}, errors.New("nats-server: not ready; its log is " + opts.LogFile)
	}
	return natsServer{s}, nil
}

func (n natsServer) stop() {
	n.Shutdown()
	n.WaitForShutdown()
}
