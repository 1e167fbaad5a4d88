package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// servePostgres starts Postgres with its defaults, of which a commit is on disk before its
// answer, and River's tables in it.
func servePostgres(ctx context.Context, l *lab) (addr string, err error) {
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	data := filepath.Join(l.dir, "postgres")
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", err
	}
	as, err := unprivileged(data)
	if err != nil {
		return "", err
	}
	initdb, err := l.start(ctx, "initdb", []string{"-D", data, "-U", "peers", "-A", "trust", "-E", "UTF8", "--locale=C"}, nil, as)
	if err != nil {
		return "", err
	}
	<-initdb.exited
	if !initdb.cmd.ProcessState.Success() {
		return "", fmt.Errorf("initdb: %s", initdb.lastWords())
	}
	p, err := l.start(ctx, "postgres", []string{
		"-D", data, "-c", "listen_addresses=" + host, "-p", port, "-c", "unix_socket_directories=", "-c", "fsync=on", "-c", "synchronous_commit=on",
	}, nil, as)
	if err != nil {
		return "", err
	}
	pool, err := openPostgres(ctx, addr)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	if err := p.await(ctx, func(ctx context.Context) bool { return pool.Ping(ctx) == nil }); err != nil {
		return "", err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return addr, err
}

// unprivileged has a program run as another user who owns the folder, if we are root: Postgres
// refuses to be.
func unprivileged(folder string) (func(*exec.Cmd), error) {
	if os.Geteuid() != 0 {
		return func(*exec.Cmd) {}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(folder, uid, gid); err != nil {
		return nil, err
	}
	return func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}, nil
}

// openPostgres makes a pool of connections, as many as asynq has. It does not connect.
func openPostgres(ctx context.Context, addr string) (*pgxpool.Pool, error) {
	return pgxpool.New(ctx, fmt.Sprintf("postgres://peers@%s/postgres?sslmode=disable&pool_max_conns=%d", addr, 2*producers))
}

// riverQueue is River.
type riverQueue struct {
	pool     *pgxpool.Pool
	client   *river.Client[pgx.Tx]
	cooldown time.Duration
}

// riverJob is a job's payload.
type riverJob struct{ json.RawMessage }

func (riverJob) Kind() string { return "page" }

// openRiver opens one whose producers tell of jobs and whose workers fetch them so often at most;
// 0 is its default.
func openRiver(cooldown time.Duration) func(context.Context, string) (queue, error) {
	return func(ctx context.Context, addr string) (queue, error) {
		pool, err := openPostgres(ctx, addr)
		if err != nil {
			return nil, err
		}
		client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler), FetchCooldown: cooldown})
		return &riverQueue{pool, client, cooldown}, err
	}
}

func (q *riverQueue) close() { q.pool.Close() }

func (q *riverQueue) enqueue(ctx context.Context, n int64) error {
	_, err := q.client.Insert(ctx, riverJob{payload(n)}, nil)
	return err
}

func (q *riverQueue) work(ctx context.Context, handle func(n int64)) (stop func(), err error) {
	all := river.NewWorkers()
	river.AddWorker(all, river.WorkFunc(func(_ context.Context, job *river.Job[riverJob]) error {
		return handleJob(job.Args.RawMessage, handle)
	}))
	client, err := river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		Logger: slog.New(slog.DiscardHandler), Workers: all, FetchCooldown: q.cooldown,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
	})
	if err != nil {
		return nil, err
	}
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_ = client.StopAndCancel(ctx)
	}, nil
}
