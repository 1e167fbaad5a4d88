// Package invent makes up what a model would answer: an instance of a JSON Schema
// whose strings read like the copy of a shop.
//
// An Inventor is made for one answer, from a seed and the conversation so far. It
// depends on nothing else: the same seed and conversation give the same answer,
// and another conversation gives another one.
//
// # What it reads of a schema
//
// type, const, enum, anyOf and oneOf, properties and required, items with minItems
// and maxItems, minLength and maxLength, and the four bounds of a number. anyOf and
// oneOf are the same here: one alternative is chosen and joined with what stands
// beside it. References and allOf are refused, since an answer that ignored them
// would have the wrong shape. Every other keyword is ignored.
//
// # What it makes of it
//
//   - Members of an object come in the order of the schema. Required members are
//     always there, others mostly.
//   - Choices are dealt like cards: each enum value and each alternative comes once
//     before any comes twice, so that a page shows different products and sections.
//     The first alternative comes first, since a schema lists what opens a page first.
//   - A list has as many items as the conversation asks for by its name, such as "seven
//     or eight sections", and all texts together have nearly as many words as it allows by
//     "under 350 words". A list or string that can only be empty is left
//     out.
//   - A string is copy of the kind that its property's name asks for: headline, body,
//     eyebrow, actionLabel, quote and so on. Its goods and its tone come from the
//     conversation. It never states a price and never names a product.
//   - With Hostile set, strings and ids are those of an attacker, in the same shape.
//
// # How it fails
//
// Errors wrap ErrSchema: the schema cannot be read, has no instance, or has only
// instances of more than twenty thousand values.
package invent
