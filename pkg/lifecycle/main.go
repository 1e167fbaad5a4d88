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
	"runtime/debug"
	"strings"
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
	// flushTimeout bounds the last export of spans and metrics.
	flushTimeout = 5 * time.Second
	// healthTimeout bounds the self-probe: less than what orchestrators give a probe.
	healthTimeout = 3 * time.Second
)

// Service is what [Main] runs as a process.
type Service[T Validator] struct {
	// Name is said in logs, errors and telemetry.
	Name string
	// PrivateAddr is PRIVATE_ADDR's default; "" is off.
	PrivateAddr string
	// Addr is where the service's own GET /health is answered, for the self-probe; nil
	// for a service that answers nobody, which has no -health.
	Addr func(cfg T) string
	// Run works until ctx ends.
	Run func(ctx context.Context, cfg T, log *slog.Logger) error
	// Checks are flags of this service alone, beside those of [Main].
	Checks []Check
	// Tasks are too.
	Tasks []Task[T]
}

// Check is a flag that has a service look at something, instead of running.
type Check struct {
	// Name is the flag's, Usage what -help says of it; a name in backquotes is the
	// argument's.
	Name, Usage string
	// Do looks at the argument and gives the exit status.
	Do func(argument string, stdout, stderr io.Writer) int
}

// Main runs a service as a process and returns its exit status: 0 when it ended
// as asked, 1 when it failed, 2 when a setting or a flag is wrong. Logs go to
// stderr. A flag does one thing instead, and ends:
//
//	-config.verify   tells whether the settings are right
//	-config.print    prints the settings that hold, secrets masked
//	-health          asks the process that runs with the same settings for its health
//	-version         prints what was built
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
		fmt.Fprintln(stdout, s.Name, built())
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
	// With the handler gone, the next signal has its default effect.
	context.AfterFunc(ctx, stop)

	telemetry.LogLevel.Set(process.LogLevel)
	log := telemetry.NewLogger(stderr, s.Name)
	tele, err := telemetry.Setup(ctx, s.Name)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v: %v\n", s.Name, ErrSettings, err)
		return statusSettings
	}
	stopPrivate, err := servePrivate(ctx, process.PrivateAddr, privateHandler(tele.Metrics, settings, log), log)
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

// Probe asks for url within ctx; any answer but 200 is an error that names it. It
// is the self-probe of an image from scratch, which has no curl.
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

// built is the version of the module, or the commit it was built from.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	known := []string{info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			known = append(known, s.Value)
		}
	}
	return strings.Join(append(known, info.GoVersion), " ")
}
