package event_test

import (
	"errors"
	"path/filepath"
	"testing"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	knownv1 "github.com/omninode/trestle/tools/gen/golang/testdata/known/want/acme/known/v1"
	"github.com/omninode/trestle/tools/load"
)

// TestTimesAreValidatedAsWritten publishes events with times to the nanosecond, which JSON has to the microsecond: they are valid if their
// readers will say so.
func TestTimesAreValidatedAsWritten(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(root, "tools/gen/golang/testdata/known/in")))
	if err != nil {
		t.Fatal(err)
	}
	for kind, infos := range map[string][]*trestle.EventInfo{"generated": knownv1.Events(), "by schema": event.Events(set)} {
		types := trestle.NewTypes(infos...)
		for name, tc := range map[string]struct{ payload, written string }{
			"later than 100 s by less than a microsecond":              {`{"times":{"a":"1970-01-01T00:01:40.0000009Z"}}`, ""},
			"later than 100 s by a microsecond":                        {`{"times":{"a":"1970-01-01T00:01:40.0000019Z"}}`, "1970-01-01T00:01:40.000001Z"},
			"earlier than 200 s and a nanosecond once it is written":   {`{"at":"1970-01-01T00:03:20.0000005Z"}`, "1970-01-01T00:03:20Z"},
			"later than 200 s and a nanosecond, though it is written":  {`{"at":"1970-01-01T00:03:20.000001Z"}`, ""},
			"earlier than 100 s and a microsecond, and too early then": {`{"at":"1970-01-01T00:01:39.9999999Z"}`, ""},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				e, r := types.Find("acme_times_v1", "TimesKnown").New(), jsonio.NewReader([]byte(tc.payload))
				e.DecodeJSON(r)
				if r.End(); r.Err() != nil || len(r.Faults()) > 0 {
					t.Fatal(r.Err(), r.Faults())
				}
				record, err := trestle.Encode(e, nil, trestle.EncodeOptions{})
				if _, invalid := errors.AsType[*trestle.ValidationError](err); invalid != (tc.written == "") {
					t.Fatalf("got %s, %v; want it written as %q", record.Value, err, tc.written)
				}
				if tc.written == "" {
					return
				}
				if _, err := trestle.Decode(&record, types, trestle.DecodeOptions{}); err != nil {
					t.Errorf("%s: its readers say %v", record.Value, err)
				}
			})
		}
	}
}
