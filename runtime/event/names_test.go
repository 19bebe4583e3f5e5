package event_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/event"
)

func TestNames(t *testing.T) {
	t.Parallel()
	names := event.Names{
		Prefix: "staging.",
		Topics: map[string]string{"orders": "legacy_orders", "shared": "shared"},
		Groups: map[string]string{"billing": "billing-2"},
	}
	if err := names.Validate(); err != nil {
		t.Fatal(err)
	}
	for logical, want := range map[string]string{"orders": "legacy_orders", "shared": "shared", "payments": "staging.payments", "billing": "staging.billing"} {
		got, err := names.Topic(logical)
		back, ok := names.TopicOf(got)
		if err != nil || got != want || back != logical || !ok {
			t.Errorf("topic %s: %q, %v, and back %q, %v; want %q", logical, got, err, back, ok, want)
		}
	}
	for logical, want := range map[string]string{"billing": "billing-2", "orders": "staging.orders"} {
		got, err := names.Group(logical)
		back, ok := names.GroupOf(got)
		if err != nil || got != want || back != logical || !ok {
			t.Errorf("group %s: %q, %v, and back %q, %v; want %q", logical, got, err, back, ok, want)
		}
	}
	for _, physical := range []string{"payments", "staging.", "staging.orders", "production.payments", ""} {
		if got, ok := names.TopicOf(physical); ok {
			t.Errorf("%q is taken for the environment's topic %q", physical, got)
		}
	}
	info := &event.EventInfo{Type: "Paid", Topic: &event.TopicInfo{Name: "payments", DeadLetter: "payments_dlq", EventTypes: []string{"Paid"}}}
	named, err := names.Event(info)
	if err != nil || named.Topic.Name != "staging.payments" || named.Topic.DeadLetter != "staging.payments_dlq" || named.Type != "Paid" {
		t.Errorf("event: %+v, %v", named.Topic, err)
	}
	if info.Topic.Name != "payments" {
		t.Error("the description itself was changed")
	}
	group, err := names.InGroup(event.Group{Name: "billing", Topics: []string{"orders", "payments"}, Start: event.Latest})
	if err != nil || group.Name != "billing-2" || !slices.Equal(group.Topics, []string{"legacy_orders", "staging.payments"}) || group.Start != event.Latest {
		t.Errorf("group: %+v, %v", group, err)
	}
	same, err := event.Names{}.Event(info)
	if err != nil || same != info {
		t.Errorf("names that change nothing make %v, %v", same, err)
	}
}

func TestNamesRefused(t *testing.T) {
	t.Parallel()
	outright := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for name, test := range map[string]struct {
		names  event.Names
		topics []string
		want   string // empty: fine
	}{
		"prefix":          {event.Names{Prefix: "a b"}, nil, `prefix "a b"`},
		"characters":      {event.Names{Topics: outright("a", "ä")}, nil, "topic a would be"},
		"empty":           {event.Names{Topics: outright("a", "")}, nil, "topic a: its name is empty"},
		"dots":            {event.Names{Topics: outright("a", "..")}, nil, "not . or .. alone"},
		"length":          {event.Names{Prefix: strings.Repeat("p", 200)}, []string{strings.Repeat("t", 50)}, "of 250 characters"},
		"longest":         {event.Names{Prefix: strings.Repeat("p", 200)}, []string{strings.Repeat("t", 49)}, ""},
		"given twice":     {event.Names{Topics: outright("a", "x", "b", "x")}, nil, "topics a and b would both be x"},
		"given and made":  {event.Names{Prefix: "p.", Topics: outright("a", "p.b")}, []string{"a", "b"}, "topics a and b would both be p.b"},
		"given and own":   {event.Names{Topics: outright("a", "b")}, []string{"a", "b"}, "topics a and b would both be b"},
		"exchanged":       {event.Names{Topics: outright("a", "b", "b", "a")}, []string{"a", "b"}, ""},
		"dot, underscore": {event.Names{Prefix: "p.", Topics: outright("a", "p_b")}, []string{"a", "b"}, "topics a and b would be p_b and p.b: Kafka takes . and _ in names for the same"},
		"groups":          {event.Names{Groups: outright("a", "x", "b", "x")}, nil, "consumer groups a and b would both be x"},
		"a group's":       {event.Names{Groups: outright("a", "")}, nil, "consumer group a: its name is empty"},
		"a topic's group": {event.Names{Topics: outright("a", "x"), Groups: outright("b", "x")}, []string{"a"}, ""},
	} {
		err := test.names.CheckTopics(test.topics...)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := (event.Names{Prefix: "p.", Groups: map[string]string{"a": "p.b"}}).Group("b"); err == nil || !strings.Contains(err.Error(), "consumer groups a and b would both be p.b") {
		t.Errorf("a group whose name another has been given: %v", err)
	}
}
