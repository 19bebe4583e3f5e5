// Package encrypt encrypts values of events, one by one, so that who may read a topic can't read what its schema has encrypted without the key.
//
// A [Key] seals a value to its [Place]: the event's type and id, and where in the event the value stands. What is sealed opens there and nowhere else.
// docs/formats.md says how sealed values are written.
package encrypt
