package lifecycle

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Task is a flag that has a service do one thing with its settings and end, instead of
// running. It may be given while the service itself runs.
type Task[T Validator] struct {
	// Name is the flag's, Usage what -help says of it.
	Name, Usage string
	// Do ends with ctx at the latest. An error is exit status 1.
	Do func(ctx context.Context, cfg T, log *slog.Logger) error
}

// taskFlags defines a flag for each task. After parsing, what it returns is the task
// that was asked for, or a zero Task.
func taskFlags[T Validator](flags *flag.FlagSet, tasks []Task[T]) *Task[T] {
	asked := &Task[T]{}
	for _, task := range tasks {
		flags.BoolFunc(task.Name, task.Usage, func(string) error {
			*asked = task
			return nil
		})
	}
	return asked
}

// do does a task until it is done or a signal ends it, and returns the exit status.
func do[T Validator](service string, task Task[T], cfg T, process Process, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	telemetry.LogLevel.Set(process.LogLevel)
	if err := task.Do(ctx, cfg, telemetry.NewLogger(stderr, service)); err != nil {
		fmt.Fprintf(stderr, "%s: %s: %v\n", service, task.Name, err)
		return statusFailed
	}
	return statusOK
}
