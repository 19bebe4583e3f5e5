package services

import (
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// Python returns the path of the python command of a virtual environment with
// aiokafka 0.14, pydantic 2.14, confluent-kafka 2.16 and asyncpg 0.32. All tests
// share it, so install nothing into it. Run modules with -m: the environment's
// scripts do not work.
func Python(tb testing.TB) string {
	tb.Helper()
	return obtain(tb, "Python", artefact.Python)
}
