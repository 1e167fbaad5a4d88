package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// callsAtATime is how many calls of the model one generator has under way.
const callsAtATime = 500

const peakMemory = "peak MB"

func callsRow() row {
	return row{
		name: "calls", title: fmt.Sprintf("%d calls of the model at a time", callsAtATime),
		what: fmt.Sprintf("The most memory that one generator process has had (Linux's VmHWM) when it has drawn and stored %d pages. "+
			"Its model answers nobody before it is asked %d times, and then all of them at once.", callsAtATime, callsAtATime),
		columns: []string{peakMemory},
		goals:   []goal{{column: peakMemory, limit: 200, atMost: true}},
		setUp:   inLabOfItsOwn("generator", callTogether),
	}
}

// callTogether has a generator make as many pages as it calls the model for at a time.
func callTogether(ctx context.Context, l *lab, _ time.Duration) (figures, error) {
	s, err := startStack(ctx, l)
	if err != nil {
		return nil, err
	}
	visitors, err := s.visitors(ctx, l, 1)
	if err != nil {
		return nil, err
	}
	// A member's share of the visits is not the same as another's, and each has so many at most.
	for range 2 * callsAtATime {
		if err := visitors[0](ctx, serial.Add(1)); err != nil {
			return nil, err
		}
	}
	stored, err := s.watchPages(ctx)
	if err != nil {
		return nil, err
	}
	model, err := startModel(ctx, l, callsAtATime)
	if err != nil {
		return nil, err
	}
	generator, err := s.startGeneratorOf(ctx, model,
		fmt.Sprintf("POOL_CONCURRENCY=%d", callsAtATime/members), fmt.Sprintf("KIMI_MAX_CONCURRENCY=%d", callsAtATime))
	if err != nil {
		return nil, err
	}
	for range callsAtATime {
		if _, err := next(stored); err != nil {
			return nil, err
		}
	}
	peak, err := peakOf(generator.cmd.Process.Pid)
	return figures{peakMemory: peak}, err
}

// peakOf is the most resident memory that a process has had, in megabytes.
func peakOf(pid int) (float64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if kilobytes, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			n, err := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(kilobytes), []byte("kB")))))
			return float64(n) * 1024 / 1e6, err
		}
	}
	return 0, errors.New("this system does not tell a process's memory")
}
