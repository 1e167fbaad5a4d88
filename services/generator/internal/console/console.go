package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

const (
	// fresh is for how long at least all who look are shown the same state. Where there is
	// much to read it is longer, so that reading takes at most a tenth of the time.
	fresh = 2 * time.Second
	// timeout bounds reading, and an action. On a bad night an operator would rather wait.
	timeout = 15 * time.Second
	// maxForm bounds the body of an action, in bytes.
	maxForm = 4 << 10
)

//go:embed page.html job.html problem.html console.css console.js
var files embed.FS

// Path is where the console is.
const Path = "/console/"

// Console is the operators' live page. It is safe for concurrent use.
type Console struct {
	nc        *nats.Conn
	log       *slog.Logger
	templates *template.Template

	// mu is held while a state is read, so that all who look wait for the same one.
	mu     sync.Mutex
	reader reader
	last   *state
}

// New returns a console that reads from NATS and makes its requests there.
func New(nc *nats.Conn, js jetstream.JetStream, log *slog.Logger) (*Console, error) {
	templates, err := template.New("").Funcs(functions).ParseFS(files, "*.html")
	if err != nil {
		return nil, err
	}
	return &Console{nc: nc, log: log, templates: templates, reader: reader{js: js}}, nil
}

// Handler returns the console's routes, all below Path:
//
//	GET  /console/       the page; ?state=, shop= and reason= choose jobs, page= counts from 1
//	GET  /console/job    one job: ?store= and shopper=
//	POST /console/do     an action: do= and on=, as in [Action]
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"{$}", c.page)
	mux.HandleFunc("GET "+Path+"job", c.job)
	mux.HandleFunc("POST "+Path+"do", c.do)
	for _, name := range []string{"console.css", "console.js"} {
		mux.HandleFunc("GET "+Path+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
	return guard(http.NewCrossOriginProtection().Handler(mux))
}

// guard refuses host names that another site's owner may have pointed here, and keeps the
// page out of frames and caches.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host != "localhost" && net.ParseIP(host) == nil {
			http.Error(w, "The console is reached by an address or as localhost: forward a port to it.", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// now returns the state, read anew unless it is fresh. With an error there is the last state
// that could be read, or none.
func (c *Console) now(ctx context.Context) (*state, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && time.Since(c.last.At) < max(fresh, 10*c.last.Took) {
		return c.last, nil
	}
	// Others wait for this state too, so it is read even if who asked first is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	s, err := c.reader.read(ctx)
	if err != nil {
		return c.last, err
	}
	c.last = s
	return s, nil
}

func (c *Console) page(w http.ResponseWriter, r *http.Request) {
	s, err := c.now(r.Context())
	if s == nil {
		// The browser tries again by itself.
		w.Header().Set("Refresh", "5")
		c.problem(w, http.StatusServiceUnavailable, "Nothing can be shown", err)
		return
	}
	c.draw(w, http.StatusOK, "page.html", newPage(s, readFilter(r.URL.Query()), err))
}

func (c *Console) job(w http.ResponseWriter, r *http.Request) {
	key, err := pagekey.Parse(r.FormValue("store"), r.FormValue("shopper"))
	if err != nil {
		c.problem(w, http.StatusBadRequest, "Not a job", err)
		return
	}
	s, err := c.now(r.Context())
	if err != nil {
		c.problem(w, http.StatusServiceUnavailable, "The job cannot be read", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	steps, problems, err := jobqueue.ReadTrail(ctx, c.reader.bus.Jobs, key)
	if err != nil {
		c.problem(w, http.StatusServiceUnavailable, "The trail cannot be read", err)
		return
	}
	c.draw(w, http.StatusOK, "job.html", newJobPage(s, key, steps, problems))
}

// do makes the request of an action and shows the page as it is after it.
func (c *Console) do(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a, err := newAction(r.PostFormValue("do"), r.PostFormValue("on"), time.Now())
	if err != nil {
		c.problem(w, http.StatusBadRequest, "Nothing was done", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	if err := a.run(ctx, c.nc); err != nil {
		c.log.WarnContext(ctx, "an operator's action failed", "do", a.Do, "on", a.On, "error", err)
		c.problem(w, http.StatusBadGateway, "It was not done", err)
		return
	}
	c.log.InfoContext(ctx, "an operator acted by the console", "do", a.Do, "on", a.On)
	c.mu.Lock()
	c.last = nil
	c.mu.Unlock()
	// The operator goes back to the jobs that were shown.
	back := url.URL{Path: Path, RawQuery: readFilter(r.PostForm).query().Encode()}
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// problem tells what could not be shown or done.
func (c *Console) problem(w http.ResponseWriter, status int, title string, err error) {
	c.draw(w, status, "problem.html", struct {
		Title string
		Err   error
	}{title, err})
}

func (c *Console) draw(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := c.templates.ExecuteTemplate(&page, name, data); err != nil {
		c.log.Error("the console is not drawn", "error", err)
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := page.WriteTo(w); err != nil && !errors.Is(err, context.Canceled) {
		c.log.Debug("the console's page was not read to its end", "error", err)
	}
}
