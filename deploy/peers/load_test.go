package main

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1)*time.Millisecond)
	}
	for _, tt := range []struct {
		name   string
		sorted []time.Duration
		p      int
		want   float64
	}{
		{"nothing", nil, 50, 0},
		{"one is all of them", hundred[:1], 99, 1},
		{"the middle of three", hundred[:3], 50, 2},
		{"half of a hundred", hundred, 50, 50},
		{"all but one of a hundred", hundred, 99, 99},
	} {
		if got := percentile(tt.sorted, tt.p); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
