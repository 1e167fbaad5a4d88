package lifecycle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

type settings struct {
	Store  store
	Queue  queue
	Every  time.Duration `env:"EVERY"  envDefault:"30s"`
	Eager  bool          `env:"EAGER"`
	Key    string        `env:"KEY"`
	Amount float64       `env:"AMOUNT" envDefault:"1.5"`
}

// store and queue have a field of the same name.
type store struct {
	Size int `env:"STORE_SIZE" envDefault:"10"`
}

type queue struct {
	Size int `env:"QUEUE_SIZE" envDefault:"100"`
}

var errTooSmall = errors.New("STORE_SIZE is below 1")

func (s settings) Validate() error {
	var small, key error
	if s.Store.Size < 1 {
		small = errTooSmall
	}
	if s.Key == "wrong" {
		key = errors.New("KEY is not one")
	}
	return errors.Join(small, key)
}

func TestLoad(t *testing.T) {
	var got settings
	if err := lifecycle.Load(nil, &got); err != nil {
		t.Fatal(err)
	}
	if want := (settings{store{10}, queue{100}, 30 * time.Second, false, "", 1.5}); got != want {
		t.Errorf("defaults: got %+v", got)
	}
	err := lifecycle.Load([]string{"STORE_SIZE=7", "QUEUE_SIZE=8", "EVERY=1m", "EAGER=true", "KEY=a=b", "OTHER=x", "not a setting"}, &got)
	if want := (settings{store{7}, queue{8}, time.Minute, true, "a=b", 1.5}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLoadNamesTheVariable(t *testing.T) {
	const secret = "hunter2"
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"STORE_SIZE=" + secret}, "wrong setting: STORE_SIZE is not a valid whole number"},
		{[]string{"STORE_SIZE=1", "QUEUE_SIZE=" + secret}, "wrong setting: QUEUE_SIZE is not a valid whole number"},
		{[]string{"QUEUE_SIZE=1.5"}, "wrong setting: QUEUE_SIZE is not a valid whole number"},
		{[]string{"QUEUE_SIZE=99999999999999999999"}, "wrong setting: QUEUE_SIZE is not a valid whole number"},
		{[]string{"EVERY=" + secret}, `wrong setting: EVERY is not a valid duration (such as "30s")`},
		{[]string{"EVERY=30"}, `wrong setting: EVERY is not a valid duration (such as "30s")`},
		{[]string{"EAGER=" + secret}, "wrong setting: EAGER is not a valid true or false"},
		{[]string{"AMOUNT=" + secret}, "wrong setting: AMOUNT is not a valid value"},
		{[]string{"STORE_SIZE=0"}, "wrong setting: STORE_SIZE is below 1"},
		// Several errors are on one line.
		{[]string{"STORE_SIZE=0", "KEY=wrong"}, "wrong setting: STORE_SIZE is below 1; KEY is not one"},
		{[]string{"EVERY=" + secret, "EAGER=" + secret}, `wrong setting: EVERY is not a valid duration (such as "30s")`},
	} {
		var got settings
		err := lifecycle.Load(c.environ, &got)
		if err == nil || err.Error() != c.want || !errors.Is(err, lifecycle.ErrSettings) {
			t.Errorf("%v: got %q, want %q", c.environ, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: got %q", c.environ, err)
		}
	}
	var got settings
	if err := lifecycle.Load([]string{"STORE_SIZE=0", "KEY=wrong"}, &got); !errors.Is(err, errTooSmall) {
		t.Errorf("got %v, want the validator's own error within", err)
	}
}
