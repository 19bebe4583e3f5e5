package integration_test

import (
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestMain runs the tests, or is the consumer that one of them starts as a process of its own in order to kill it.
func TestMain(m *testing.M) {
	if group := os.Getenv(childGroup); group != "" {
		os.Exit(consumeAsChild(group))
	}
	status := services.Main(m)
	trestleCommand.remove()
	os.Exit(status)
}
