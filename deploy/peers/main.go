package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o := options{}
	flag.DurationVar(&o.each, "for", 10*time.Second, "how long each contender works in each run")
	flag.IntVar(&o.runs, "runs", 3, "how many runs there are")
	only := flag.String("only", "", "the rows to measure, with commas: "+strings.Join(rowNames(), ", ")+"; empty is all")
	out := flag.String("out", "", "the Markdown file to write")
	folder := flag.String("dir", "", "the folder of the contenders' data; empty is a temporary one, on a disk or not as the machine has it")
	private := flag.String("private", "", "IP:port where an edge that is measured has /debug/pprof meanwhile, and a generator at the next port; empty is nowhere")
	bare := flag.String("bare", "", "serve the HTTP response of this file and measure nothing")
	worker := flag.String("worker", "", "work as this queue's worker and measure nothing")
	at := flag.String("at", "", "the address of -bare or -worker")
	flag.Parse()
	switch {
	case *bare != "":
		return serveBare(*at, *bare)
	case *worker != "":
		return workAs(ctx, *worker, *at)
	case o.runs < 1 || o.each <= 0:
		return errors.New("-runs and -for have to be above 0")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	l, err := newLab(root, *folder)
	if err != nil {
		return err
	}
	defer l.end()
	l.private = *private
	began := time.Now().UTC()
	m, err := thisMachine(ctx, l)
	if err != nil {
		return err
	}
	results := o.measure(ctx, l, chosen)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	page := report{began: began, options: o, machine: m, results: results}.markdown()
	fmt.Print(page)
	if *out != "" {
		if err := os.WriteFile(*out, []byte(page), 0o644); err != nil {
			return err
		}
	}
	return failures(results)
}

// options are how much is measured.
type options struct {
	each time.Duration
	runs int
}

// repository is the folder of the checkout that this runs in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Taskfile.yml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not in a checkout of WandStore")
		}
	}
}
