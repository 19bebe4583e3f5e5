package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.yaml.in/yaml/v3"
)

var (
	grouping = regexp.MustCompile(`(?:by|on|ignoring|without) \(([^)]*)\)`)
	selector = regexp.MustCompile(`\b((?:trestle|messaging)_\w+)(?:\{([^}]*)\})?`)
	matched  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// generatedExpressions are those of the rules and of the dashboard.
func generatedExpressions(t *testing.T, root string) []string {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Expr string }
		}
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	for file, read := range map[string]func([]byte) error{
		"prometheus/rules.yaml":  func(text []byte) error { return yaml.Unmarshal(text, &rules) },
		"grafana/dashboard.json": func(text []byte) error { return json.Unmarshal(text, &dashboard) },
	} {
		text, err := os.ReadFile(filepath.Join(root, "gen", filepath.FromSlash(file)))
		if err == nil {
			err = read(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d expressions", len(all))
	}
	return all
}

// exported are the names of metrics, as they are asked for, with those of their labels.
func exported(t *testing.T, from ...prometheus.Gatherer) map[string][]string {
	t.Helper()
	families, err := prometheus.Gatherers(from).Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, family := range families {
		var labels []string
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
		}
		name := family.GetName()
		if family.GetType().String() == "HISTOGRAM" {
			name, labels = name+"_bucket", append(labels, "le")
		}
		out[name] = labels
	}
	return out
}

// What the generated rules and the dashboard ask for, a monitor and the runtime really export: metrics, labels, measures, and the names that the schemas have.
func TestGeneratedExpressionsNameWhatIsExported(t *testing.T) {
	t.Parallel()
	stack, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	project := ops.At(root)
	env, err := project.Environment(ops.Addresses{Brokers: stack.Brokers, Store: stack.Store})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := ops.PlanTopics(ctx, project, env)
	if err == nil {
		err = plan.Apply(ctx, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	seen, err := ops.NewMonitor(project, env).Look(ctx)
	if err != nil {
		t.Fatal(err)
	}
	monitored := newMonitorMetrics()
	monitored.take(seen, nil)
	declared := map[string]bool{}
	for _, one := range seen.Thresholds {
		measure, _ := one.Subject()
		declared[measure+":"+one.Declared] = true
	}

	programs := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(programs))
	if err != nil {
		t.Fatal(err)
	}
	meters := trestle.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)))
	pub, err := trestle.NewPublisher([]string{stack.Brokers}, meters)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close(context.WithoutCancel(ctx))
	for range 2 {
		err := pub.Publish(ctx, &codegenv1.CodegenMixinRequest{
			CorrelationId: uuid.NewString(), SessionId: uuid.NewString(), Requirements: []string{"caching"}, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	consumer, err := trestle.NewConsumer([]string{stack.Brokers}, "metrics", meters, trestle.WithKeyWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	var handled atomic.Int32
	consuming, stop := context.WithCancel(ctx)
	trestle.Handle(consumer, func(context.Context, *codegenv1.CodegenMixinRequest) error {
		if handled.Add(1) == 1 {
			return trestle.Permanent(errors.New("no"))
		}
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(consuming) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var found map[string][]string
	for {
		found = exported(t, programs, monitored.registry)
		if found["trestle_consumer_dead_letters_total"] != nil && slices.Contains(found["messaging_process_duration_seconds_bucket"], "error_type") {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing was handled: it exports %v", found)
		case <-time.After(20 * time.Millisecond):
		}
	}

	for _, expr := range generatedExpressions(t, root) {
		labels := map[string]bool{}
		for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(by[1], ", ") {
				labels[label] = true
			}
		}
		metrics := selector.FindAllStringSubmatch(grouping.ReplaceAllString(expr, ""), -1)
		if len(metrics) == 0 {
			t.Errorf("%s asks for nothing", expr)
		}
		for _, metric := range metrics {
			has, ok := found[metric[1]]
			if !ok {
				t.Errorf("%s: nobody exports %s", expr, metric[1])
			}
			values := map[string]string{}
			for _, m := range matched.FindAllStringSubmatch(metric[2], -1) {
				labels[m[1]], values[m[1]] = true, m[2]
			}
			for label := range labels {
				if !slices.Contains(has, label) {
					t.Errorf("%s: %s has no label %s", expr, metric[1], label)
				}
			}
			if of, ok := values["declared"]; ok && !declared[values["measure"]+":"+of] {
				t.Errorf("%s: a monitor measures no %s of %s", expr, values["measure"], of)
			}
			if measure := values["measure"]; measure != "" && !slices.Contains(ops.Measures(), measure) {
				t.Errorf("%s: there is no measure %s", expr, measure)
			}
		}
	}
}
