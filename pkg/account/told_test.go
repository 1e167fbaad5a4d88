package account

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestReadRefusal(t *testing.T) {
	t.Parallel()
	moonshot := func(words string) string {
		return `{"error":{"type":"rate_limit_reached_error","message":"Your account org-e664<ak-f3t8> ` + words + `"}}`
	}
	for name, c := range map[string]struct {
		header []string
		body   string
		want   Refusal
	}{
		"concurrency":                {nil, moonshot("request reached max organization concurrency: 1, please try again after 1 seconds"), Refusal{Concurrency, 1, time.Second}},
		"concurrency, other order":   {nil, moonshot("request reached organization max concurrency: 50, please try again after 1 seconds"), Refusal{Concurrency, 50, time.Second}},
		"RPM":                        {nil, moonshot("request reached organization max RPM: 3, please try again after 20 seconds"), Refusal{Calls, 3, 20 * time.Second}},
		"max request":                {nil, moonshot("request reached max request: 3, please try again after 1 seconds"), Refusal{Calls, 3, time.Second}},
		"a minute, reached":          {nil, moonshot("max request per minute reached: 3, please try again after 1 seconds"), Refusal{Calls, 3, time.Second}},
		"TPM":                        {nil, moonshot("request reached project TPM rate limit, current: 1410, limit: 100, see https://platform.moonshot.cn/docs/pricing/limits"), Refusal{Tokens, 100, 0}},
		"TPD":                        {nil, moonshot("request reached organization TPD rate limit, current:1500001, limit:1500000"), Refusal{Day, 0, 0}},
		"no number":                  {nil, `{"error":{"message":"Organization Rate limit exceeded, please try again after 1 seconds","type":"rate_limit_reached_error"}}`, Refusal{Unknown, 0, time.Second}},
		"overloaded":                 {nil, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}`, Refusal{Overloaded, 0, 0}},
		"OpenAI's tokens":            {nil, `{"error":{"type":"tokens","message":"Rate limit reached for gpt-x in organization org-1 on tokens per min (TPM): Limit 10000, Used 9500, Requested 1000. Please try again in 6m0.5s. Visit"}}`, Refusal{Tokens, 10000, 6*time.Minute + 500*time.Millisecond}},
		"OpenAI's requests":          {nil, `{"error":{"type":"requests","message":"Rate limit reached on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s."}}`, Refusal{Calls, 3, 20 * time.Second}},
		"a gateway's provider":       {nil, `{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"request reached organization max RPM: 20, please try again after 1 seconds"}}}`, Refusal{Calls, 20, time.Second}},
		"a gateway's headers":        {nil, `{"error":{"code":429,"message":"Rate limit exceeded","metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1795694409000"}}}}`, Refusal{After: 9 * time.Second}},
		"LiteLLM":                    {nil, `{"error":{"message":"Max parallel request limit reached. Limit: 4"}}`, Refusal{Concurrency, 4, 0}},
		"words of a year":            {nil, `{"error":{"message":"This request would exceed your organization's rate limit of 50 requests per minute"}}`, Refusal{Calls, 50, 0}},
		"an error that is a text":    {nil, `{"error":"Concurrency limit reached for requests"}`, Refusal{Concurrency, 0, 0}},
		"no JSON":                    {nil, `Too many requests: RPM: 7`, Refusal{Calls, 7, 0}},
		"nothing":                    {nil, ``, Refusal{}},
		"Retry-After":                {[]string{"Retry-After", "7"}, ``, Refusal{After: 7 * time.Second}},
		"Retry-After in words":       {[]string{"Retry-After", noon.Add(30 * time.Second).Format(http.TimeFormat)}, ``, Refusal{After: 30 * time.Second}},
		"Retry-After-Ms":             {[]string{"Retry-After-Ms", "250", "Retry-After", "1"}, ``, Refusal{After: 250 * time.Millisecond}},
		"a reset that was told":      {[]string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1795694409000"}, ``, Refusal{After: 9 * time.Second}},
		"a part of a second":         {[]string{"Retry-After", "1.5"}, ``, Refusal{After: 1500 * time.Millisecond}},
		"less than nothing":          {[]string{"Retry-After", "-30"}, ``, Refusal{}},
		"a time that is over":        {[]string{"Retry-After", noon.Add(-time.Hour).Format(http.TimeFormat)}, ``, Refusal{}},
		"a year":                     {[]string{"Retry-After", "31536000"}, ``, Refusal{After: maxAsked}},
		"soon":                       {[]string{"Retry-After", "soon"}, ``, Refusal{}},
		"for ever":                   {[]string{"Retry-After", "99999999999999999999"}, ``, Refusal{After: maxAsked}},
		"no time":                    {[]string{"Retry-After", "NaN"}, `please try again after -4 seconds`, Refusal{}},
		"a number that is no limit":  {nil, moonshot("request reached organization max RPM: 99999999999999999999"), Refusal{Calls, 0, 0}},
		"a limit of nothing":         {nil, moonshot("request reached organization max RPM: 0"), Refusal{Calls, 0, 0}},
		"a name is not a limit":      {nil, moonshot("on model kimi-k2.6 reached the requests per minute"), Refusal{Calls, 0, 0}},
		"the header wins over words": {[]string{"Retry-After", "3"}, moonshot("request reached organization max RPM: 3, please try again after 1 seconds"), Refusal{Calls, 3, 3 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ReadRefusal(headers(c.header...), []byte(c.body), noon); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header []string
		want   Told
	}{
		"none":          {nil, Told{}},
		"OpenAI":        {[]string{"x-ratelimit-limit-requests", "500", "x-ratelimit-remaining-requests", "499", "x-ratelimit-reset-requests", "120ms", "x-ratelimit-limit-tokens", "30000", "x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "6m0s"}, Told{Calls: 500, Tokens: 30000, Exhausted: 6 * time.Minute}},
		"Kimi":          {[]string{"X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "12"}, Told{Calls: 20, Exhausted: 12 * time.Second}},
		"the draft":     {[]string{"RateLimit-Limit", "20, 20;w=60", "RateLimit-Remaining", "3", "RateLimit-Reset", "12"}, Told{Calls: 20}},
		"by the second": {[]string{"RateLimit-Limit", "10, 10;w=1"}, Told{Calls: 600}},
		"by the minute": {[]string{"x-ratelimit-limit-req-minute", "60", "x-ratelimit-limit-tokens-minute", "500000"}, Told{Calls: 60, Tokens: 500000}},
		"concurrency":   {[]string{"x-ratelimit-limit-concurrency", "3"}, Told{Concurrency: 3}},
		"nonsense":      {[]string{"x-ratelimit-limit-requests", "-3", "x-ratelimit-limit-tokens", "many", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "soon"}, Told{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ReadHeaders(headers(c.header...), noon); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func FuzzReadRefusal(f *testing.F) {
	f.Add(`{"error":{"message":"request reached organization max RPM: 3, please try again after 1 seconds"}}`, "3", "0")
	f.Add(`limit of 99999999999`, "1e300", "Inf")
	f.Fuzz(func(t *testing.T, body, after, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Limit": {after}}
		r, told := ReadRefusal(h, []byte(body), noon), ReadHeaders(h, noon)
		if r.Value < 0 || r.After < 0 || r.After > maxAsked || told.Calls < 0 || told.Exhausted < 0 || told.Exhausted > maxAsked {
			t.Errorf("%+v, %+v", r, told)
		}
	})
}
