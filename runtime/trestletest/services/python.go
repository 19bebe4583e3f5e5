package services

import (
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// Python returns the path of the python command of a virtual environment with
// aiokafka 0.14, pydantic 2.14, confluent-kafka 2.16, asyncpg 0.32 and jsonschema
// 4.23, and with mypy, ruff and hatchling to check and build packages. All tests
// share it, so install nothing into it. Run modules with -m: the environment's
// scripts do not work.
func Python(tb testing.TB) string {
	tb.Helper()
	return obtain(tb, "Python", artefact.Python)
}

// PythonWheels returns a folder with the packages of [Python] as wheels. Another
// environment can be made from them without network, with pip's --no-index and
// --find-links.
func PythonWheels(tb testing.TB) string {
	tb.Helper()
	return artefact.WheelsOf(Python(tb))
}
