// Package kimi is a client of Kimi, or of any model with an OpenAI-compatible
// /chat/completions.
//
// # Promises
//
// Complete returns an answer or an error within Config.Timeout, which includes retries and
// waits. The error wraps exactly one of the sentinels below. If the caller cancels, it wraps
// context.Canceled only. The answer is text, without the model's thoughts. The caller checks
// whether it is the requested JSON, and can tell the model in a second turn (Request.Turns).
//
// An answer is read for what it is, not for what its envelope says: server-sent events of
// any content type, JSON by lines, or a whole completion; with or without a finish reason
// and [DONE]; encoded although nobody asked for it. Package streamtest has the recorded forms.
// If a stream breaks off, fails or does not say that the model had finished, the caller decides (Request.Whole): a whole
// answer is one. Of the others, one that merely ended is returned with Answer.Cut, and one
// that broke off is asked for again.
//
// Errors, spans and logs never hold the key, the prompt, the answer or a URL. The message
// of a provider's error is left out too, since it may quote the prompt. Only the error's
// type is kept, if it is of letters only. An answer, an error and their headers are input:
// they are read within bounds of size and time, and are believed as far as they can be true.
//
// # Errors and retries
//
//	what happens                              error              tries  counts for
//	401                                       ErrRefused         1      everybody, at once
//	403, 429 for lack of balance              ErrRefused         1      everybody, at once
//	402, other 403; within a stream, 429 too  ErrRefused         1      the shop, at once
//	429                                       ErrRateLimited     (+)    -
//	502 and above                             ErrUnavailable     3      everybody
//	500; any 5xx within a stream; 408, 409    ErrUnavailable     3      the shop
//	refused, DNS, TLS, no answer              ErrUnavailable     3      everybody
//	reset within a stream                     ErrUnavailable     3      the shop
//	nothing for Config.StallTimeout           ErrStalled (*)     3      the shop
//	Config.Timeout or the caller's deadline   ErrUnavailable     -      the shop
//	breaker open                              ErrUnavailable     0      -
//	Config.Meter refuses the try              ErrNotPermitted    -      -
//	other 4xx, 3xx, filtered content          ErrBadRequest      1      success
//	not in a form that a model answers in     ErrUnreadable      2      -
//	finished without content                  ErrEmpty           2      success
//	over Config.AnswerLimit                   ErrAnswerTooLarge  1      success
//	the caller cancels                        context.Canceled   -      -
//
// (*) ErrStalled wraps ErrUnavailable. Comments that keep a connection alive, and events
// that say nothing, do not end a stall.
//
// (+) With Config.Account the call waits for its turn again, until the account's patience is
// over; without, it is tried three times. One that is refused after the answer has begun is
// tried three times in both cases, since it is paid for.
//
// An error may come as a status, or within a stream as an object, a text, a code or a type;
// both are decided by the same table.
//
// A breaker stops calls that would only fail: five failures in a row open it, a refusal at
// once, and after Config.BreakerCooldown one try probes, until its first token comes. What may be due to what the shop
// asked counts for that shop's breaker, and calls for other shops go on. Failures count for
// the breaker of everybody if they concern everybody, or once two shops have them without a
// success between. An unusable answer counts as success: the service is available. A rate
// limit counts as neither: it means that the account is busy, and must not stop all members
// that share it.
//
// A retry waits for a random time between zero and an exponentially growing bound (full
// jitter). After a Retry-After it waits for that time and a little more, so that members
// that were refused together do not retry together. If the wait would outlast the deadline,
// the error is returned at once. Neither the HTTP library nor the transport retries.
//
// # Requests
//
// A request sets stream with usage, response_format json_object and max_completion_tokens.
// It sets no temperature, because newer Kimi models refuse one. How much a model thinks is
// Config.Thinking; models differ in what they accept, and are told apart by the name after
// the last slash of their id, in any case. kimi-k2.5 and kimi-k2.6 think unless thinking is
// disabled. kimi-k2.7-code and kimi-k3 always think; kimi-k3 takes reasoning_effort in its
// place. A model that thinks gets more tokens, since its thoughts count among them.
// Redirects are not followed, because they would send the prompt to a host that is not
// configured.
//
// # Cost
//
// Before each try Config.Meter is asked with the most tokens that it can use: as many
// for the prompt as the request's body has bytes, and max_completion_tokens for the
// answer. After it the Meter is told what was used: what the provider counted, of failed
// tries too. That is believed from a token for 32 bytes up to a token for each byte that was
// sent and that came, or up to max_completion_tokens, so that no count frees or uses up a
// budget. Where the provider counted nothing, it is estimated upward, a token for each
// byte; a request that never left, or was turned down with
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
