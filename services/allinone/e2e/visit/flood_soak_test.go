//go:build soak

package visit_test

const flood = 10_000
