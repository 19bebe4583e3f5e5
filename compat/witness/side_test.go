package witness

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// TestOwnEvents holds that each side takes the smallest and the full event of every event type, and keeps all of it:
// without that, no search could begin.
func TestOwnEvents(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "..", "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	f := NewFinder(set, set, nil)
	for _, e := range set.Events() {
		s, err := f.side(set, e.Message)
		if err != nil {
			t.Errorf("%s: %v", e.Type, err)
			continue
		}
		small := f.builder.Smallest(e.Message)
		if small == nil {
			t.Errorf("%s has no smallest event", e.Type)
			continue
		}
		for name, event := range map[string]map[string]any{"smallest": small, "full": f.builder.Full(e.Message)} {
			text, err := values.Render(e.Message, event)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := s.read(event)
			if err != nil {
				t.Errorf("%s: %s event %s is rejected: %v", e.Type, name, text, err)
				continue
			}
			if !covers(kept, event) {
				t.Errorf("%s: %s event %s: only %v was kept", e.Type, name, text, kept)
			}
			if !s.binary() {
				continue
			}
			data, err := s.write(event)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.readBytes(data)
			if err != nil {
				t.Errorf("%s: %s event does not come back from its bytes: %v", e.Type, name, err)
			}
			if diff := cmp.Diff(kept, again); diff != "" {
				t.Errorf("%s: %s event differs after its bytes (-json +protobuf):\n%s", e.Type, name, diff)
			}
		}
	}
}

// TestRecursive holds that messages which hold themselves end, and that one which requires itself has no event.
func TestRecursive(t *testing.T) {
	t.Parallel()
	list := &schema.Message{FullName: "List"}
	list.Fields = []*schema.Field{
		{JSONName: "items", Required: true, Explicit: true, Type: &schema.Type{Kind: schema.List, Elem: &schema.Type{Kind: schema.MessageKind, Message: list}}},
		{JSONName: "name", Required: true, Explicit: true, Type: &schema.Type{Kind: schema.String}},
	}
	b := values.NewMaker()
	want := map[string]any{"items": []any{}, "name": "a"}
	if diff := cmp.Diff(want, b.Smallest(list)); diff != "" {
		t.Errorf("smallest differs (-want +got):\n%s", diff)
	}
	self := &schema.Message{FullName: "Self"}
	self.Fields = []*schema.Field{
		{JSONName: "self", Required: true, Explicit: true, Type: &schema.Type{Kind: schema.MessageKind, Message: self}},
	}
	if got := b.Smallest(self); got != nil {
		t.Errorf("got %v of a message that requires itself", got)
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cause, field string
		inner, want  bool
	}{
		{"limit: too large", "limit", false, true},
		{"rate_limit: too large", "limit", false, false},
		{"limits: too large", "limit", false, false},
		{"tags[0]: too short", "tags", false, false},
		{"tags[0]: too short", "tags", true, true},
		{"tags.0: too short", "tags", true, true},
		{"tags: too many", "tags", true, false},
		{"service.port: too large", "port", false, true},
		{"missing property 'note'", "note", false, true},
		{"rate_limit and limit", "limit", false, true},
		{"anything", "", false, false},
	} {
		if got := mentions(tt.cause, tt.field, tt.inner); got != tt.want {
			t.Errorf("%q, %q, %v: got %v", tt.cause, tt.field, tt.inner, got)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1", "1.0", true}, {"1", "2", false}, {"1", `"1"`, false}, {"[1,2]", "[1.0,2]", true}, {"[1]", "[1,2]", false},
		{`{"a":1}`, `{"a":1}`, true}, {`{"a":1}`, `{"a":1,"b":2}`, false}, {"true", "true", true}, {"true", "1", false},
	} {
		a, err := parse([]byte(tt.a))
		if err != nil {
			t.Fatal(err)
		}
		b, err := parse([]byte(tt.b))
		if err != nil {
			t.Fatal(err)
		}
		if got := equal(a, b); got != tt.want {
			t.Errorf("%s and %s: got %v", tt.a, tt.b, got)
		}
	}
}
