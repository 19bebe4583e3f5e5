package event_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
)

func TestViolationsRenderOnOneLine(t *testing.T) {
	t.Parallel()
	var inner, v event.Violations
	inner.Add("port", "int64.gte", "must be greater than or equal to 1", 0)
	inner.Add(`labels["a"]`, "string.min_len", "must be at least 1 character", "")
	inner.Add("", "cel", "must make sense", nil)
	v.Add("name", "required", "value is required", nil)
	v.Nested("services[2]", inner.Err("test.Service"))
	v.Nested("other", errors.New("broke"))
	v.Nested("fine", nil)
	want := `test.Event: name: value is required [required]; services[2].port: must be greater than or equal to 1, got 0 [int64.gte]; ` +
		`services[2].labels["a"]: must be at least 1 character, got "" [string.min_len]; services[2]: must make sense [cel]; other: broke`
	if err := v.Err("test.Event"); err == nil || err.Error() != want {
		t.Errorf("error = %v\nwant %s", err, want)
	}
	if len(v.List()) != 5 {
		t.Errorf("%d violations", len(v.List()))
	}
}

func TestViolationsNoneIsNil(t *testing.T) {
	t.Parallel()
	var v event.Violations
	if err := v.Err("test.Event"); err != nil {
		t.Errorf("error = %v", err)
	}
}

func TestViolationFoundIsJSONOfBoundedLength(t *testing.T) {
	t.Parallel()
	var v event.Violations
	for _, found := range []any{nil, "a\n\"b\"", 1.0, int64(9007199254740993), true, []string{"a"}, strings.Repeat("é", 100)} {
		v.Add("x", "r", "m", found)
	}
	var got []string
	for _, violation := range v.List() {
		got = append(got, violation.Found)
	}
	want := []string{"", `"a\n\"b\""`, "1.0", "9007199254740993", "true", `["a"]`, `"` + strings.Repeat("é", 31) + "…"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// TestUnfaulted leaves out what is wrong at a place that could not be read, however that is written.
func TestUnfaulted(t *testing.T) {
	t.Parallel()
	var found event.Violations
	found.Add("d[0].k", "maximum", "must be at most 1", 2)
	found.Add("d[0].kk", "maximum", "must be at most 1", 2)
	found.Add(`e["x y"].n`, "maximum", "must be at most 1", 2)
	var all event.Violations
	all.AddUnfaulted(found.Err("A"), []jsonio.Fault{{Path: `d[0]["k"]`}, {Path: `e["x y"]`}})
	if list := all.List(); len(list) != 1 || list[0].Path != "d[0].kk" {
		t.Errorf("got %v", list)
	}
	if !found.Has(`d[0]["k"]`, "maximum") || found.Has(`d[0]["k"]`, "minimum") {
		t.Error("an entry of a map is not known by its other name")
	}
}
