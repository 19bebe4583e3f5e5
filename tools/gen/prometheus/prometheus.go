// Package prometheus generates rules.yaml: alerting rules for Prometheus, of every group, dead-letter topic and request that the schemas declare, and of what
// all programs measure of themselves.
//
// What `trestle monitor` measures is held to the limits that it serves beside, those of trestle.yaml. Its label `declared` has the schemas' names, so that the
// rules are the same in every environment. What programs measure of themselves is held to the guide's limits.
package prometheus

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Path is where the rules are, below the output folder.
const Path = "prometheus/rules.yaml"

type file struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations annotations       `yaml:"annotations"`
}

type annotations struct {
	Summary     string `yaml:"summary"`
	Description string `yaml:"description"`
}

// The severities.
const (
	warning  = "warning"
	critical = "critical"
)

// Generate makes the rules of a set.
func Generate(set *schema.Set) ([]output.File, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %s\n", output.Marker)
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	groups := []group{
		{"trestle-monitor", monitor()}, {"trestle-groups", consumerGroups(set)}, {"trestle-dead-letters", deadLetters(set)},
		{"trestle-requests", requests(set)}, {"trestle-programs", programs()},
	}
	groups = slices.DeleteFunc(groups, func(g group) bool { return len(g.Rules) == 0 })
	if err := encoder.Encode(file{groups}); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	return []output.File{{Path: Path, Content: text.Bytes()}}, nil
}

// above holds what a monitor measures to the limit that it serves.
func above(measure, declared string) string {
	selector := fmt.Sprintf("{measure=%q}", measure)
	if declared != "" {
		selector = fmt.Sprintf("{measure=%q,declared=%q}", measure, declared)
	}
	return "trestle_monitor_value" + selector + " > trestle_monitor_limit" + selector
}

// escaped is a text of the schemas in a label or an annotation, which Prometheus takes for templates.
func escaped(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }

func monitor() []rule {
	return []rule{
		{
			Alert: "TrestleMonitorMissing", Expr: "absent(trestle_monitor_looks_total)", For: "5m", Labels: map[string]string{"severity": critical},
			Annotations: annotations{"Nobody monitors the events", "No trestle monitor is scraped: start trestle monitor --every 30s --listen HOST:PORT."},
		},
		{
			Alert: "TrestleMonitorFails", Expr: "increase(trestle_monitor_failures_total[10m]) > 2", Labels: map[string]string{"severity": critical},
			Annotations: annotations{"The monitor can't look at the cluster", "{{ $value }} looks have failed within 10 minutes: trestle doctor says why."},
		},
		{
			Alert: "TrestleOffline", Expr: above("offline", ""), Labels: map[string]string{"severity": critical},
			Annotations: annotations{"Partitions have no leader", "{{ $value }} can be neither written nor read: trestle cluster health names them."},
		},
		{
			Alert: "TrestleUnderReplicated", Expr: above("under_replicated", ""), For: "5m", Labels: map[string]string{"severity": warning},
			Annotations: annotations{"Partitions lack replicas", "{{ $value }} have fewer replicas in sync than they should: trestle cluster health names them."},
		},
	}
}

func consumerGroups(set *schema.Set) []rule {
	var rules []rule
	for _, g := range set.Groups {
		labels := func() map[string]string {
			l := map[string]string{"severity": warning, "group": escaped(g.Name)}
			if g.Owner != "" {
				l["owner"] = escaped(g.Owner)
			}
			return l
		}
		reads := fmt.Sprintf("It reads %s: trestle groups describe %s tells which partitions, and who has them.", strings.Join(g.Topics, ", "), g.Name)
		rules = append(rules,
			rule{
				Alert: "TrestleGroupLag", Expr: above("lag", g.Name), For: "2m", Labels: labels(),
				Annotations: annotations{escaped(g.Name) + " is behind", "{{ $value }} records are not read. " + escaped(reads)},
			},
			rule{
				Alert: "TrestleGroupLate", Expr: above("lag_ms", g.Name), Labels: labels(),
				Annotations: annotations{escaped(g.Name) + " is late", escaped("The oldest record that is not read is too old. " + reads)},
			})
	}
	return rules
}

