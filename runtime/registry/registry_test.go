package registry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/runtime/event"
)

func TestSubjectName(t *testing.T) {
	t.Parallel()
	one := &event.TopicInfo{Name: "orders", EventTypes: []string{"Placed"}}
	many := &event.TopicInfo{Name: "orders", EventTypes: []string{"Cancelled", "Placed"}}
	if got, want := SubjectName(one, "Placed"), "orders-value"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := SubjectName(many, "Placed"), "orders-Placed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSubjectStrategies(t *testing.T) {
	t.Parallel()
	placed := &event.EventInfo{Type: "Placed", FullName: "shop.v1.Placed", Topic: &event.TopicInfo{Name: "orders", EventTypes: []string{"Cancelled", "Placed"}}}
	for strategy, want := range map[SubjectStrategy]string{
		"": "orders-Placed", TopicNameStrategy: "orders-value", RecordNameStrategy: "shop.v1.Placed", TopicRecordNameStrategy: "orders-shop.v1.Placed",
	} {
		if got := strategy.Subject(placed); got != want || strategy.Validate() != nil {
			t.Errorf("%s: got %s, want %s; %v", strategy, got, want, strategy.Validate())
		}
	}
	if err := SubjectStrategy("topic").Validate(); err == nil {
		t.Error("there is no such strategy")
	}
}

func TestReferencesFirst(t *testing.T) {
	t.Parallel()
	ref := func(names ...string) (out []Reference) {
		for _, n := range names {
			out = append(out, Reference{Name: n, Subject: n})
		}
		return out
	}
	got, err := referencesFirst([]Subject{{Name: "a", References: ref("c", "b")}, {Name: "b", References: ref("c")}, {Name: "c", References: ref("elsewhere")}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range got {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"c", "b", "a"}, names); diff != "" {
		t.Fatal(diff)
	}
	for name, subjects := range map[string][]Subject{
		"cycle": {{Name: "a", References: ref("b")}, {Name: "b", References: ref("a")}},
		"twice": {{Name: "a"}, {Name: "a"}},
	} {
		if _, err := referencesFirst(subjects); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
