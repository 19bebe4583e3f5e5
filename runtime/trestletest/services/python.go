package services

import (
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// Python returns the path of the python command of a virtual environment with
// aiokafka 0.14, pydantic 2.14, confluent-kafka 2.16, asyncpg 0.32, cryptography 50 and jsonschema
// 4.23, protovalidate 2.1 with protobuf 7.36, and mypy, ruff and hatchling to check and build packages. All tests
// share it, so install nothing into it. Run modules with -m: the environment's
// scripts do not work.
func Python(tb testing.TB) string {
	tb.Helper()
	return obtain(tb, "Python", artefact.Python)
}

// PythonJudges returns the path of the python command of a virtual environment
// with what others say of the same schemas: jsonschema 4.23 with all its formats,
// jsonschema-rs 0.61, and protovalidate 2.1 with protobuf 7.36. What [Python] says
// of it holds for it too.
func PythonJudges(tb testing.TB) string {
	tb.Helper()
	return obtain(tb, "Python judges", artefact.PythonJudges)
}

// PythonConfluent returns the python command of a virtual environment with
// confluent-kafka 2.16, its serializers and deserializers, and what these need for
// JSON Schema, protobuf and encryption. What [Python] says of it holds for it too.
func PythonConfluent(tb testing.TB) string {
	tb.Helper()
	return obtain(tb, "Confluent's Python client", artefact.PythonConfluent)
}

// PythonWheels returns a folder with the packages of [Python] as wheels. Another
// environment can be made from them without network, with pip's --no-index and
// --find-links.
func PythonWheels(tb testing.TB) string {
	tb.Helper()
	return artefact.WheelsOf(Python(tb))
}
