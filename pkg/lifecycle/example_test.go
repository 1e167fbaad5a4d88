package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// greeterConfig is configured by the environment. Each variable has a default.
type greeterConfig struct {
	Greeting string `env:"GREETING" envDefault:"Hello"`
	Times    int    `env:"GREETING_TIMES" envDefault:"1"`
}

// Validate names the variable that is wrong.
func (c greeterConfig) Validate() error {
	if c.Times < 1 {
		return errors.New("GREETING_TIMES is less than 1")
	}
	return nil
}

// A service's main function: the exit status is 0 when the service ended as asked, 1 when
// it failed, 2 when a setting or a flag is wrong.
func ExampleMain() {
	greeter := lifecycle.Service[greeterConfig]{
		Name: "greeter",
		Run: func(_ context.Context, cfg greeterConfig, _ *slog.Logger) error {
			for range cfg.Times {
				fmt.Println(cfg.Greeting)
			}
			return nil
		},
	}
	// In a process: os.Exit(lifecycle.Main(greeter, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	fmt.Println("status", lifecycle.Main(greeter, nil, []string{"GREETING_TIMES=2"}, os.Stdout, io.Discard))
	fmt.Println("status", lifecycle.Main(greeter, []string{"-config.verify"}, nil, os.Stdout, os.Stdout))
	fmt.Println("status", lifecycle.Main(greeter, nil, []string{"GREETING_TIMES=0"}, os.Stdout, os.Stdout))
	// Output:
	// Hello
	// Hello
	// status 0
	// greeter: the settings are right
	// status 0
	// greeter: wrong setting: GREETING_TIMES is less than 1
	// status 2
}

// The HTTP server ends with an error, which ends the service. The parts are stopped in
// reverse order, so the queue is there for as long as the workers need it.
func ExampleRun() {
	part := func(name string) lifecycle.Part {
		return lifecycle.Part{Name: name, Run: func(ctx context.Context) error {
			<-ctx.Done()
			fmt.Println(name, "stopped")
			return nil
		}}
	}
	server := lifecycle.Part{Name: "server", Run: func(context.Context) error {
		return errors.New("the port is taken")
	}}
	err := lifecycle.Run(context.Background(), part("queue"), part("workers"), server)
	fmt.Println(err)
	// Output:
	// workers stopped
	// queue stopped
	// server: the port is taken
}
