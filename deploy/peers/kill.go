package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	// killJobs are enqueued; killAfter of them are done when the worker is killed.
	killJobs, killAfter = 100, 25
	// killWork is how long each takes.
	killWork = 200 * time.Millisecond
	// killPatience is how long the last job is waited for.
	killPatience = 3 * time.Minute
)

const (
	untilDone = "s until the last is done"
	undone    = "not done"
	twice     = "done twice"
)

func killRow() row {
	return row{
		name: "kill", title: "SIGKILL of a worker, until the last job is done",
		what: fmt.Sprintf("%d jobs of %v each. A process with ten workers is killed in the midst of them when %d are done, and another one is started at once. "+
			"All runs are measured at the same time, and given up after %v: River rescues jobs after an hour. %s", killJobs, killWork, killAfter, killPatience, queuesAre),
		columns:  []string{untilDone, undone, twice},
		goals:    []goal{{column: untilDone, limit: 20, atMost: true}, {column: undone, atMost: true}, {column: twice, atMost: true}},
		together: true,
		setUp:    each(kind.kill),
	}
}

// kill kills a worker.
func (k kind) kill(ctx context.Context, l *lab, addr string, _ time.Duration) (figures, error) {
	q, err := k.open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer q.close()
	jobs := map[int64]int{}
	for range killJobs {
		n := serial.Add(1)
		jobs[n] = 0
		if err := q.enqueue(ctx, n); err != nil {
			return nil, err
		}
	}
	first, err := startWorker(ctx, l, k.name, addr)
	if err != nil {
		return nil, err
	}
	for range killAfter {
		select {
		case n, working := <-first.done:
			if !working {
				return nil, fmt.Errorf("the worker ended: %s", first.process.lastWords())
			}
			jobs[n]++
		case <-time.After(patience):
			return nil, fmt.Errorf("the worker does nothing: %s", first.process.lastWords())
		}
	}
	// In the midst of the next jobs: what is said to be done is acknowledged by then.
	pause(ctx, killWork/2)
	if err := first.process.cmd.Process.Kill(); err != nil {
		return nil, err
	}
	killed := time.Now()
	second, err := startWorker(ctx, l, k.name, addr)
	if err != nil {
		return nil, err
	}
	for n := range first.done { // what it said before it was killed
		jobs[n]++
	}
	giveUp := time.After(killPatience)
	for waiting := true; waiting && left(jobs) > 0; {
		select {
		case n, working := <-second.done:
			if !working {
				return nil, fmt.Errorf("the other worker ended: %s", second.process.lastWords())
			}
			jobs[n]++
		case <-giveUp:
			waiting = false
		}
	}
	f := figures{untilDone: time.Since(killed).Seconds(), undone: float64(left(jobs))}
	for _, times := range jobs {
		if times > 1 {
			f[twice]++
		}
	}
	return f, nil
}

// left is how many jobs are not done.
func left(jobs map[int64]int) (n int) {
	for _, times := range jobs {
		if times == 0 {
			n++
		}
	}
	return n
}

// worker is a process that works for a queue.
type worker struct {
	process *process
	// done has the number of each job that it has done. It is closed when the process has
	// ended.
	done chan int64
}

func startWorker(ctx context.Context, l *lab, kind, addr string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	w := &worker{done: make(chan int64, 2*killJobs)}
	w.process, err = l.start(ctx, self, []string{"-worker", kind, "-at", addr}, nil, func(cmd *exec.Cmd) { cmd.Stdout = in })
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	go func() {
		defer out.Close()
		defer close(w.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := numberOf(lines.Text()); err == nil {
				w.done <- n
			}
		}
	}()
	return w, nil
}

// workAs is the process of a worker: it says whose jobs it has done.
func workAs(ctx context.Context, name, addr string) error {
	for _, k := range kinds() {
		if k.name != name {
			continue
		}
		q, err := k.open(ctx, addr)
		if err != nil {
			return err
		}
		defer q.close()
		stop, err := q.work(ctx, func(n int64) {
			pause(ctx, killWork)
			fmt.Println(newcomer(n))
		})
		if err != nil {
			return err
		}
		<-ctx.Done()
		stop()
		return nil
	}
	return fmt.Errorf("no queue is named %q", name)
}
