// Package outside asks libraries that others wrote what they make of schemas and values: python-jsonschema,
// jsonschema-rs, and protovalidate for Python. They judge in tests; nothing depends on them.
package outside

import (
	_ "embed"
	"os/exec"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/chain/judge"
)

//go:embed outside.py
var program string

// Judges are the libraries in one process.
type Judges struct{ peer *Peer }

// Start starts the libraries. The test is skipped where they cannot be had; with CI=true it fails.
func Start(tb testing.TB) *Judges {
	tb.Helper()
	return &Judges{StartPeer(tb, "outside judges", exec.Command(services.PythonJudges(tb), "-c", program))}
}

// Error is what python-jsonschema finds wrong at one place.
type Error struct {
	Keyword string // "format date" for a format
	Path    []string
	Inside  bool // of an alternative: it alone makes nothing invalid
	Message string
}

// Answer is a verdict with its reasons.
type Answer struct {
	judge.Answer
	Errors []Error
	// Kept and Broken are the keywords that the value met, of which it was valid, or was not, at some place.
	Kept, Broken []string
}

type answers struct{ Answers []Answer }

// JSONSchema has python-jsonschema judge JSON texts by a schema of draft 2020-12, formats asserted.
func (j *Judges) JSONSchema(tb testing.TB, schema []byte, values [][]byte) []Answer {
	tb.Helper()
	var out answers
	j.peer.Ask(tb, map[string]any{"Op": "jsonschema", "Schema": schema, "Values": values}, &out)
	return out.Answers
}

// Declare gives protovalidate the messages to judge by, in place of those it had.
func (j *Judges) Declare(tb testing.TB, files *descriptorpb.FileDescriptorSet) {
	tb.Helper()
	b, err := proto.Marshal(files)
	if err != nil {
		tb.Fatal(err)
	}
	j.peer.Ask(tb, map[string]any{"Op": "declare", "Files": b}, &struct{}{})
}

// Protovalidate has protovalidate judge messages in their binary form.
func (j *Judges) Protovalidate(tb testing.TB, message string, values [][]byte) []Answer {
	tb.Helper()
	var out answers
	j.peer.Ask(tb, map[string]any{"Op": "protovalidate", "Message": message, "Values": values}, &out)
	return out.Answers
}

// Pair are two JSON Schemas of which the question is whether the first admits all that the second does.
type Pair [2]string

// Covers has jsonschema-rs say, for each pair, "yes", "no", "unknown", or "failed: " and why.
func (j *Judges) Covers(tb testing.TB, pairs []Pair) []string {
	tb.Helper()
	var out struct{ Covers []string }
	j.peer.Ask(tb, map[string]any{"Op": "covers", "Pairs": pairs}, &out)
	return out.Covers
}
