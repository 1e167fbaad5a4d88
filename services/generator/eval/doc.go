// Package eval measures what a model makes of the prompt: seeded sessions are put through
// the real prompt, client and gate, against any OpenAI-compatible API.
//
// # What it measures
//
// A run asks for the page designs of EVAL_SESSIONS shoppers, a quarter of each persona,
// spread over the built-in shops or those of STORES_DIR. Equal seeds give equal sessions.
// The first shopper of each shop goes alone, as the provider's prompt cache knows a shop
// after one call; the others follow, EVAL_CONCURRENCY at a time.
//
// The result is a table for people and JSON in EVAL_RESULT. The table has the difference to
// the result that was there before. Its figures are those of the designs as the gate gives
// them, before the page maker adds to them:
//
//	usable at the first try    designs that needed no second question
//	kept and dropped           sections, and why the gate dropped some
//	told apart                 see below
//	rules broken               the rules of the prompt that can be checked
//	cost                       tokens, cached tokens, US dollars a page by KIMI_PRICE_*
//	time                       to the first usable section, and to the end
//
// # Told apart
//
// Pages for different kinds of shoppers should differ more than pages for one kind. The
// distance of two designs is one minus the weighted Jaccard similarity of what makes a page
// look as it does: its section types, each weighing less the lower it stands (1, 1/2, 1/3,
// …), and its theme's choices, weighing 1/5 each. "Nearest is alike" is the share of designs
// whose nearest other design of the same shop is for the same persona: chance is about a
// quarter, and a designer whom one recognises is near 1. It needs no threshold and no
// judge, and copying one page for all keeps it at chance. Distances between and within
// personas stand beside it, as a model may also differ without reason.
//
// # Money
//
// Each try reserves the most that it can cost; one for which EVAL_BUDGET has no room is not
// made, and the run ends with what it has. So it does at an interrupt.
package eval
