package gentest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	objectsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/objects/want/acme/objects/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
)

// faultsAt returns the paths of the faults of one rule.
func faultsAt(r *jsonio.Reader, rule string) []string {
	var paths []string
	for _, f := range r.Faults() {
		if f.Rule == rule {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// TestRequiredMayBeNull: a property that is required and may be null must be there, null is a value, and it is written.
func TestRequiredMayBeNull(t *testing.T) {
	t.Parallel()
	read := func(text string) (*objectsv1.OrderPlaced, []string) {
		r := jsonio.NewReader([]byte(text))
		var o objectsv1.OrderPlaced
		o.DecodeJSON(r)
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		return &o, faultsAt(r, "required")
	}
	const rest = `"order_id":"ord_1","state":"new","placed_at":"2025-10-16T12:34:56Z","total":5,"lines":[],"context":{}`
	if _, missing := read(`{` + rest + `}`); !cmp.Equal(missing, []string{"refund"}) {
		t.Errorf("absent: missing %v, want refund", missing)
	}
	order, missing := read(`{` + rest + `,"refund":null}`)
	if missing != nil {
		t.Errorf("null: missing %v", missing)
	}
	written, err := order.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, missing := read(string(written))
	if missing != nil || again.Refund != nil {
		t.Errorf("%s: missing %v", written, missing)
	}
}

// TestAbsentNullAndZero: where the schema has all three, each is read as what it is and written as it was. A value that is
// set is no longer null.
func TestAbsentNullAndZero(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"city":"Bonn"}`, `{"city":"Bonn","floor":null}`, `{"city":"Bonn","floor":0}`, `{"city":"Bonn","floor":2}`,
		`{"city":"Bonn","note":null}`, `{"city":"Bonn","note":""}`, `{"city":"Bonn","floor":null,"note":null}`,
	} {
		r := jsonio.NewReader([]byte(text))
		x := leftv1.Stop{Floor: new(int64(7)), Note: `"old"`}
		x.DecodeJSON(r)
		if err := r.Err(); err != nil || len(r.Faults()) > 0 {
			t.Fatal(err, r.Faults())
		}
		x.Left = nil
		if !strings.Contains(text, "floor") {
			x.Floor = nil // kept, as what an object lacks is
		}
		if !strings.Contains(text, "note") {
			x.Note = ""
		}
		written, err := x.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(written) != text {
			t.Errorf("%s is written as %s", text, written)
		}
	}
	x := leftv1.Stop{City: "Bonn", Nulls: jsonio.Names{"floor"}, Floor: new(int64(1))}
	if written, err := x.AppendJSON(nil); err != nil || string(written) != `{"city":"Bonn","floor":1}` {
		t.Errorf("%s, %v", written, err)
	}
}

// TestOneMemberOfAOneof: two members with values are a fault, a null beside one is not.
func TestOneMemberOfAOneof(t *testing.T) {
	t.Parallel()
	field := func(text string) []string {
		r := jsonio.NewReader([]byte(text))
		var c rulesv1.Containers
		c.DecodeJSON(r)
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		return faultsAt(r, "oneof")
	}
	for text, want := range map[string][]string{
		`{"name":"a"}`:                       nil,
		`{"name":null,"number":1}`:           nil,
		`{"name":"a","number":1}`:            {"number"},
		`{"piece":{},"name":"a","number":1}`: {"name", "number"},
	} {
		if diff := cmp.Diff(want, field(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
