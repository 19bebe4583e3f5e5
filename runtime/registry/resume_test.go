package registry

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// forest is a set of n subjects in three levels: topics' subjects refer to parts, and those to what all of them refer to.
func forest(n int, edit string) []Subject {
	out := []Subject{{Name: "base", Type: JSON, Schema: fmt.Sprintf(`{"title":"base","description":%q}`, edit)}}
	for i := 1; i < n; i++ {
		s := Subject{Name: fmt.Sprintf("topic-%03d-value", i), Type: JSON, Schema: fmt.Sprintf(`{"title":"%d"}`, i)}
		refer := func(to string) { s.References = append(s.References, Reference{Name: to + ".json", Subject: to}) }
		if i <= n/5 {
			s.Name = fmt.Sprintf("part-%03d", i)
			refer("base")
		} else {
			refer(fmt.Sprintf("part-%03d", 1+i%(n/5)))
			refer(fmt.Sprintf("part-%03d", 1+(i+1)%(n/5)))
		}
		out = append(out, s)
	}
	slices.Reverse(out) // the order is for the plan to find
	return out
}

// writesOf are the requests that changed something, or were to.
func writesOf(requests []string) []string {
	return slices.DeleteFunc(requests, func(r string) bool {
		return !strings.HasPrefix(r, "PUT ") && !(strings.HasPrefix(r, "POST /subjects/") && strings.HasSuffix(r, "/versions"))
	})
}

// apply brings subjects to a registry, and returns the requests that it took.
func (f *faulty) apply(t *testing.T, subjects []Subject) ([]string, error) {
	t.Helper()
	f.fail(f.from, f.until, f.fault)
	c := f.client(t)
	plan, err := c.Plan(t.Context(), subjects)
	if err == nil {
		err = c.Apply(t.Context(), plan)
	}
	requests, _ := f.seen()
	return requests, err
}

// TestManySubjects registers 500 subjects in three levels, again, and with an edit at the bottom, on which all others stand.
func TestManySubjects(t *testing.T) {
	t.Parallel()
	const n = 500
	f := newFaulty(t)
	requests, err := f.apply(t, forest(n, ""))
	if err != nil {
		t.Fatal(err)
	}
	if writes := writesOf(requests); len(writes) != 2*n { // a schema and a level each
		t.Errorf("%d writes for %d subjects", len(writes), n)
	}
	// The dev registry refuses a reference to what is not there, so that their order has shown itself.
	for range 2 {
		if requests, err = f.apply(t, forest(n, "")); err != nil {
			t.Fatal(err)
		}
		if writes := writesOf(slices.Clone(requests)); len(writes) != 0 {
			t.Errorf("again, it writes %v", writes)
		}
		if len(requests) > 2*n {
			t.Errorf("again, it takes %d requests for %d subjects", len(requests), n)
		}
	}
	if requests, err = f.apply(t, forest(n, "edited")); err != nil {
		t.Fatal(err)
	}
	if writes := writesOf(requests); len(writes) != n { // the levels are there
		t.Errorf("%d writes for %d subjects after an edit of what all stand on", len(writes), n)
	}
	if requests, err = f.apply(t, forest(n, "edited")); err != nil || len(writesOf(requests)) != 0 {
		t.Errorf("after the edit: %v, %v", requests, err)
	}
}

// TestResumed interrupts a registration of three levels at requests: each of a small one, and some of 500. The next one does what is left, and no more.
func TestResumed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ subjects, stride int }{{10, 1}, {500, 997}} {
		whole := newFaulty(t)
		var steps [2][]string // of the first registration, and of that of an edit
		for i, edit := range []string{"", "edited"} {
			var err error
			if steps[i], err = whole.apply(t, forest(c.subjects, edit)); err != nil {
				t.Fatal(err)
			}
		}
		want := whole.state(forest(c.subjects, ""))
		for i, edit := range []string{"", "edited"} {
			for n := 0; n < len(steps[i]); n += c.stride {
				t.Run(fmt.Sprintf("%d subjects %s/%d", c.subjects, edit, n), func(t *testing.T) {
					t.Parallel()
					f := newFaulty(t)
					if edit != "" {
						if _, err := f.apply(t, forest(c.subjects, "")); err != nil {
							t.Fatal(err)
						}
					}
					f.fail(n, 1<<30, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
					before, err := f.apply(t, forest(c.subjects, edit))
					if err == nil {
						t.Fatal("it was not interrupted")
					}
					f.fail(0, 0, nil)
					after, err := f.apply(t, forest(c.subjects, edit))
					if err != nil {
						t.Fatal(err)
					}
					if done, rest, all := len(writesOf(before[:n])), len(writesOf(after)), len(writesOf(slices.Clone(steps[i]))); done+rest != all {
						t.Errorf("%d writes before the interruption and %d after it, of %d", done, rest, all)
					}
					if edit == "" {
						if _, err := f.apply(t, forest(c.subjects, "edited")); err != nil {
							t.Fatal(err)
						}
					}
					if got := f.state(forest(c.subjects, "")); got != want {
						t.Error("it ended elsewhere than without an interruption")
					}
				})
			}
		}
	}
}
