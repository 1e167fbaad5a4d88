package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// hitClients is how many browsers ask at a time.
const hitClients = 64

func hitRow() row {
	return row{
		name: "hit", title: "A hit from memory, 64 connections",
		what: "One shopper's page, made by the generator, asked for with gzip. nginx has the edge's answer in its proxy_cache " +
			"(sendfile, a worker a core, no access log); the bare fasthttp handler writes the same head and the same compressed body in one write.",
		columns: []string{perSecond, p50, p99},
		goals: []goal{
			{column: perSecond, limit: 0.95, peer: "bare fasthttp"},
			{column: p99, limit: 1, atMost: true, peer: "bare fasthttp"},
		},
		setUp: setUpHits,
	}
}

func setUpHits(ctx context.Context, l *lab) ([]contender, error) {
	s, err := startStack(ctx, l)
	if err != nil {
		return nil, err
	}
	target, err := s.makePage(ctx)
	if err != nil {
		return nil, err
	}
	bare, err := startBare(ctx, l, "http://"+s.edge+target)
	if err != nil {
		return nil, err
	}
	all := []contender{{"edge", hits(s.edge, target)}, {"bare fasthttp", hits(bare, target)}}
	nginx, err := startNginx(ctx, l, bare)
	if err != nil {
		return append(all, contender{"nginx proxy_cache", failing(err)}), nil
	}
	return append(all, contender{"nginx proxy_cache", hits(nginx, target)}), nil
}

// failing is the measure of who could not be started.
func failing(err error) func(context.Context, time.Duration) (figures, error) {
	return func(context.Context, time.Duration) (figures, error) { return nil, err }
}

// makePage has a shopper's page made and waits until the edge has it in memory. The generator
// ends then.
func (s *stack) makePage(ctx context.Context) (target string, err error) {
	generator, err := s.startGenerator(ctx)
	if err != nil {
		return "", err
	}
	defer generator.end()
	c, err := dial(ctx, s.edge)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.conn.Close() }()
	target = page("regular")
	return target, generator.await(ctx, func(context.Context) bool {
		_, err := c.get(target)
		return err == nil && strings.HasSuffix(c.header("Cache-Status"), "detail=memory")
	})
}

// hits measures how fast a page is answered. Each answer has to be of the same size.
func hits(addr, target string) func(context.Context, time.Duration) (figures, error) {
	return func(ctx context.Context, d time.Duration) (figures, error) {
		l := &lab{}
		defer l.end()
		clients, err := dialAll(ctx, l, addr, hitClients)
		if err != nil {
			return nil, err
		}
		want, err := clients[0].get(target)
		if err != nil {
			return nil, err
		}
		var all []operation
		for _, c := range clients {
			all = append(all, func(context.Context, int64) error {
				size, err := c.get(target)
				if err == nil && size != want {
					err = fmt.Errorf("%d bytes, then %d", want, size)
				}
				return err
			})
		}
		return closedLoop(ctx, d, all)
	}
}

// startBare starts a process that answers everything with what the URL answers now.
func startBare(ctx context.Context, l *lab, url string) (addr string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := httputil.DumpResponse(res, true)
	if err != nil {
		return "", err
	}
	file := filepath.Join(l.dir, "answer.http")
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		return "", err
	}
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	p, err := l.start(ctx, self, []string{"-bare", file, "-at", addr}, nil)
	if err != nil {
		return "", err
	}
	return addr, p.await(ctx, listens(addr))
}

// serveBare answers everything with the answer of a file.
func serveBare(addr, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var answer fasthttp.Response
	if err := answer.Read(bufio.NewReader(f)); err != nil {
		return err
	}
	body := answer.Body()
	server := &fasthttp.Server{
		WriteBufferSize: len(body) + 4096,
		Handler: func(ctx *fasthttp.RequestCtx) {
			answer.Header.CopyTo(&ctx.Response.Header)
			ctx.Response.SetBodyRaw(body)
		},
	}
	return server.ListenAndServe(addr)
}

// nginxConf is nginx's configuration: user, its address and the origin's.
const nginxConf = `%s
worker_processes auto;
worker_rlimit_nofile 4096;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  proxy_cache_path cache keys_zone=pages:1m use_temp_path=off;
  server {
    listen %s;
    location / {
      proxy_pass http://%s;
      proxy_set_header Accept-Encoding gzip;
      proxy_cache pages;
      proxy_cache_key $request_uri;
      proxy_cache_valid 200 1d;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
    }
  }
}
`

// startNginx starts nginx before an origin, with a cache.
func startNginx(ctx context.Context, l *lab, origin string) (addr string, err error) {
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // or its workers could not reach the folder
	}
	conf := filepath.Join(l.dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, user, addr, origin), 0o600); err != nil {
		return "", err
	}
	p, err := l.start(ctx, "nginx", []string{"-p", l.dir, "-c", conf, "-e", "stderr"}, nil)
	if err != nil {
		return "", err
	}
	return addr, p.await(ctx, listens(addr))
}
