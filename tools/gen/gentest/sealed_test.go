package gentest

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	ledgerv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/ledger/v1"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
	"github.com/omninode/trestle/tools/load"
)

// TestSealedInfo has generated events and those by schema say the same of how they are encrypted, and of whom they are about.
func TestSealedInfo(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "golang", "testdata", "sealed", "in")))
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string]*trestle.EventInfo{}
	for _, info := range event.Events(set) {
		byType[info.Type] = info
	}
	subjects := map[string]map[string]string{
		"PatientAdmitted": {`{}`: "", `{"patient":{}}`: "", `{"patient":{"who":{}}}`: "", `{"patient":{"who":{"id":"p1"}}}`: "p1"},
		"PatientStored":   {`{}`: "", `{"person":"p2"}`: "p2"},
		"account.charged": {`{}`: "", `{"holder":{}}`: "", `{"holder":{"id":"h1"}}`: "h1"},
	}
	for _, generated := range slices.Concat(sealedv1.Events(), ledgerv1.Events()) {
		dynamic := byType[generated.Type]
		if diff := cmp.Diff(generated.SealedKeys, dynamic.SealedKeys); diff != "" || len(generated.SealedKeys) != 2 {
			t.Errorf("%s: %v (-generated +by schema):\n%s", generated.Type, generated.SealedKeys, diff)
		}
		for name, mask := range dynamic.Masks {
			if diff := cmp.Diff(generated.Masks[name], mask); diff != "" {
				t.Errorf("%s: %s (-generated +by schema):\n%s", generated.Type, name, diff)
			}
		}
		for text, want := range subjects[generated.Type] {
			for _, info := range []*trestle.EventInfo{generated, dynamic} {
				e := info.New()
				e.DecodeJSON(jsonio.NewReader([]byte(text)))
				e.SetDefaults(time.Now())
				if got := info.DataSubject(e); got != want {
					t.Errorf("%s of %s is about %q, not %q (%T)", text, info.Type, got, want, e)
				}
			}
		}
	}
}
