// Package grafana generates dashboard.json: a dashboard for Grafana of what the schemas declare, by what `trestle monitor` measures, and of what publishers
// and consumers measure of themselves. It is imported as it is; Grafana asks for the data source, a Prometheus.
package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Path is where the dashboard is, below the output folder.
const Path = "grafana/dashboard.json"

type dashboard struct {
	Description   string     `json:"description"`
	Title         string     `json:"title"`
	UID           string     `json:"uid"`
	SchemaVersion int        `json:"schemaVersion"`
	Tags          []string   `json:"tags"`
	Refresh       string     `json:"refresh"`
	Time          span       `json:"time"`
	Templating    templating `json:"templating"`
	Panels        []panel    `json:"panels"`
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Type  string `json:"type"`
	Query string `json:"query"`
}

type panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	GridPos     position     `json:"gridPos"`
	Datasource  *datasource  `json:"datasource,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
}

type position struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type fieldConfig struct {
	Defaults  defaults `json:"defaults"`
	Overrides []any    `json:"overrides"`
}

type defaults struct {
	Unit string `json:"unit"`
	Min  int    `json:"min"`
}

type target struct {
	RefID        string `json:"refId"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
}

// Generate makes the dashboard of a set.
func Generate(set *schema.Set) ([]output.File, error) {
	l := &layout{}
	l.cluster()
	l.groups(set)
	l.deadLetters(set)
	l.requests(set)
	l.programs()
	d := dashboard{
		Description: output.Marker, Title: "Trestle: events", UID: "trestle-events", SchemaVersion: 39, Tags: []string{"trestle"}, Refresh: "30s",
		Time:       span{"now-3h", "now"},
		Templating: templating{[]variable{{"datasource", "Data source", "datasource", "prometheus"}}},
		Panels:     l.panels,
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	return []output.File{{Path: Path, Content: text.Bytes()}}, nil
}

// layout places panels, two or four beside each other.
type layout struct {
	panels []panel
	x, y   int
}

const (
	columns = 24 // of Grafana
	height  = 8
)

func (l *layout) row(title string) {
	l.wrap()
	l.panels = append(l.panels, panel{ID: len(l.panels) + 1, Type: "row", Title: title, GridPos: position{1, columns, 0, l.y}})
	l.y++
}

func (l *layout) wrap() {
	if l.x > 0 {
		l.x, l.y = 0, l.y+height
	}
}

// series is a query with what its lines are called.
type series struct{ expr, legend string }

func (l *layout) add(kind string, width int, title, description, unit string, queries ...series) {
	if l.x+width > columns {
		l.wrap()
	}
	p := panel{
		ID: len(l.panels) + 1, Type: kind, Title: title, Description: description, GridPos: position{height, width, l.x, l.y},
		Datasource: &datasource{"prometheus", "${datasource}"}, FieldConfig: &fieldConfig{defaults{unit, 0}, []any{}},
	}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{string(rune('A' + i)), q.expr, q.legend})
	}
	l.panels = append(l.panels, p)
	l.x += width
}

// measured is what a monitor measures, and the limit that it serves beside.
func measured(measure, declared string) []series {
	selector := fmt.Sprintf("{measure=%q}", measure)
	if declared != "" {
		selector = fmt.Sprintf("{measure=%q,declared=%q}", measure, declared)
	}
	return []series{{"trestle_monitor_value" + selector, "{{of}}"}, {"max(trestle_monitor_limit" + selector + ")", "limit"}}
}

func (l *layout) cluster() {
	l.row("Cluster")
	l.add("stat", 6, "Partitions without a leader", "trestle cluster health names them.", "none", series{`sum(trestle_monitor_value{measure="offline"})`, "offline"})
	l.add("stat", 6, "Partitions that lack replicas", "trestle cluster health names them.", "none", series{`sum(trestle_monitor_value{measure="under_replicated"})`, "under-replicated"})
	l.add("stat", 6, "Looks of the monitor that failed", "Within 10 minutes; the values below are older then.", "none", series{"sum(increase(trestle_monitor_failures_total[10m]))", "failed"})
	l.add("stat", 6, "Thresholds passed", "", "none", series{"count(trestle_monitor_value > trestle_monitor_limit) or vector(0)", "passed"})
}

