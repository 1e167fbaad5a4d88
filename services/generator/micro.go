package generator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// version is the micro service's version. NATS micro requires a semantic version.
const version = "0.1.0"

// openMicro starts the micro service. When openMicro returns, the server knows its
// endpoints. When ctx ends, running requests are cancelled; the caller stops the service.
func (g *Generator) openMicro(ctx context.Context, nc *nats.Conn, p *Pool) (micro.Service, error) {
	service, err := micro.AddService(nc, micro.Config{
		Name:        wandnats.MicroService,
		Version:     version,
		Description: "Makes the pages of the pool's jobs.",
		Metadata:    map[string]string{"worker": g.deps.Worker},
	})
	if err != nil {
		return nil, fmt.Errorf("micro service: %w", err)
	}
	for _, m := range p.Members {
		health := micro.HandlerFunc(func(r micro.Request) {
			_ = r.RespondJSON(stateOf(m, g.cfg.inactivity()))
		})
		if err := service.AddEndpoint(m.Member()+"-health", health, micro.WithEndpointSubject(wandnats.HealthSubject(m.Member()))); err != nil {
			return nil, errors.Join(fmt.Errorf("endpoint: %w", err), service.Stop())
		}
	}
	replay := micro.HandlerFunc(func(r micro.Request) { g.replay(ctx, p, r) })
	if err := service.AddEndpoint("replay", replay, micro.WithEndpointSubject(wandnats.SubjectReplay)); err != nil {
		return nil, errors.Join(fmt.Errorf("endpoint: %w", err), service.Stop())
	}
	forget := micro.HandlerFunc(func(r micro.Request) { g.forget(ctx, p, r) })
	if err := service.AddEndpoint("forget", forget, micro.WithEndpointSubject(wandnats.SubjectForget)); err != nil {
		return nil, errors.Join(fmt.Errorf("endpoint: %w", err), service.Stop())
	}
	export := micro.HandlerFunc(func(r micro.Request) { g.export(ctx, p, r) })
	if err := service.AddEndpoint("export", export, micro.WithEndpointSubject(wandnats.SubjectExport)); err != nil {
		return nil, errors.Join(fmt.Errorf("endpoint: %w", err), service.Stop())
	}
	cost := micro.HandlerFunc(func(r micro.Request) { g.cost(ctx, p, r) })
	if err := service.AddEndpoint("cost", cost, micro.WithEndpointSubject(wandnats.SubjectCost)); err != nil {
		return nil, errors.Join(fmt.Errorf("endpoint: %w", err), service.Stop())
	}
	// When the server answers the flush, it knows the endpoints.
	flush, cancel := context.WithTimeout(ctx, g.cfg.controlTimeout())
	defer cancel()
	if err := nc.FlushWithContext(flush); err != nil {
		return nil, errors.Join(fmt.Errorf("micro service: %w", err), service.Stop())
	}
	return service, nil
}

// runMicro waits until ctx ends and then stops the service.
func (g *Generator) runMicro(ctx context.Context, service micro.Service) error {
	<-ctx.Done()
	if err := service.Stop(); err != nil && g.deps.Connected() {
		return fmt.Errorf("micro service: %w", err)
	}
	return nil
}

// replay puts a dead letter back into the queue. The request is {"sequence": N}, the
// letter's sequence in GENERATION_DEAD. The answer names the job and its member.
func (g *Generator) replay(ctx context.Context, p *Pool, r micro.Request) {
	var ask struct {
		Sequence uint64 `json:"sequence"`
	}
	if err := json.Unmarshal(r.Data(), &ask); err != nil || ask.Sequence == 0 {
		_ = r.Error("400", `want {"sequence": N}, the dead letter's in `+wandnats.StreamDead, nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.controlTimeout())
	defer cancel()
	done, err := p.Replayer.Replay(ctx, ask.Sequence)
	if err != nil {
		code := "503"
		switch {
		case errors.Is(err, jobqueue.ErrNoLetter):
			code = "404"
		case errors.Is(err, jobqueue.ErrPoolFull):
			code = "429"
		case errors.Is(err, jobqueue.ErrTerminal):
			code = "422"
		}
		_ = r.Error(code, err.Error(), nil)
		return
	}
	_ = r.RespondJSON(map[string]string{"jobId": done.JobID, "poolMember": done.Member})
}

// forget erases what is stored about a shopper and answers when that is done. The request
// is {"shopper": "ID"}, and with "store" it erases in that shop only.
func (g *Generator) forget(ctx context.Context, p *Pool, r micro.Request) {
	ask, err := readPerson(r.Data())
	if err != nil {
		_ = r.Error("400", err.Error(), nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.controlTimeout())
	defer cancel()
	if ask.Store != "" {
		err = p.Eraser.ForgetIn(ctx, ask.key)
	} else {
		err = p.Eraser.Forget(ctx, ask.Shopper, g.slugs())
	}
	if err != nil {
		g.log.WarnContext(ctx, "shopper not forgotten", "error", err)
		_ = r.Error("503", "not everything is gone: ask again", nil)
		return
	}
	done := map[string]string{"forgotten": ask.Shopper}
	if ask.Store != "" {
		done["store"] = ask.Store
	}
	_ = r.RespondJSON(done)
}
