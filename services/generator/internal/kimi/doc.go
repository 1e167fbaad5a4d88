// Package kimi asks Kimi, or any model behind an OpenAI-compatible
// /chat/completions, for one answer.
//
// # What it promises
//
// Complete returns a whole answer or an error that wraps exactly one of the
// sentinels below, within Config.Timeout, retries and waits included. The one
// exception is a caller who cancels: that error wraps context.Canceled alone.
// An answer is text; whether it is the JSON that was asked for is for the caller
// to find out, and to tell the model in a second turn (Request.Turns).
//
// Errors, spans and logs never hold the key, the prompt, the answer or a URL.
// What the other side says in an error's message is left out too, since it may
// quote the prompt; only its type is kept, if it looks like one.
//
// # What is decided, and why
//
//	what happens                              error              tries  breaker
//	401, 403; 429 for want of balance         ErrRefused         1      opens at once
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
// The breaker is about the service being there, so an answer of no use counts as
// success, and a rate limit as neither: it says that the account is busy, and
// ten members who share it must not all give up for it. It opens after five
// consecutive failures of any caller, and lets one try through after
// Config.BreakerCooldown.
//
// Retries wait between nothing and an exponentially growing bound (full jitter),
// or for Retry-After and a little more, so that members refused together do not
// come back together. A wait that would outlast the deadline is not begun: the
// error is returned at once. No queue or HTTP library below retries as well.
//
// # What is sent
//
// stream with usage, response_format json_object, max_completion_tokens; no
// temperature, which newer Kimi models fix and refuse to be told. thinking is
// disabled for kimi-k2.5 and kimi-k2.6, which think by default and can be told
// not to; later models refuse the field. Redirects are not followed: they would
// carry the prompt to a host nobody configured.
//
// # What it costs
//
// Before each try Config.Meter is asked with the most tokens that it can use: as many
// for the prompt as the request's body has bytes, and max_completion_tokens for the
// answer. After it the Meter is told what was used: what the provider counted, of failed
// tries too. Where the provider counted nothing, it is estimated upward, a token for each
// byte that was sent and that came; a request that never left, or was turned down with
// a 3xx or 4xx, used nothing. What a provider generates for a connection that broke, and
// does not tell, is not known.
//
// # What is seen
//
// Each try is a CLIENT span "chat {model}" with the gen_ai.* attributes of the
// OpenTelemetry semantic conventions and an event for the first token. Trace
// context is not sent to the provider.
package kimi
