// Package bench measures what Trestle generates beside its peers: protovalidate, protojson, proto, sonic, vtprotobuf, and
// code written by hand; and what its runtime costs beside franz-go alone and Watermill, and its outbox beside Watermill's. It is a
// module of its own, so that no program of a user's gets the peers with Trestle. `make bench` runs it.
package bench

//go:generate ../dev/buf generate --template tools/bench/buf.gen.yaml
