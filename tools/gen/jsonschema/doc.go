// Package jsonschema generates the JSON Schema (2020-12) of every event that travels as JSON: of the record's whole
// value, envelope included, which is what a registry holds for the topic.
//
// A schema describes what readers accept, and so a little more than what writers write:
//   - In the payload a field is required when the event is invalid without it. What has a default, or is taken from the
//     envelope when the payload lacks it, is not; what we write carries it all the same. An id that stands neither in
//     the envelope nor in the payload is beyond the schema, and so are two that differ.
//   - Null is a value where a JSON Schema lists it. In protobuf it is absent, and listed where the field need not be there.
//   - What is encrypted is the text of an encrypted value, or what it was before. A value that is no text stands under its own name, or its text under the one with
//     "_encrypted" behind it, so that neither is required. What a source says of an object as a whole is left out where something in it is encrypted.
//   - Objects are open: a reader passes over fields it does not know, unless the source closes them.
//   - date-time is a note, as always in 2020-12: timestamps are written in RFC 3339, and read also with a space for the T
//     or without a zone.
//
// Rules that JSON Schema has no word for (lengths in bytes, at most one of several fields) are left to the validators.
// A schema refers to nothing outside itself, with one exception: the source of a base_event envelope is in
// EventSource.json, beside the events of its package.
package jsonschema
