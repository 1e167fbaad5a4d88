package generator

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// Before NATS was reached nobody knows what was spent, so no call is made.
func TestMeterWithoutNATS(t *testing.T) {
	m := newMeter(Config{}, control.New(slog.New(slog.DiscardHandler)))
	if _, err := m.Begin(t.Context(), kimi.Call{Shop: "magic-wands"}, spend.Tokens{Prompt: 1}); !errors.Is(err, spend.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

func TestSettingsOfTheBudget(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		want string // what the error names; empty is none
		cfg  spend.Config
	}{
		{nil, "", spend.Config{ShopShare: 1}},
		{[]string{"KIMI_DAILY_BUDGET=2.5", "KIMI_STORE_SHARE=0.4"}, "", spend.Config{Budget: 2_500_000, ShopShare: .4}},
		{[]string{"KIMI_DAILY_BUDGET=0.0000001"}, "KIMI_DAILY_BUDGET", spend.Config{}},
		{[]string{"KIMI_DAILY_BUDGET=-1"}, "KIMI_DAILY_BUDGET", spend.Config{}},
		{[]string{"KIMI_DAILY_BUDGET=NaN"}, "KIMI_DAILY_BUDGET", spend.Config{}},
		{[]string{"KIMI_DAILY_BUDGET=2e9"}, "KIMI_DAILY_BUDGET", spend.Config{}},
		{[]string{"KIMI_DAILY_BUDGET=1", "KIMI_PRICE_INPUT=0", "KIMI_PRICE_OUTPUT=0"}, "KIMI_DAILY_BUDGET", spend.Config{}},
		{[]string{"KIMI_STORE_SHARE=0"}, "KIMI_STORE_SHARE", spend.Config{}},
		{[]string{"KIMI_STORE_SHARE=1.01"}, "KIMI_STORE_SHARE", spend.Config{}},
		{[]string{"KIMI_STORE_SHARE=NaN"}, "KIMI_STORE_SHARE", spend.Config{}},
	} {
		var cfg Config
		err := lifecycle.Load(tt.env, &cfg)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want+" ") {
				t.Errorf("%v: %v, want an error of %s", tt.env, err, tt.want)
			}
			continue
		}
		got := cfg.spending()
		if tt.cfg.Hold = got.Hold; err != nil || !reflect.DeepEqual(got, tt.cfg) || got.Hold <= cfg.llmTimeout() {
			t.Errorf("%v: %+v, %v, want %+v", tt.env, got, err, tt.cfg)
		}
	}
}
