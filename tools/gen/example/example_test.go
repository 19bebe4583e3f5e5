package example_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden file")

func loadSet(t *testing.T, dir ...string) (*schema.Set, *example.Maker) {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(dir...)))
	if err != nil {
		t.Fatal(err)
	}
	m := example.New(set)
	return set, m
}

// TestReadable decodes the example of each event of this project with the generated types and validates it.
func TestReadable(t *testing.T) {
	t.Parallel()
	set, m := loadSet(t, "..", "..", "..", "schemas")
	infos := map[string]*event.EventInfo{}
	for _, info := range append(codegenv1.Events(), hooksv1.Events()...) {
		infos[info.Type] = info
	}
	for _, e := range set.Events() {
		text := m.Record(e)
		if text == nil {
			t.Errorf("%s has no example", e.Type)
			continue
		}
		if again := m.Record(e); !bytes.Equal(text, again) {
			t.Errorf("%s has another example the second time", e.Type)
		}
		check(t, infos[e.Type], text)
	}
}

func check(t *testing.T, info *event.EventInfo, text []byte) {
	t.Helper()
	record := event.Record{Topic: "any", Value: text, Timestamp: time.Now()}
	record.Headers = []event.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}} // a dead letter does not say it itself
	decoded, err := event.Decode(&record, event.NewTypes(info), event.DecodeOptions{StrictTime: true})
	if err != nil {
		t.Errorf("%s: %v\n%s", info.Type, err, text)
		return
	}
	if err := decoded.Event.Validate(); err != nil {
		t.Errorf("%s: %v\n%s", info.Type, err, text)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	set, m := loadSet(t, "testdata", "hard")
	got := map[string]json.RawMessage{}
	for _, e := range set.Events() {
		got[e.Type] = m.Record(e)
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "hard.golden.json")
	if *update {
		if err := os.WriteFile(golden, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)+"\n"); diff != "" {
		t.Errorf("not as in %s, -want +got:\n%s", golden, diff)
	}
}
