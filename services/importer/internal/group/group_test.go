package group_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/group"
)

type row string

func (r row) Group() string { return string(r[:1]) }
func (r row) Size() int     { return len(r) }

func TestEach(t *testing.T) {
	t.Parallel()
	rows := []row{"a1", "a2", "b1", "c1", "b2", "c2", "a3", "d1"}
	var got []string
	counted := 0
	err := group.Each(func(give func(row) error) error {
		for _, r := range rows {
			if err := give(r); err != nil {
				return err
			}
		}
		return nil
	}, func(n int) { counted = n }, func(rows []row) error {
		got = append(got, fmt.Sprint(rows))
		return nil
	})
	if want := "[b1 b2] [c1 c2] [a1 a2 a3] [d1]"; err != nil || strings.Join(got, " ") != want || counted != 4 {
		t.Errorf("got %v of %d, %v; want %s", got, counted, err, want)
	}
}

// Nothing is given away of a source that cannot be read to its end.
func TestEachOfABrokenSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	err := group.Each(func(give func(row) error) error {
		return errors.Join(give("a1"), broken)
	}, nil, func(rows []row) error {
		t.Errorf("got %v", rows)
		return nil
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}
