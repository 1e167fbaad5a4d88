package telemetry

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// maxPrepared bounds the attribute sets that are kept. Metrics have few; what is above it is
// made for each measurement.
const maxPrepared = 1024

// Prepared keeps the attributes of measurements by what they are made of: to sort and to hash
// them costs more than the measurement. The zero value is ready to use, by any number of
// goroutines.
type Prepared[K comparable] struct {
	mu   sync.RWMutex
	sets map[K]Measured
}

// Measured are the attributes of a measurement, as the options of instruments.
type Measured struct {
	Add    []metric.AddOption
	Record []metric.RecordOption
}

// Get returns the attributes of a key; attributes makes them where they are not kept.
func (p *Prepared[K]) Get(key K, attributes func(K) []attribute.KeyValue) Measured {
	p.mu.RLock()
	m, ok := p.sets[key]
	p.mu.RUnlock()
	if ok {
		return m
	}
	set := metric.WithAttributeSet(attribute.NewSet(attributes(key)...))
	m = Measured{Add: []metric.AddOption{set}, Record: []metric.RecordOption{set}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sets == nil {
		p.sets = map[K]Measured{}
	}
	if len(p.sets) < maxPrepared {
		p.sets[key] = m
	}
	return m
}
