package services

import (
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// AsyncAPIParser is the npm package that checks AsyncAPI documents, to be given
// to [Node].
const AsyncAPIParser = artefact.AsyncAPIParser

// ConfluentRegistry is the npm package of Confluent's serializers and
// deserializers, to be given to [Node].
const ConfluentRegistry = artefact.ConfluentRegistry

// Node returns a folder in which node finds the given npm packages, each named
// with its version. All tests share it, so write nothing into it.
func Node(tb testing.TB, packages ...string) string {
	tb.Helper()
	return obtain(tb, "Node.js", func() (string, error) { return artefact.Node(packages...) })
}
