package deploy_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/kimisim"
)

// The services run as real processes, shoppers come and faults strike, and Prometheus
// has each query of each dashboard answered, sees every declared metric, and fires
// every alert for its fault and clears it after; Alertmanager delivers them. The commands of an alert's runbook are
// typed as they are written, while it fires. The clock of its rules runs faster than
// in production. A full disk is not made, nor an account that refuses calls, which would be
// left alone for a minute; promtool fires these.
func TestDashboardsAndAlerts(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	p := startPrometheus(t, s)
	queries := dashboardQueries(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("queries without an answer: %v", queries)
		}
	})
	firing := func(alert string) {
		t.Helper()
		within(t, alert+" fires", func() bool {
			p.answer(t, queries)
			return slices.Contains(p.firing(t), alert)
		})
		s.look(alert)
		within(t, "somebody is told", func() bool { return s.alertmanager.told("firing", alert) })
	}
	// Nobody has filled in the address of the dead man's switch.
	must(t, os.WriteFile(s.alertmanager.address("watchdog"), nil, 0o600))

	s.returning.Store(true)
	s.arriving.Store(true)
	// The budget is that of a few dozen pages.
	firing("BudgetNear")
	firing("BudgetSpent")
	firing("AlertsNotDelivered")
	s.alertmanager.fill(t, "watchdog")
	within(t, "the dead man's switch hears", func() bool { return s.alertmanager.told("firing", "Watchdog") })
	s.generator.stop()
	s.startGenerator("KIMI_DAILY_BUDGET=1000")
	within(t, "the raised budget is heard of", func() bool { return !slices.Contains(p.firing(t), "BudgetSpent") })

	must(t, s.kimi.SetFault(kimisim.Fault{Name: "server-error"}))
	firing("ModelFailing")
	// An error of the server may be due to one shop's prompts; a refused account stops all.
	firing("ShopStopped")
	must(t, s.kimi.SetFault(kimisim.Fault{Name: kimisim.InsufficientBalance}))
	firing("BreakerOpen")
	s.kimi.ClearFaults()
	within(t, "the model is asked again", func() bool { return !slices.Contains(p.firing(t), "BreakerOpen") })

	s.minioProxy.Cut()
	firing("BreakerOpen")
	s.minioProxy.Restore()

	s.edgeNATS.Cut()
	firing("WatchBroken")
	for _, promise := range []string{"PagesNotAnswered", "HitsSlow", "OwnPagesLate"} {
		s.look(promise)
	}
	s.edgeNATS.Restore()

	nc, js := s.nats.Connect(t)
	defer nc.Close()
	_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: wandnats.GenerateSubject("pool-0"), Data: []byte("no job")})
	must(t, err)
	firing("DeadLetters")

	// The model thinks for ever: jobs wait, the pool fills, new shoppers get nothing.
	s.returning.Store(false)
	gate := s.kimi.Gate()
	firing("PoolRefuses")
	firing("HitRateLow")
	firing("JobsTooOld")
	// What it works on it hands back, and the next generator is delivered it again.
	s.generator.stop()
	firing("ServiceDown")
	gate.Open()
	s.startGenerator("KIMI_DAILY_BUDGET=1000")
	s.returning.Store(true)
	s.arriving.Store(false)

	eventually.NoError(t, func() error {
		p.answer(t, queries)
		if names := p.firing(t); len(names) > 0 {
			return fmt.Errorf("%v fire still", names)
		}
		return nil
	})
	within(t, "who was told of an alert is told that it is over", func() bool {
		for _, alert := range []string{"AlertsNotDelivered", "BreakerOpen", "BudgetSpent", "DeadLetters", "JobsTooOld", "ServiceDown"} {
			if !s.alertmanager.told("resolved", alert) {
				return false
			}
		}
		return true
	})
	within(t, "every query of every dashboard is answered", func() bool {
		p.answer(t, queries)
		return len(queries) == 0
	})
	// A metric is there with the scrape after the first thing that it counts.
	eventually.NoError(t, func() error {
		names := p.names(t)
		metrics, _ := declared()
		missing := slices.DeleteFunc(metrics, func(m string) bool { return slices.Contains(names, m) })
		if len(missing) > 0 {
			return fmt.Errorf("Prometheus has no %v", missing)
		}
		return nil
	})
	// What is typed for alerts that do not fire here has answers as well.
	for _, alert := range []string{"AccountRefuses", "DiskFillsSoon", "DiskNearlyFull", "JetStreamNearlyFull", "StreamNearlyFull", "Watchdog"} {
		s.look(alert)
	}
	for _, histogram := range []string{"http_server_request_duration_seconds_bucket", "wandstore_job_duration_seconds_bucket"} {
		within(t, "exemplars of "+histogram, func() bool { return p.exemplars(t, histogram) })
	}
}
