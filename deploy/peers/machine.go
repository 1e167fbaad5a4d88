package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// machine is what the figures are of.
type machine struct {
	commit string
	// facts are lines about the machine, versions those of the contenders.
	facts, versions []string
}

func thisMachine(ctx context.Context, l *lab) (machine, error) {
	m := machine{commit: commit(ctx, l.root)}
	synced, err := syncTime(l.dir)
	if err != nil {
		return m, err
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.facts = []string{
		fmt.Sprintf("%s, %d cores, %s of memory", procField("/proc/cpuinfo", "model name"), runtime.NumCPU(), procField("/proc/meminfo", "MemTotal")),
		fmt.Sprintf("%s %s, %s, %s", runtime.GOOS, strings.TrimSpace(string(kernel)), runtime.GOARCH, runtime.Version()),
		fmt.Sprintf("a write of 4 KB and its fsync take %.2f ms in the folder of the data", synced),
	}
	for _, name := range []string{"nginx", "redis-server", "postgres", "nats-server", "minio"} {
		m.versions = append(m.versions, version(ctx, l, name))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			switch dep.Path {
			case "github.com/hibiken/asynq", "github.com/riverqueue/river", "github.com/valyala/fasthttp":
				m.versions = append(m.versions, filepath.Base(dep.Path)+" "+dep.Version)
			}
		}
	}
	return m, nil
}

// commit is the checkout's, with a plus if something is changed in it.
func commit(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty=+", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// procField is the value of the first line of a file of /proc that has that name.
func procField(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?|\d{4}-\d\d-\d\dT[\d-]+Z`)

// version is what a program says of itself.
func version(ctx context.Context, l *lab, name string) string {
	path, err := l.tool(name)
	if err != nil {
		return name + " not installed"
	}
	flag := "--version"
	if name == "nginx" {
		flag = "-v"
	}
	out, _ := exec.CommandContext(ctx, path, flag).CombinedOutput()
	return name + " " + versionNumber.FindString(string(out))
}

// syncTime is the median of 100 writes of 4 KB, each with an fsync, in milliseconds.
func syncTime(dir string) (float64, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	took := make([]time.Duration, 100)
	block := make([]byte, 4096)
	for i := range took {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return percentile(took, 50), nil
}
