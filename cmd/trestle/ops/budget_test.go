package ops

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// manyTopics are a project of so many events, each on a topic of its own, ten to a package. What edit is comes into each.
func manyTopics(events int, edit string) map[string]string {
	files := map[string]string{"trestle.yaml": "go_import: example.org/gen\n"}
	for i := 0; i < events; i += 10 {
		name := fmt.Sprintf("big%d", i)
		files["schemas/"+name+"/v1/common.proto"] = `edition = "2023"; package ` + name + `.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE topic_settings: {partitions: 1 retention_ms: 604800000}};
`
		for j := i; j < i+10; j++ {
			files[fmt.Sprintf("schemas/%s/v1/e%d.proto", name, j)] = strings.ReplaceAll(
				eventFile(fmt.Sprintf("Event%d", j), fmt.Sprintf("%s.e%d", name, j), "", edit), "package shop.v1", "package "+name+".v1")
		}
	}
	return files
}

const (
	kafkaBudget   = 10 // requests of a plan to brokers, all told, without those that open a connection
	subjectBudget = 2  // to the registry, a subject
	fewRequests   = 5  // to the registry besides: whether it lets the client in, the list of subjects, the global level
)

// A plan of a thousand topics and subjects asks brokers ten times at most, and the registry twice for each subject: in an empty place, in one that is as
// declared, and where every topic differs, or every schema; once more where schemas change at a level that is named.
func TestPlanBudget(t *testing.T) {
	t.Parallel()
	const many, added = 1000, "\n  // More.\n  string more = 2;"
	for name, c := range map[string]struct {
		events int
		was    []Environment // what was applied before, one after the other
		env    Environment
		edit   string
		// each is how often the registry is asked for a subject at most.
		each int
	}{
		"empty":       {events: many, each: 1},
		"as declared": {events: 100, was: []Environment{{}}, each: 1},
		"every topic has other settings, and no subject another level": {
			events: many, was: []Environment{{Compatibility: "FULL"}}, env: Environment{Compatibility: "FULL", Topics: overlaid(many)}, each: subjectBudget,
		},
		"changed":                        {events: 100, was: []Environment{{}}, edit: added, each: subjectBudget},
		"changed, and the level with it": {events: 100, was: []Environment{{}}, env: Environment{Compatibility: "FULL"}, edit: added, each: subjectBudget},
		// It is asked for the level, and then judges by it.
		"changed, at a level": {events: 100, was: []Environment{{Compatibility: "FULL"}}, env: Environment{Compatibility: "FULL"}, edit: added, each: subjectBudget + 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, 3)
			at := func(env Environment) Environment {
				env.Brokers, env.Registry = p.cluster.ListenAddrs(), p.web.URL
				return env
			}
			for _, env := range c.was {
				brought(t, projectOf(t, manyTopics(c.events, "")), at(env))
			}
			p.heal()
			plan := planned(t, projectOf(t, manyTopics(c.events, c.edit)), at(c.env))
			subjects := len(plan.Subjects().Subjects)
			if subjects < c.events || len(plan.Topics().Topics) != c.events {
				t.Fatalf("%d subjects and %d topics in the plan, want %d", subjects, len(plan.Topics().Topics), c.events)
			}
			t.Logf("%d requests to brokers, %d to the registry, %d subjects", p.counts["kafka"], p.counts["registry"], subjects)
			if got := p.counts["kafka"]; got > kafkaBudget {
				t.Errorf("brokers were asked %d times, want %d at most", got, kafkaBudget)
			}
			if got, most := p.counts["registry"], c.each*subjects+fewRequests; got > most {
				t.Errorf("the registry was asked %d times for %d subjects, want %d at most", got, subjects, most)
			}
		})
	}
}

// overlaid has each topic of [manyTopics] get more partitions and keep its records for longer.
func overlaid(events int) map[string]TopicSettings {
	out := map[string]TopicSettings{}
	for i := range events {
		out[fmt.Sprintf("big%d.e%d", i/10*10, i)] = TopicSettings{Partitions: 2, RetentionMS: 700000000}
	}
	return out
}

// BenchmarkPlan plans 1,000 topics and subjects in turns with 500 that are as declared: time is linear when the ratio is 2.
func BenchmarkPlan(b *testing.B) {
	took := map[int]time.Duration{}
	plans := map[int]func(){}
	for _, events := range []int{500, 1000} {
		p, project := newPlace(b, 1), projectOf(b, manyTopics(events, ""))
		env := p.environment("")
		brought(b, project, env)
		plans[events] = func() {
			began := time.Now()
			planned(b, project, env)
			took[events] += time.Since(began)
		}
	}
	for b.Loop() {
		for _, plan := range plans {
			plan()
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[1000])/float64(took[500]), "times-500-topics")
	b.ReportMetric(took[1000].Seconds()*1000/float64(b.N), "ms-1000-topics")
}
