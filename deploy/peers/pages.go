package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

const (
	pagesPerSecond = "pages/s"
	cpuPerPage     = "CPU ms a page"
)

func generatorRow() row {
	return row{
		name: "generator", title: "A generator whose model answers at once",
		what: fmt.Sprintf("Newcomers visit as fast as 64 clients can, then one generator process with %d jobs at a time makes their pages, from the first page on: "+
			"stored in MinIO and NATS. The model gives one of kimisim's answers to all.", jobsAtATime),
		columns: []string{pagesPerSecond, cpuPerPage},
		goals:   []goal{{column: pagesPerSecond, limit: 200}},
		setUp:   inLabOfItsOwn("generator", makePages),
	}
}

// makePages has pages requested for d, and made for as long.
func makePages(ctx context.Context, l *lab, d time.Duration) (figures, error) {
	s, err := startStack(ctx, l)
	if err != nil {
		return nil, err
	}
	visitors, err := s.visitors(ctx, l, hitClients)
	if err != nil {
		return nil, err
	}
	visits, err := closedLoop(ctx, d, visitors)
	if err != nil {
		return nil, err
	}
	jobs := int(visits[perSecond] * d.Seconds())
	stored, err := s.watchPages(ctx)
	if err != nil {
		return nil, err
	}
	generator, err := s.startGenerator(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := next(stored); err != nil {
		return nil, err
	}
	began, cpu, made := time.Now(), cpuTime(generator.cmd.Process.Pid), 0
	for over := time.After(d); made < jobs-1; made++ {
		select {
		case <-stored:
			continue
		case <-over:
		}
		break
	}
	return figures{
		pagesPerSecond: float64(made) / time.Since(began).Seconds(),
		cpuPerPage:     float64((cpuTime(generator.cmd.Process.Pid) - cpu).Milliseconds()) / float64(made),
	}, nil
}

// watchPages gives the bucket's key of each page that is stored from now on.
func (s *stack) watchPages(ctx context.Context) (<-chan jetstream.KeyValueEntry, error) {
	cache, err := wandnats.OpenBucket(ctx, s.js, wandnats.BucketPages)
	if err != nil {
		return nil, err
	}
	watch, err := cache.Watch(ctx, wandnats.AllPages, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return nil, err
	}
	s.lab.onEnd(func() { _ = watch.Stop() })
	return watch.Updates(), nil
}

// next is the next change.
func next(stored <-chan jetstream.KeyValueEntry) (jetstream.KeyValueEntry, error) {
	for {
		select {
		case change, ok := <-stored:
			if !ok {
				return nil, errors.New("the pages are not watched any more")
			}
			if change != nil {
				return change, nil
			}
		case <-time.After(patience):
			return nil, fmt.Errorf("no page was stored within %v", patience)
		}
	}
}

// cpuTime is what a process has used of the processors, as Linux tells it in hundredths of
// a second; 0 elsewhere.
func cpuTime(pid int) time.Duration {
	stat, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	// The fields after the name, which may have blanks; user and system time are the 14th and
	// 15th of all.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

const writesAlone = "its writes alone"

func storedRow() row {
	return row{
		name: "stored", title: "From a first visit to the stored page",
		what: "One newcomer after the other, with a generator and a model that answers at once: from before the visit until the page is in NATS. " +
			"Its writes alone are one publish, one PUT of a page and one put into a bucket, one after the other.",
		columns: []string{p50, p99, perSecond},
		goals:   []goal{{column: p50, limit: 6, atMost: true}},
		setUp:   setUpStored,
	}
}

func setUpStored(ctx context.Context, l *lab) ([]contender, error) {
	s, err := startStack(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.createRaw(ctx); err != nil {
		return nil, err
	}
	if _, err := s.startGenerator(ctx); err != nil {
		return nil, err
	}
	stored, err := s.watchPages(ctx)
	if err != nil {
		return nil, err
	}
	visitors, err := s.visitors(ctx, l, 1)
	if err != nil {
		return nil, err
	}
	toStored := func(ctx context.Context, n int64) error {
		if err := visitors[0](ctx, n); err != nil {
			return err
		}
		for {
			change, err := next(stored)
			if err != nil || change.Key() == wandnats.PageKey(shop, newcomer(n)) {
				return err
			}
		}
	}
	if err := toStored(ctx, serial.Add(1)); err != nil { // the first one has the model's answer invented
		return nil, err
	}
	writes, err := s.writes(ctx)
	if err != nil {
		return nil, err
	}
	return []contender{{"edge and generator", looping([]operation{toStored})}, {writesAlone, looping([]operation{writes})}}, nil
}

// writes is an operation of the writes that a page cannot do without.
func (s *stack) writes(ctx context.Context) (operation, error) {
	store, err := minio.New(s.minio, &minio.Options{Creds: credentials.NewStaticV4(minioUser, minioPassword, ""), Region: "us-east-1"})
	if err != nil {
		return nil, err
	}
	// Of the size of the pages that there are.
	pages, err := wandnats.OpenBucket(ctx, s.js, wandnats.BucketPages)
	if err != nil {
		return nil, err
	}
	keys, err := pages.Keys(ctx)
	if err != nil {
		return nil, err
	}
	page, err := pages.Get(ctx, keys[0])
	if err != nil {
		return nil, err
	}
	cache, err := s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "PEERS", History: 1, Storage: jetstream.FileStorage})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int64) error {
		if err := s.publishRaw(ctx, n); err != nil {
			return err
		}
		_, err := store.PutObject(ctx, pagesBucket, "peers/"+newcomer(n), bytes.NewReader(page.Value()), int64(len(page.Value())), minio.PutObjectOptions{})
		if err != nil {
			return err
		}
		_, err = cache.Put(ctx, newcomer(n), page.Value())
		return err
	}, nil
}
