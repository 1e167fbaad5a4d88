// Package kimi is a client of Kimi, or of any model with an OpenAI-compatible
// /chat/completions.
//
// # Promises
//
// Complete returns a complete answer or an error within Config.Timeout, which includes
// retries and waits. The error wraps exactly one of the sentinels below. If the caller
// cancels, it wraps context.Canceled only. The answer is text. The caller checks whether it
// is the requested JSON, and can tell the model in a second turn (Request.Turns).
//
// Errors, spans and logs never hold the key, the prompt, the answer or a URL. The message
// of a provider's error is left out too, since it may quote the prompt. Only the error's
// type is kept, if it has the form of one.
//
// # Errors and retries
//
//	what happens                              error              tries  breaker
//	401, 403; 429 for lack of balance         ErrRefused         1      opens at once
//	429                                       ErrRateLimited     3      does not count
//	5xx                                       ErrUnavailable     3      failure
//	reset, refused, DNS, TLS; not a stream    ErrUnavailable     3      failure
//	nothing for Config.StallTimeout           ErrStalled (*)     3      failure
//	Config.Timeout or the caller's deadline   ErrUnavailable     -      failure
//	breaker open                              ErrUnavailable     0      -
//	Config.Meter refuses the try              ErrNotPermitted    -      -
//	other 4xx, 3xx, filtered content          ErrBadRequest      1      success
//	ends without finish_reason and [DONE]     ErrTruncated       2      success
//	finish_reason "length"                    ErrTruncated       2      success
//	finished without content                  ErrEmpty           2      success
//	over Config.AnswerLimit                   ErrAnswerTooLarge  1      success
//	the caller cancels                        context.Canceled   -      does not count
//
// (*) ErrStalled wraps ErrUnavailable.
//
// The breaker measures whether the service is available. So an unusable answer counts as
// success. A rate limit counts as neither: it means that the account is busy, and must not
// stop all ten members that share it. The breaker opens after five consecutive failures of
// any caller. After Config.BreakerCooldown it lets one try through.
//
// A retry waits for a random time between zero and an exponentially growing bound (full
// jitter). After a Retry-After it waits for that time and a little more, so that members
// that were refused together do not retry together. If the wait would outlast the deadline,
// the error is returned at once. Neither the HTTP library nor the transport retries.
//
// # Requests
//
// A request sets stream with usage, response_format json_object and max_completion_tokens.
// It sets no temperature, because newer Kimi models refuse one. It disables thinking for
// kimi-k2.5 and kimi-k2.6, which think by default; later models refuse the field. Redirects
// are not followed, because they would send the prompt to a host that is not configured.
//
// # Cost
//
// Before each try Config.Meter is asked with the most tokens that it can use: as many
// for the prompt as the request's body has bytes, and max_completion_tokens for the
// answer. After it the Meter is told what was used: what the provider counted, of failed
// tries too. Where the provider counted nothing, it is estimated upward, a token for each
// byte that was sent and that came; a request that never left, or was turned down with
// a 3xx or 4xx, used nothing. How much of the prompt the provider's prompt cache served
// is read from cached_tokens, Moonshot's, or prompt_tokens_details.cached_tokens,
// OpenAI's; without either nothing counts as cached. What a provider generates for a connection that broke, and
// does not tell, is not known.
//
// # Telemetry
//
// Each try is a CLIENT span "chat {model}" with the gen_ai.* attributes of the
// OpenTelemetry semantic conventions and an event for the first token. Trace
// context is not sent to the provider.
package kimi
