package promtool

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	rulesFile     = "../../gen/prometheus/rules.yaml"
	dashboardFile = "../../gen/grafana/dashboard.json"
	unitFile      = "testdata/rules_test.yaml"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("go", append([]string{"tool", "promtool"}, args...)...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Prometheus takes the rules, and every alert fires when it has to and not before.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", rulesFile)
	promtool(t, "test", "rules", unitFile)
}

func read(t *testing.T, file string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// Each alert has a case where it fires and one where it does not.
func TestEveryAlertIsTried(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert string `yaml:"alert"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	var unit struct {
		Tests []struct {
			Cases []struct {
				Expr    string `yaml:"expr"`
				Samples []any  `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		} `yaml:"tests"`
	}
	read(t, rulesFile, yaml.Unmarshal, &rules)
	read(t, unitFile, yaml.Unmarshal, &unit)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range unit.Tests {
		for _, c := range test.Cases {
			if len(c.Samples) > 0 {
				fires[c.Expr] = true
			} else {
				silent[c.Expr] = true
			}
		}
	}
	var alerts []string
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
		}
	}
	slices.Sort(alerts)
	if alerts = slices.Compact(alerts); len(alerts) < 10 {
		t.Fatalf("only %d alerts: %q", len(alerts), alerts)
	}
	for _, alert := range alerts {
		expr := `count(ALERTS{alertstate="firing",alertname="` + alert + `"})`
		if !fires[expr] || !silent[expr] {
			t.Errorf("%s: a case where it fires: %t, where it does not: %t", alert, fires[expr], silent[expr])
		}
	}
}

// Every expression of the dashboard is one.
func TestDashboard(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	read(t, dashboardFile, json.Unmarshal, &dashboard)
	n := 0
	for _, panel := range dashboard.Panels {
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			n++
			if _, err := parser.NewParser(parser.Options{}).ParseExpr(target.Expr); err != nil {
				t.Errorf("panel %q: %s: %v", panel.Title, target.Expr, err)
			}
		}
	}
	if n == 0 {
		t.Error("it has no expressions")
	}
}
