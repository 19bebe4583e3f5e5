package prometheus_test

import (
	"testing"

	"github.com/omninode/trestle/tools/gen/internal/goldentest"
	"github.com/omninode/trestle/tools/gen/prometheus"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	goldentest.OneFile(t, prometheus.Path, prometheus.Generate)
}
