package grafana_test

import (
	"testing"

	"github.com/omninode/trestle/tools/gen/grafana"
	"github.com/omninode/trestle/tools/gen/internal/goldentest"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	goldentest.OneFile(t, grafana.Path, grafana.Generate)
}
