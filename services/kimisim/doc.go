// Package kimisim is an OpenAI-compatible Kimi for development, tests and load:
// it answers like a model, at a model's pace, without one.
//
// # What it answers
//
//	POST /v1/chat/completions     whole or streamed (server-sent events)
//	GET  /v1/models
//	GET  /v1/users/me/balance     in Moonshot's shape
//
// Any bearer token will do; none is 401. Whatever model is asked for, the answer
// says Model, so that nothing made by it passes for a real model's work.
//
// An answer is an instance of the JSON Schema in response_format.json_schema,
// else of the last one that stands between <schema> and </schema> in a message,
// else a friendly sentence. Strings are shop copy by the name of their property
// (headline, body, eyebrow, actionLabel, quote, …); arrays of an enum hold
// distinct values of it, three to eight if the schema does not say. A list of several
// types of items begins with the first that a message asks for, as in "begins with one
// of: hero, quote". A schema with
// $ref or allOf is refused by 400; pattern and format are ignored.
//
// An answer depends on Config.Seed and on what the messages say, and on nothing
// else: the same request is answered the same, different shoppers differently.
// A token counts as four characters. max_completion_tokens (or max_tokens) is
// honoured: the answer is truncated there, with finish_reason "length".
//
// # Thinking
//
// The models that think at Moonshot think here, by the name after the last slash:
// kimi-k2.5 and kimi-k2.6 unless thinking is {"type": "disabled"}, kimi-k2.7, kimi-k3
// and kimi-k2-thinking always, and these refuse that by 400. Thoughts are
// reasoning_content before the answer; they take their time, count as completion and
// are part of max_completion_tokens.
//
// # The prompt cache
//
// As at Moonshot it works by itself and by content, for each key and model: of a prompt
// whose beginning was read before, so many whole steps of 256 tokens are cached. A
// prompt is known once its first token has been answered. The usage says so as
// cached_tokens, as Moonshot does, and as prompt_tokens_details.cached_tokens, as OpenAI
// does.
//
// # Try it
//
//	curl -sN 127.0.0.1:8090/v1/chat/completions -H 'Authorization: Bearer any' -d '{
//	  "model": "kimi-k2.6", "stream": true, "stream_options": {"include_usage": true},
//	  "messages": [{"role": "user", "content": "Who are you?"}]}'
//
//	curl -s 127.0.0.1:8090/v1/chat/completions -H 'Authorization: Bearer any' -d '{
//	  "model": "kimi-k2.6", "messages": [{"role": "user", "content": "A page of wands for an explorer, as JSON."}],
//	  "response_format": {"type": "json_schema", "json_schema": {"name": "page", "schema": {
//	    "type": "object", "required": ["headline", "products"], "properties": {
//	      "headline": {"type": "string", "maxLength": 60},
//	      "products": {"type": "array", "items": {"enum": ["holly", "yew", "elder", "ash"]}}}}}}}'
//
// # Faults
//
// One request fails if it carries X-Kimisim-Fault; requests in general fail by
// the control endpoint, one fault at a time:
//
//	curl -X PUT 127.0.0.1:8090/control/faults -d '{"fault": "rate-limit", "count": 3, "retryAfterSeconds": 1}'
//	curl -X PUT 127.0.0.1:8090/control/faults -d '{"fault": "hang", "probability": 0.1}'
//	curl 127.0.0.1:8090/control/faults
//	curl -X DELETE 127.0.0.1:8090/control/faults
//	curl 127.0.0.1:8090/control/stats
//
// A count of 0 lasts until it is cleared or replaced.
//
//	rate-limit            429 with Retry-After
//	server-error          500
//	insufficient-balance  403 in Moonshot's error shape
//	hang                  no answer, until the client goes away or the server stops
//	reset                 TCP reset in the middle of the answer
//	truncated             half the answer; a stream ends without finish_reason and [DONE]
//	malformed             prose around something that only begins like JSON
//	html                  a web page with scripts and event handlers
//	empty                 no content, finish_reason "stop"
//	slow                  one byte a second
//	huge                  50 MB of content
//	hostile               the requested shape, with scripts, javascript: URLs, prices,
//	                      ids of no product and bidirectional controls in it
//	no-end                the whole answer, but neither finish_reason nor [DONE]
//	no-stream             a whole completion although a stream was asked for
//	keep-alive            comments every second and never data
//	stream-error          an error of code 502 in the middle of a stream
//	raw-breaks            line breaks in the strings of the answer
//	thoughts              a draft between <think> and </think>, then the answer
//
// # Limits
//
// KIMISIM_MAX_CONCURRENCY, KIMISIM_RPM and KIMISIM_TPM hold all calls together to what a small
// account is allowed, and so does the control endpoint, from then on:
//
//	curl -X PUT 127.0.0.1:8090/control/limits -d '{"concurrency": 3, "rpm": 20}'
//	curl -X PUT 127.0.0.1:8090/control/limits -d '{}'
//	curl 127.0.0.1:8090/control/limits
//
// What exceeds them gets 429 in Moonshot's words, without Retry-After; with "bare": true in
// words that do not name the limit. Tokens are counted as asked for: max_completion_tokens,
// not what the answer has.
//
// The control endpoints ask for no key. They are where the API is, which is
// loopback unless KIMISIM_ADDR says otherwise: do not bind this server where
// strangers reach it.
//
// # In a test
//
// New and Handler make a server for httptest; SetFault, SetAnswer and Gate say
// what it does, Requests and Stats what it was asked. Call Close before closing
// the httptest server, which otherwise waits for requests that hang.
package kimisim
