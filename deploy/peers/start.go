package main

import (
	"context"
	"time"
)

func startRow() row {
	return row{
		name: "start", title: "An edge's start",
		what: "From the start of its process, with NATS and MinIO running and the streams made, until it says that it is ready. " +
			"Its answer is looked for every 5 ms.",
		columns: []string{p50, p99},
		goals:   []goal{{column: p50, limit: 300, atMost: true}},
		setUp: func(ctx context.Context, l *lab) ([]contender, error) {
			s, err := startStack(ctx, l)
			if err != nil {
				return nil, err
			}
			return []contender{{"edge", s.starts}}, nil
		},
	}
}

// starts starts one edge after the other for d, beside the one that there is.
func (s *stack) starts(ctx context.Context, d time.Duration) (figures, error) {
	var took []time.Duration
	for began := time.Now(); time.Since(began) < d; {
		l, err := s.lab.inner()
		if err != nil {
			return nil, err
		}
		start := time.Now()
		_, err = s.startEdge(ctx, l)
		took = append(took, time.Since(start))
		l.end()
		if err != nil {
			return nil, err
		}
	}
	return rates(took, 0), nil
}