func deadLetters(set *schema.Set) []rule {
	var rules []rule
	for _, t := range set.Topics {
		if len(t.DeadLetterOf) == 0 {
			continue
		}
		var sources []string
		for _, source := range t.DeadLetterOf {
			sources = append(sources, source.Name)
		}
		slices.Sort(sources)
		of := fmt.Sprintf("They are of %s: trestle dlq stats --topic %s tells the causes.", strings.Join(sources, ", "), t.Name)
		labels := func() map[string]string { return map[string]string{"severity": warning, "topic": t.Name} }
		rules = append(rules,
			rule{
				Alert: "TrestleDeadLetters", Expr: above("dead_letters", t.Name), Labels: labels(),
				Annotations: annotations{escaped(t.Name) + " holds dead letters", "{{ $value }} are not resolved. " + escaped(of)},
			},
			rule{
				Alert: "TrestleDeadLetterRate", Expr: above("dead_letter_rate", t.Name), Labels: labels(),
				Annotations: annotations{"Too many events become dead letters on " + escaped(t.Name), "{{ $value | humanizePercentage }} do. " + escaped(of)},
			})
	}
	return rules
}

func requests(set *schema.Set) []rule {
	var rules []rule
	for _, e := range requestsOf(set) {
		labels := map[string]string{"severity": warning, "event_type": escaped(e.Type)}
		rules = append(rules, rule{
			Alert: "TrestleSlowResponses", Expr: above("response_ms", e.Type), For: "2m", Labels: labels,
			Annotations: annotations{
				escaped(e.Type) + " waits for its response",
				"95 of 100 wait up to {{ $value }} ms, and some may have no " + escaped(e.Reply.Type) + " at all: trestle trace type " + escaped(e.Type) + " shows them.",
			},
		})
	}
	return rules
}

// requestsOf are the events that have a response, by type.
func requestsOf(set *schema.Set) []*schema.Event {
	out := slices.DeleteFunc(set.Events(), func(e *schema.Event) bool { return e.Reply == nil })
	slices.SortStableFunc(out, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// programs are the rules on what publishers and consumers measure of themselves.
func programs() []rule {
	const of = "sum by (le, messaging_destination_name) "
	return []rule{
		{
			Alert: "TrestlePublishSlow", For: "5m", Labels: map[string]string{"severity": warning},
			Expr:        `histogram_quantile(0.95, ` + of + `(rate(messaging_client_operation_duration_seconds_bucket{messaging_operation_name="send"}[5m]))) > 0.1`,
			Annotations: annotations{"Publishing to {{ $labels.messaging_destination_name }} is slow", "95 of 100 events take up to {{ $value }} s; the limit is 0.1."},
		},
		{
			Alert: "TrestleHandlerSlow", For: "5m", Labels: map[string]string{"severity": warning},
			Expr: "histogram_quantile(0.95, sum by (le, messaging_destination_name, messaging_consumer_group_name) " +
				"(rate(messaging_process_duration_seconds_bucket[5m]))) > 5",
			Annotations: annotations{
				"{{ $labels.messaging_consumer_group_name }} is slow with {{ $labels.messaging_destination_name }}",
				"95 of 100 events take up to {{ $value }} s; the limit is 5.",
			},
		},
		{
			Alert: "TrestleTopicWaits", For: "2m", Labels: map[string]string{"severity": critical},
			Expr: "max by (messaging_destination_name, messaging_consumer_group_name) (trestle_consumer_breaker_open_ratio) > 0",
			Annotations: annotations{
				"{{ $labels.messaging_consumer_group_name }} waits with {{ $labels.messaging_destination_name }}",
				"Its handlers fail as in an outage: see what they depend on. Nothing is dead-lettered meanwhile.",
			},
		},
		{
			Alert: "TrestleDeadLetterRefused", For: "2m", Labels: map[string]string{"severity": critical},
			Expr: "sum by (messaging_destination_name, messaging_consumer_group_name) (trestle_consumer_refused_dead_letters) > 0",
			Annotations: annotations{
				"{{ $labels.messaging_consumer_group_name }} can't write dead letters of {{ $labels.messaging_destination_name }}",
				"{{ $value }} records hold up their keys until their dead letters are written: is the topic there, and may the service write it?",
			},
		},
	}
}