func (l *layout) groups(set *schema.Set) {
	if len(set.Groups) == 0 {
		return
	}
	l.row("Consumer groups")
	for _, g := range set.Groups {
		reads := "Reads " + strings.Join(g.Topics, ", ") + "."
		l.add("timeseries", 12, g.Name+": records behind", reads, "short", measured("lag", g.Name)...)
		l.add("timeseries", 12, g.Name+": time behind", reads, "ms", measured("lag_ms", g.Name)...)
	}
}

func (l *layout) deadLetters(set *schema.Set) {
	if !slices.ContainsFunc(set.Topics, func(t *schema.Topic) bool { return len(t.DeadLetterOf) > 0 }) {
		return
	}
	l.row("Dead letters")
	l.add("timeseries", 12, "Dead letters that are not resolved", "By dead-letter topic.", "short", measured("dead_letters", "")...)
	l.add("timeseries", 12, "Events that become dead letters", "The part of all, by dead-letter topic.", "percentunit", measured("dead_letter_rate", "")...)
	l.add("timeseries", 24, "Dead letters written, by cause", "Each second.", "short",
		series{"sum by (messaging_destination_name, error_type) (rate(trestle_consumer_dead_letters_total[5m]))", "{{messaging_destination_name}} {{error_type}}"})
}

func (l *layout) requests(set *schema.Set) {
	requests := slices.DeleteFunc(set.Events(), func(e *schema.Event) bool { return e.Reply == nil })
	if len(requests) == 0 {
		return
	}
	slices.SortStableFunc(requests, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	l.row("Requests")
	for _, e := range requests {
		l.add("timeseries", 12, e.Type+": time to "+e.Reply.Type, "95 of 100 wait no longer.", "ms", measured("response_ms", e.Type)...)
	}
}

func (l *layout) programs() {
	const topic, reader = "{{messaging_destination_name}}", "{{messaging_consumer_group_name}} {{messaging_destination_name}}"
	const byReader = "messaging_destination_name, messaging_consumer_group_name"
	quantile := func(bucket, by string) string {
		return "histogram_quantile(0.95, sum by (le, " + by + ") (rate(" + bucket + "[5m])))"
	}
	l.row("Publishers")
	l.add("timeseries", 12, "Events published", "Each second, by topic.", "short", series{"sum by (messaging_destination_name) (rate(messaging_client_sent_messages_total[5m]))", topic})
	l.add("timeseries", 12, "Time to publish", "95 of 100 take no longer; the guide's limit is 0.1 s.", "s",
		series{quantile(`messaging_client_operation_duration_seconds_bucket{messaging_operation_name="send"}`, "messaging_destination_name"), topic})
	l.row("Consumers")
	l.add("timeseries", 12, "Events received", "Each second.", "short", series{"sum by (" + byReader + ") (rate(messaging_client_consumed_messages_total[5m]))", reader})
	l.add("timeseries", 12, "What became of events", "Each second.", "short",
		series{"sum by (messaging_consumer_group_name, trestle_result) (rate(trestle_consumer_events_total[5m]))", "{{messaging_consumer_group_name}} {{trestle_result}}"})
	l.add("timeseries", 12, "Time to handle", "95 of 100 take no longer; the guide's limit is 5 s.", "s", series{quantile("messaging_process_duration_seconds_bucket", byReader), reader})
	l.add("timeseries", 12, "Events in hand", "Running, queued, or waiting for another attempt.", "short", series{"sum by (" + byReader + ") (trestle_consumer_in_flight)", reader})
}
