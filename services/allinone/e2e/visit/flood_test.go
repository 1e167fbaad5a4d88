//go:build !soak

package visit_test

// flood is how many requests a flood has. `task soak:flood` sends ten times as many.
const flood = 1_000
