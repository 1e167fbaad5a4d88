package kimisim

import (
	"hash/fnv"
	"io"
	"sync"
	"time"
)

const (
	// cacheStep is the granularity of Kimi's prompt cache, in tokens.
	cacheStep = 256
	// maxPrefixes bounds what the cache remembers; the oldest is forgotten first.
	maxPrefixes = 100_000
)

// promptCache is a provider's prompt cache: it works by content, without being asked, for
// each account and model. It knows the prefixes of prompts that were read, in steps of 256
// tokens.
type promptCache struct {
	mu sync.Mutex
	// from is when each known prefix can be used first, by its hash.
	from map[uint64]time.Time
	// learnt holds the prefixes in the order in which they were learnt.
	learnt []uint64
}

func newPromptCache() *promptCache { return &promptCache{from: map[uint64]time.Time{}} }

// read is how many tokens of a prompt are cached at now. The prompt itself is cached from
// the time on at which it has been read.
func (c *promptCache) read(account, model, prompt string, now, read time.Time) (cached int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hit := true
	for _, prefix := range prefixes(account, model, prompt) {
		from, known := c.from[prefix]
		if hit = hit && known && !from.After(now); hit {
			cached += cacheStep
		}
		if known {
			continue
		}
		c.from[prefix] = read
		if c.learnt = append(c.learnt, prefix); len(c.learnt) > maxPrefixes {
			delete(c.from, c.learnt[0])
			c.learnt = c.learnt[1:]
		}
	}
	return cached
}

// prefixes is the hashes of the prompt's first 256 tokens, its first 512, and so on. The
// last token of a prompt is never cached: the answer follows from it.
func prefixes(account, model, prompt string) []uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, account+"\n"+model+"\n") // a hash never fails
	var all []uint64
	for {
		head, rest := firstTokens(prompt, cacheStep)
		if rest == "" {
			return all
		}
		_, _ = io.WriteString(h, head)
		all, prompt = append(all, h.Sum64()), rest
	}
}
