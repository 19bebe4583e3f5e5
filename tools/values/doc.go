// Package values says which values a type of a schema has, whatever language the schema is written in, whether all values
// of one type are values of another, and makes values.
//
// A shape is a set of values. A [Space] makes shapes: sets of JSON values, from ranges, multiples, lengths, lists, regular
// languages, items, members, and all that and, or and not make of them; [Space.FromJSONSchema], [Space.FromMessage] and
// [Space.FromType] read them from schemas, and [Shape.Contains] asks whether a value is in one. A [Prover] answers whether
// one shape is included in another by looking for a value of the difference: there is none, here is one, or it cannot be
// told, with the reason. Conditions that cannot be looked into, such as an expression in CEL that no rule could say, are run
// on values where they can be, are the same only as themselves, or imply what [Prover.Implies] tells. Work is bounded; a
// question that takes too much is of the last kind.
// Compatibility of data is inclusion of what a writer writes in what a reader accepts.
//
// A [Maker] makes values of types and messages: the smallest, those on the borders of what a type takes, and readable
// ones. [Render] writes an object in the order of its schema.
package values
