package lifecycle

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Exit statuses.
const (
	statusOK       = 0
	statusFailed   = 1
	statusSettings = 2
)

const (
	// flushTimeout limits the last export of spans and metrics.
	flushTimeout = 5 * time.Second
	// healthTimeout limits the self-probe. It is shorter than the timeout that
	// orchestrators give a probe.
	healthTimeout = 3 * time.Second
)

// Service is a service that [Main] runs as a process.
type Service[T Validator] struct {
	// Name is the service's name in logs, errors and telemetry.
	Name string
	// PrivateAddr is the default of PRIVATE_ADDR; "" disables the private port.
	PrivateAddr string
	// Addr is the address at which the service answers GET /health, for the self-probe. It
	// is nil for a service without HTTP, which then has no flag -health.
	Addr func(cfg T) string
	// Run runs the service until ctx ends.
	Run func(ctx context.Context, cfg T, log *slog.Logger) error
	// Private adds routes to the private port, which it serves until ctx ends. It is nil for
	// a service without routes of its own there, and not called without a private port.
	Private func(ctx context.Context, cfg T, mux *http.ServeMux, log *slog.Logger) error
	// Checks is flags of this service, in addition to those of [Main].
	Checks []Check
	// Tasks are too.
	Tasks []Task[T]
}

// Check is a flag with an argument. With the flag, the service checks the argument instead
// of running.
type Check struct {
	// Name is the flag's name. Usage is its help text, with the argument's name in
	// backquotes.
	Name, Usage string
	// Do checks the argument and returns the exit status.
	Do func(argument string, stdout, stderr io.Writer) int
}

// Main runs a service as a process and returns its exit status: 0 if the service ended
// without an error, 1 if it failed, 2 if a setting or a flag is wrong. Logs go to stderr.
// With one of these flags it does one thing and ends:
//
//	-config.verify   checks the settings
//	-config.print    prints the settings in effect, with secrets masked
//	-health          asks the process that runs with the same settings for its health
//	-version         prints the version of the build
func Main[T Validator](s Service[T], args, environ []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(s.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	verify := flags.Bool("config.verify", false, "tell whether the settings are right")
	show := flags.Bool("config.print", false, "print the settings that hold, secrets masked")
	health := new(bool)
	if s.Addr != nil {
		flags.BoolVar(health, "health", false, "ask the running process for its health")
	}
	version := flags.Bool("version", false, "print what was built")
	check := checkFlags(flags, s.Checks, stdout, stderr)
	task := taskFlags(flags, s.Tasks)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return statusOK
	} else if err != nil {
		return statusSettings
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: takes no arguments, it is configured by the environment\n", s.Name)
		return statusSettings
	}
	if *check != nil {
		return (*check)()
	}
	if *version {
		fmt.Fprintln(stdout, s.Name, telemetry.ReadBuild())
		return statusOK
	}

	var cfg T
	process, err := loadProcess(environ, s.PrivateAddr)
	if err == nil {
		err = Load(environ, &cfg)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", s.Name, err)
		return statusSettings
	}
	settings := Settings(environ, cfg, process)
	switch {
	case *verify:
		fmt.Fprintf(stdout, "%s: the settings are right\n", s.Name)
		return statusOK
	case *show:
		printSettings(stdout, settings)
		return statusOK
	case *health:
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		if err := Probe(ctx, "http://"+Reachable(s.Addr(cfg))+"/health"); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", s.Name, err)
			return statusFailed
		}
		return statusOK
	case task.Do != nil:
		return do(s.Name, *task, cfg, process, stderr)
	}
	return run(s, cfg, process, settings, stderr)
}

// checkFlags defines a flag for each check. After parsing, what it returns points to the
// check that was asked for, or to nil.
func checkFlags(flags *flag.FlagSet, checks []Check, stdout, stderr io.Writer) *func() int {
	asked := new(func() int)
	for _, c := range checks {
		flags.Func(c.Name, c.Usage, func(argument string) error {
			*asked = func() int { return c.Do(argument, stdout, stderr) }
			return nil
		})
	}
	return asked
}

func run[T Validator](s Service[T], cfg T, process Process, settings []Setting, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the handler is removed, so the next one ends the process.
	context.AfterFunc(ctx, stop)

	telemetry.LogLevel.Set(process.LogLevel)
	log := telemetry.NewLogger(stderr, s.Name)
	tele, err := telemetry.Setup(ctx, s.Name)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v: %v\n", s.Name, ErrSettings, err)
		return statusSettings
	}
	private := privateHandler(tele.Metrics, settings, log)
	if s.Private != nil && process.PrivateAddr != "" {
		err = s.Private(ctx, cfg, private, log)
	}
	stopPrivate := func() {}
	if err == nil {
		stopPrivate, err = servePrivate(ctx, process.PrivateAddr, private, log)
	}
	if err == nil {
		err = s.Run(ctx, cfg, log)
		stopPrivate()
	}
	flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if flushErr := tele.Shutdown(flushCtx); flushErr != nil {
		log.Warn("telemetry not flushed", "error", flushErr)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "%s: %v\n", s.Name, err)
		if errors.Is(err, ErrSettings) {
			return statusSettings
		}
		return statusFailed
	}
	return statusOK
}

// Probe requests url. Any status other than 200 is an error with the URL and the status.
// It is the health check of an image without a shell or curl.
func Probe(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}
