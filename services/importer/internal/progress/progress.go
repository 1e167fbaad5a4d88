// Package progress shows how far an import is: a bar on a terminal, a line every few
// seconds elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// linePause is the time between two lines.
const linePause = 5 * time.Second

// Progress counts products.
type Progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	total int // 0: unknown
	done  int
	last  time.Time
}

// New shows progress on out.
func New(out io.Writer) *Progress {
	p := &Progress{out: out, last: time.Now()}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("importing"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("products"),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

// Total sets how many products there are.
func (p *Progress) Total(n int) {
	p.total = n
	if p.bar != nil {
		p.bar.ChangeMax(n)
	}
}

// Add counts a product.
func (p *Progress) Add() {
	p.done++
	switch {
	case p.bar != nil:
		_ = p.bar.Add(1) // a terminal that is gone stops nothing
	case time.Since(p.last) >= linePause:
		p.last = time.Now()
		if p.total > 0 {
			fmt.Fprintf(p.out, "%d of %d products\n", p.done, p.total)
		} else {
			fmt.Fprintf(p.out, "%d products\n", p.done)
		}
	}
}

// Done takes the bar away.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
