// Package encrypt encrypts values of events, one by one, so that who may read a topic can't read what its schema has encrypted without the key.
//
// A [Key] seals a value to its [Place]: the event's type and id, and where in the event the value stands. What is sealed opens there and nowhere else.
// [Keys] are where data keys come from: each is kept in a [Store], wrapped by a [KEK], by a key of which no program has to know the secret.
//
// docs/formats.md says how sealed values and entries of keys are written.
package encrypt
