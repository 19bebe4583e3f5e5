package bench

import (
	"errors"
	"math"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	peersv1 "github.com/omninode/trestle/tools/gen/golang/testdata/peers/want/acme/peers/v1"
)

// TestHandwritten holds what is written by hand to what is generated: the same rules at the same places, in the same
// words.
func TestHandwritten(t *testing.T) {
	t.Parallel()
	valid, _ := analysis()
	broken, _ := invalidAnalysis()
	same(t, valid, checkAnalysis, 0)
	same(t, broken, checkAnalysis, 4)
	same(t, new(codegenv1.CodegenAnalysisRequest), checkAnalysis, 3)

	same(t, status(), checkStatus, 0)
	same(t, invalidStatus(), checkStatus, 1)
	same(t, new(codegenv1.CodegenStatusEvent), checkStatus, 4)
	same(t, &codegenv1.CodegenStatusEvent{SessionId: strings.Repeat("-", 36), Status: 99, ProgressPercentage: new(math.NaN())}, checkStatus, 4)

	same(t, started(), checkStarted, 0)
	same(t, invalidStarted(), checkStarted, 3)
	same(t, new(peersv1.ServiceStarted), checkStarted, 4)
	same(t, &peersv1.ServiceStarted{
		ServiceInfo: &peersv1.ServiceInfo{}, StartupDurationMs: -1,
		InitializationSteps: []*peersv1.Step{{}, {Name: "a", Status: "success", DurationMs: math.Inf(-1)}},
	}, checkStarted, 11)
}

func same[E interface{ Validate() error }](t *testing.T, event E, byHand func(E) error, violations int) {
	t.Helper()
	want, got := found(t, event.Validate()), found(t, byHand(event))
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(trestle.Violation{}, "RulePath", "Found")); diff != "" {
		t.Errorf("(-generated +by hand):\n%s", diff)
	}
	if len(got) != violations {
		t.Errorf("%d violations, want %d", len(got), violations)
	}
}

func found(t *testing.T, err error) []trestle.Violation {
	t.Helper()
	invalid, ok := errors.AsType[*trestle.ValidationError](err)
	if !ok && err != nil {
		t.Fatal(err)
	}
	if !ok {
		return nil
	}
	return invalid.Violations
}
