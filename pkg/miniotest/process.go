package miniotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // to be read once ended
	ended  chan struct{}
}

func start(binary, addr, dir string) (*process, error) {
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(binary, "server", "--quiet", "--address", addr, dir)
	p.cmd.Env = append(withoutMinIO(os.Environ()),
		"MINIO_PROMETHEUS_AUTH_TYPE=public",
		"HOME="+dir, // no configuration of the developer's
		"MINIO_ROOT_USER="+AccessKey,
		"MINIO_ROOT_PASSWORD="+SecretKey,
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off",
		// It otherwise refuses a directory on the root drive.
		"MINIO_CI_CD=1",
	)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	dieWithParent(p.cmd)

	started := make(chan error)
	go func() {
		defer close(p.ended)
		// Linux ends the child with the thread that made it, not the process:
		// keep that thread until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			// Killed is how it ends; another end shows as not ready.
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start minio: %w", err)
	}
	return p, nil
}

func (p *process) kill() {
	// An error means that it has ended already.
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// ready waits for the readiness probe to say yes.
func (p *process) ready(ctx context.Context, addr string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/minio/health/ready", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return errors.New("the process has ended")
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// withoutMinIO takes the developer's own settings out of env.
func withoutMinIO(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, v := range env {
		if !strings.HasPrefix(v, "MINIO_") && !strings.HasPrefix(v, "HOME=") {
			kept = append(kept, v)
		}
	}
	return kept
}
