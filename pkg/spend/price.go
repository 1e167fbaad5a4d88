package spend

import "math"

// Tokens is what one call of the model used, by the provider's count.
type Tokens struct {
	// Prompt is all tokens of the prompt.
	Prompt int
	// Cached is those of Prompt that the provider's prompt cache served, Written those
	// that were written to it, if the provider tells.
	Cached, Written int
	// Completion is the tokens of the answer, reasoning included.
	Completion int
}

// Prices is what the model costs, in US dollars for a million tokens, so also in Micros
// for one token.
type Prices struct {
	// Input is the price of a token of the prompt, Cached the price of one that the
	// provider's prompt cache serves.
	Input, Cached float64
	// Write is what a token costs in addition to Input if it is written to the cache.
	Write float64
	// Output is the price of a token of the answer.
	Output float64
}

// Cost is what a call costs, rounded up to whole Micros.
func (p Prices) Cost(t Tokens) Micros {
	cached := min(t.Cached, t.Prompt)
	written := min(t.Written, t.Prompt-cached)
	return Micros(math.Ceil(p.Input*float64(t.Prompt-cached) + p.Cached*float64(cached) +
		p.Write*float64(written) + p.Output*float64(t.Completion)))
}

// Most is the most that a call of so many tokens of prompt and completion costs, however
// much of its prompt is cached or written.
func (p Prices) Most(t Tokens) Micros {
	worst := p
	worst.Input = max(p.Input+p.Write, p.Cached)
	return worst.Cost(Tokens{Prompt: t.Prompt, Completion: t.Completion})
}
