package gentest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	runtime "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	agingv1 "github.com/omninode/trestle/tools/gen/golang/testdata/aging/want/acme/aging/v1"
	wornv1 "github.com/omninode/trestle/tools/gen/golang/testdata/aging/want/acme/worn/v1"
)

// TestDeprecatedFields reads events as a consumer does, defaults filled in, and asks which deprecated fields they have.
func TestDeprecatedFields(t *testing.T) {
	t.Parallel()
	lamp := func() runtime.Event { return new(agingv1.LampSeen) }
	chair := func() runtime.Event { return new(wornv1.ChairSeen) }
	for _, c := range []struct {
		name, payload string
		event         func() runtime.Event
		want          string // last elements of the fields' names
	}{
		{"a required one is always there", `{"lamp":"a","place":"b"}`, lamp, "place"},
		{"defaults are no use", `{"lamp":"a","place":"b","color":"white","extra":{},"tags":[],"parts":[{"name":"a"},{"name":"b","maker":"acme"}]}`, lamp, "place"},
		{"other values are", `{"lamp":"a","place":"b","color":"red","extra":{"a":1},"tags":["a"],"hours":0,"image":"YQ=="}`, lamp, "tags color hours image extra place"},
		{"in lists, maps and objects", `{"lamp":"a","place":"b","parts":[{"name":"a","maker":"x"}],"spares":{"s":{"name":"a","maker":"y"}},"bulb":{"name":"b","maker":"z"}}`, lamp, "maker maker maker place"},
		{"in the member of a union", `{"lamp":"a","place":"b","state":{"kind":"lit","watts":3}}`, lamp, "watts place"},
		{"not in the other", `{"lamp":"a","place":"b","state":{"kind":"dark"}}`, lamp, "place"},
		{"a time that is filled in is not told from one that was sent", `{"lamp":"a","place":"b","seen":"2025-10-16T12:34:56Z"}`, lamp, "place"},
		{"null", `{"chair":"a","age":null,"place":null}`, chair, ""},
		{"none", `{"chair":"a"}`, chair, ""},
		{"defaults are no use", `{"chair":"a","wood":"oak","age":3,"image":"none","extra":{},"leg":{},"legs":[{"maker":"acme"}]}`, chair, ""},
		{"other values are", `{"chair":"a","place":"b","wood":"elm","age":0,"image":"","tags":["a"],"extra":{"a":1},"cloth":""}`, chair, "place wood age image tags extra cloth"},
		{"at any depth", `{"chair":"a","leg":{"foot":{"foot":{"maker":"x"}}},"legs":[{"maker":"y"}],"spares":{"s":{"maker":"z"}},"leather":{"maker":"w"}}`, chair, "maker maker maker maker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := c.event()
			e.DecodeJSON(jsonio.NewReader([]byte(c.payload)))
			e.SetDefaults(time.Now())
			var got []string
			for _, name := range e.(interface{ DeprecatedFields([]string) []string }).DeprecatedFields(nil) {
				if !strings.HasPrefix(name, "acme.") {
					t.Errorf("%s is no full name", name)
				}
				got = append(got, name[strings.LastIndexByte(name, '.')+1:])
			}
			if diff := cmp.Diff(strings.Fields(c.want), slices.Clip(got), cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSchemaVersionOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event runtime.Event
		own   string
	}{{new(agingv1.LampSeen), "2.1"}, {new(wornv1.ChairSeen), "1.4"}} {
		info := c.event.EventInfo()
		if info.SchemaVersion != c.own {
			t.Errorf("%s: version %q, want %q", info.Type, info.SchemaVersion, c.own)
		}
		if got := info.VersionOf(c.event); got != "" {
			t.Errorf("%s: an event without one has version %q", info.Type, got)
		}
		c.event.DecodeJSON(jsonio.NewReader([]byte(`{"schema_version":"7.0"}`)))
		if got := info.VersionOf(c.event); got != "7.0" {
			t.Errorf("%s: an event of 7.0 has version %q", info.Type, got)
		}
	}
}
