package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// place is a cluster and a registry that count what is written to them, and have one write fail.
type place struct {
	cluster *kfake.Cluster
	web     *httptest.Server
	admin   *kadm.Client
	client  *kgo.Client

	mu     sync.Mutex
	writes []string
	fail   func(write int, fault string) // called before each write; nil: none fails
	next   string                        // fault of the write that is under way
	counts map[string]int                // of all requests, by what they go to
}

func newPlace(t testing.TB, brokers int) *place {
	t.Helper()
	p := &place{counts: map[string]int{}}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	p.cluster = cluster
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		switch req.(type) {
		case *kmsg.ApiVersionsRequest, *kmsg.SASLHandshakeRequest, *kmsg.SASLAuthenticateRequest: // of each connection that is opened
		default:
			p.count("kafka")
		}
		if writes(req) {
			if err := clusterFaults[p.write(kmsg.Key(req.Key()).Name())]; err != nil {
				cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Key(req.Key())}, Err: err, Count: 1})
			}
		}
		return nil, nil, false
	})
	server, err := devregistry.NewServer("", gate.Checker{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.count("registry")
		fault := ""
		if r.Method == http.MethodPut || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/versions") && strings.HasPrefix(r.URL.Path, "/subjects") {
			fault = p.write(r.Method + " " + r.URL.Path)
		}
		switch fault {
		case "refused":
			http.Error(w, `{"error_code":40301,"message":"nobody may write"}`, http.StatusForbidden)
			return
		case "failed":
			http.Error(w, `{"error_code":50001,"message":"the registry is ill"}`, http.StatusInternalServerError)
			return
		case "lost":
			server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		server.ServeHTTP(w, r)
	}))
	p.web.Config.ErrorLog = nil
	t.Cleanup(p.web.Close)
	p.client, err = kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.Close)
	p.admin = kadm.NewClient(p.client)
	return p
}

// clusterFaults are the answers of brokers by fault. The last is an answer after the request was heeded.
var clusterFaults = map[string]*kerr.Error{"refused": kerr.TopicAuthorizationFailed, "failed": kerr.PolicyViolation, "lost": kerr.RequestTimedOut}

// writes says whether a request changes something.
func writes(req kmsg.Request) bool {
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		return !r.ValidateOnly
	case *kmsg.CreatePartitionsRequest:
		return !r.ValidateOnly
	case *kmsg.IncrementalAlterConfigsRequest:
		return !r.ValidateOnly
	case *kmsg.DeleteTopicsRequest:
		return true
	}
	return false
}

func (p *place) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[what]++
}

func (p *place) write(what string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, what)
	p.next = ""
	if p.fail != nil {
		p.fail(len(p.writes)-1, what)
	}
	return p.next
}

// failAt has the nth write fail, counted from 0, with whatever is done to have it made all the same, and calls then before it.
func (p *place) failAt(n int, fault string, then func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = nil
	failing := ""
	p.fail = func(write int, what string) {
		if write == n {
			failing = what
			then()
		}
		if what == failing {
			p.next = fault
		}
	}
}

func (p *place) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes, p.fail, p.counts = nil, nil, map[string]int{}
}

func (p *place) written() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

func (p *place) environment(level string) Environment {
	return Environment{Brokers: p.cluster.ListenAddrs(), Registry: p.web.URL, Compatibility: level}
}

// state is all that the registry holds, with the versions that references are pinned to, and the partitions and retention of the topics.
func (p *place) state(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	get := func(path string, into any) {
		r, err := http.Get(p.web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	var schemas []struct {
		Subject    string
		Version    int
		References []struct {
			Subject string
			Version int
		}
	}
	get("/schemas", &schemas)
	for _, s := range schemas {
		out[fmt.Sprintf("subject %s version %d", s.Subject, s.Version)] = fmt.Sprint(s.References)
		var level map[string]any
		get("/config/"+strings.ReplaceAll(s.Subject, "/", "%2F"), &level)
		out["level of "+s.Subject] = fmt.Sprint(level["compatibilityLevel"])
	}
	found, err := p.admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	configs, err := p.admin.DescribeTopicConfigs(t.Context(), found.Names()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs {
		for _, one := range c.Configs {
			if one.Key == "retention.ms" {
				out["topic "+c.Name] = fmt.Sprintf("%d partitions, %s", len(found[c.Name].Partitions), one.MaybeValue())
			}
		}
	}
	return out
}

// shopFiles are a project of two events, one of which refers to the file that differs; more is a third.
func shopFiles(money, orders, more string) map[string]string {
	files := map[string]string{
		"trestle.yaml": "go_import: example.org/gen\n",
		"schemas/shop/v1/common.proto": `edition = "2023"; package shop.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE topic_settings: {partitions: 2 retention_ms: 604800000}
  topics: {name: "orders_v1" settings: {` + orders + `}}};
// Money is an amount.
message Money {
  // Cents of it.
  int64 cents = 1;
  ` + money + `
}`,
		"schemas/shop/v1/orders.proto": eventFile("Placed", "orders_v1", `import "shop/v1/common.proto";`, `
  // What it costs.
  Money price = 2;`),
		"schemas/shop/v1/stock.proto": eventFile("Counted", "stock_v1", "", ""),
	}
	if more != "" {
		files["schemas/shop/v1/more.proto"] = more
	}
	return files
}

func eventFile(name, topic, imports, fields string) string {
	return `edition = "2023"; package shop.v1;
` + imports + `
import "trestle/v1/options.proto";
// ` + name + ` says so.
message ` + name + ` {
  option (trestle.v1.event) = {topic: "` + topic + `" key: "id" role: ROLE_EVENT encoding: ENCODING_PROTOBUF};
  // What it is about.
  string id = 1;` + fields + `
}
`
}

var returned = eventFile("Returned", "returns_v1", "", "")

func projectOf(t testing.TB, files map[string]string) *Project {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var allowAll = []string{AllowRepartition, AllowRetentionCut}

func planned(t testing.TB, p *Project, env Environment) *Plan {
	t.Helper()
	plan, err := MakePlan(t.Context(), p, env)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func brought(t testing.TB, p *Project, env Environment) {
	t.Helper()
	if err := planned(t, p, env).Apply(t.Context(), allowAll); err != nil {
		t.Fatal(err)
	}
}

// Each write of an apply fails once, in each way: the error says what was done and what was not, as it is; the apply after it does the rest, ends where one
// without a failure does, and leaves nothing to do.
func TestApplyFailsAtEachStep(t *testing.T) {
	t.Parallel()
	before := projectOf(t, shopFiles("", "partitions: 2", ""))
	after := projectOf(t, shopFiles("// Its currency.\n  string currency = 2;", "partitions: 4 retention_ms: 86400000", returned))
	for _, c := range []struct {
		name   string
		start  func(*place) // what is there before
		level  string
		writes []string // of these kinds
	}{
		{"empty", func(*place) {}, "FULL", []string{"POST", "PUT", "CreateTopics"}},
		{"changed", func(p *place) { brought(t, before, p.environment("BACKWARD")) }, "FULL", []string{"PUT", "POST", "CreateTopics", "CreatePartitions", "IncrementalAlterConfigs"}},
	} {
		start := func(t *testing.T) *place {
			p := newPlace(t, 1)
			c.start(p)
			p.heal()
			return p
		}
		whole := start(t)
		brought(t, after, whole.environment(c.level))
		steps, want := whole.written(), whole.state(t)
		for _, kind := range c.writes {
			if !slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(step, kind) }) {
				t.Errorf("%s: no write is a %s: %v", c.name, kind, steps)
			}
		}
		for n, step := range steps {
			for _, fault := range []string{"refused", "failed", "lost", "interrupted"} {
				t.Run(fmt.Sprintf("%s/%d %s/%s", c.name, n, strings.ReplaceAll(step, "/", "_"), fault), func(t *testing.T) {
					t.Parallel()
					p := start(t)
					env := p.environment(c.level)
					plan := planned(t, after, env)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					p.failAt(n, fault, func() {
						if fault == "interrupted" {
							cancel()
						}
					})
					err := plan.Apply(ctx, allowAll)
					p.heal()
					checkUnfinished(t, plan, err, fault)

					rest := planned(t, after, env)
					for _, done := range plan.Changes {
						i := slices.IndexFunc(rest.Changes, func(c PlannedChange) bool { return c.Kind == done.Kind && c.Name == done.Name })
						if done.Done && rest.Changes[i].Action != "none" {
							t.Errorf("%s %s is said to be done, and the next plan has %s %v", done.Kind, done.Name, rest.Changes[i].Action, rest.Changes[i].Changes)
						}
					}
					if err := rest.Apply(t.Context(), allowAll); err != nil {
						t.Fatalf("the apply after it: %v", err)
					}
					if last := planned(t, after, env); !last.Empty() {
						t.Errorf("the plan after both is not empty: %+v", last.Changes)
					}
					if diff := cmp.Diff(want, p.state(t)); diff != "" {
						t.Errorf("it ended elsewhere than an apply without a failure (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

// checkUnfinished checks that an error accounts for all that a plan was to do.
func checkUnfinished(t *testing.T, plan *Plan, err error, fault string) {
	t.Helper()
	if fault == "interrupted" && err == nil {
		return // it was the last write, and heeded
	}
	unfinished, ok := errors.AsType[*UnfinishedError](err)
	if !ok {
		t.Fatalf("got %v, want an UnfinishedError", err)
	}
	todo := 0
	for _, c := range plan.Changes {
		if c.Action != "none" {
			todo++
		}
	}
	if len(unfinished.Done)+len(unfinished.Left) != todo || len(unfinished.Left) == 0 {
		t.Errorf("%d are done, %d are left, of %d: %v", len(unfinished.Done), len(unfinished.Left), todo, err)
	}
	named := slices.ContainsFunc(unfinished.Left, func(c PlannedChange) bool { return strings.Contains(unfinished.Err.Error(), c.Name) })
	if !named && fault != "interrupted" {
		t.Errorf("what has failed names none of what is left: %v", err)
	}
}

// What somebody else changes after a plan was saved makes it another: it is not applied. What nobody declared is no part of it.
func TestSavedPlanIsForItsStateAlone(t *testing.T) {
	t.Parallel()
	before := projectOf(t, shopFiles("", "partitions: 2", ""))
	after := projectOf(t, shopFiles("// Its currency.\n  string currency = 2;", "partitions: 4", returned))
	retention := "1000"
	post := func(t *testing.T, p *place, method, path, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, p.web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", method, path, text)
		}
	}
	schema := func(text string) string {
		body, _ := json.Marshal(map[string]string{"schemaType": "PROTOBUF", "schema": text})
		return string(body)
	}
	for name, c := range map[string]struct {
		same   bool
		change func(t *testing.T, p *place)
		env    func(*Environment)
	}{
		"nothing": {same: true},
		"a topic is created": {change: func(t *testing.T, p *place) {
			if r, err := p.admin.CreateTopic(t.Context(), 1, 1, nil, "returns_v1"); err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}},
		"a topic is deleted": {change: func(t *testing.T, p *place) {
			if _, err := p.admin.DeleteTopic(t.Context(), "stock_v1"); err != nil {
				t.Fatal(err)
			}
		}},
		"a setting is altered": {change: func(t *testing.T, p *place) {
			if _, err := p.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &retention}}, "stock_v1"); err != nil {
				t.Fatal(err)
			}
		}},
		"a topic has more partitions": {change: func(t *testing.T, p *place) {
			if _, err := p.admin.CreatePartitions(t.Context(), 1, "orders_v1"); err != nil {
				t.Fatal(err)
			}
		}},
		"a subject is registered": {change: func(t *testing.T, p *place) {
			post(t, p, http.MethodPost, "/subjects/returns_v1-value/versions", schema(`syntax = "proto3"; message A {}`))
		}},
		"a subject gets a version": {change: func(t *testing.T, p *place) {
			brought(t, projectOf(t, shopFiles("// Its country.\n  string country = 3;", "partitions: 2", "")), p.environment("FULL"))
		}},
		"a level is set": {change: func(t *testing.T, p *place) {
			post(t, p, http.MethodPut, "/config/stock_v1-value", `{"compatibility":"NONE"}`)
		}},
		"the replication factor is another": {env: func(e *Environment) { e.ReplicationFactor = 1 }},
		"the level is another":              {env: func(e *Environment) { e.Compatibility = "BACKWARD" }},
		"an undeclared topic and an undeclared subject": {same: true, change: func(t *testing.T, p *place) {
			if r, err := p.admin.CreateTopic(t.Context(), 1, 1, nil, "theirs"); err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			post(t, p, http.MethodPost, "/subjects/theirs-value/versions", schema(`syntax = "proto3"; message A {}`))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, 1)
			env := p.environment("FULL")
			brought(t, before, env)
			file := filepath.Join(t.TempDir(), "plan.json")
			if err := SavePlan(file, planned(t, after, env)); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(t, p)
			}
			if c.env != nil {
				c.env(&env)
			}
			saved, err := ReadPlan(file)
			if err != nil {
				t.Fatal(err)
			}
			if now := planned(t, after, env); (saved.State == now.State) != c.same {
				t.Errorf("the state is the same: %v, want %v; now %+v", saved.State == now.State, c.same, now.Changes)
			}
		})
	}
}

// What somebody else changes after the plan that is being applied was made stops it before it writes over that.
func TestApplyOverSomebodyElse(t *testing.T) {
	t.Parallel()
	before := projectOf(t, shopFiles("", "partitions: 2", ""))
	after := projectOf(t, shopFiles("// Its currency.\n  string currency = 2;", "partitions: 4 retention_ms: 86400000", returned))
	longer := "9999999999"
	for name, c := range map[string]struct {
		change func(t *testing.T, p *place, env Environment)
		want   error // nil: it does no harm
		about  string
	}{
		"a topic is made otherwise": {func(t *testing.T, p *place, _ Environment) {
			if r, err := p.admin.CreateTopic(t.Context(), 1, 1, nil, "returns_v1"); err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}, topics.ErrChanged, "topic returns_v1"},
		"records are kept for longer": {func(t *testing.T, p *place, _ Environment) {
			if _, err := p.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &longer}}, "orders_v1"); err != nil {
				t.Fatal(err)
			}
		}, topics.ErrChanged, "topic orders_v1"},
		"a topic is deleted": {func(t *testing.T, p *place, _ Environment) {
			if _, err := p.admin.DeleteTopic(t.Context(), "orders_v1"); err != nil {
				t.Fatal(err)
			}
		}, topics.ErrChanged, "topic orders_v1"},
		"a subject is registered otherwise": {func(t *testing.T, p *place, env Environment) {
			brought(t, projectOf(t, shopFiles("// Its country.\n  string country = 3;", "partitions: 2", "")), env)
		}, registry.ErrChanged, "subject shop/v1/common.proto"},
		"another apply did it all": {func(t *testing.T, p *place, env Environment) { brought(t, after, env) }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, 1)
			env := p.environment("FULL")
			brought(t, before, env)
			plan := planned(t, after, env)
			c.change(t, p, env)
			was := p.state(t)
			err := plan.Apply(t.Context(), allowAll)
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.about) {
				t.Fatalf("got %v, want %v about %s", err, c.want, c.about)
			}
			for what, state := range p.state(t) {
				if strings.HasPrefix(what, "topic") && state != was[what] {
					t.Errorf("%s was %s, and is %s", what, was[what], state)
				}
			}
		})
	}
}

// What the schemas do not have is named, and no request that writes is about it.
func TestUndeclaredIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	theirs := projectOf(t, map[string]string{"trestle.yaml": "", "schemas/their/v1/a.proto": `edition = "2023"; package their.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE topic_settings: {partitions: 5 retention_ms: 1000}};
// Done says so.
message Done {
  option (trestle.v1.event) = {topic: "theirs_v1" key: "id" role: ROLE_EVENT encoding: ENCODING_PROTOBUF};
  // The id.
  string id = 1;
}`})
	brought(t, theirs, p.environment("NONE"))
	was := p.state(t)
	p.heal()
	ours, env := projectOf(t, shopFiles("", "partitions: 2", "")), p.environment("FULL")
	brought(t, ours, env)
	brought(t, projectOf(t, shopFiles("// Its currency.\n  string currency = 2;", "partitions: 4 retention_ms: 86400000", "")), env)
	now := p.state(t)
	for what, state := range was {
		if strings.Contains(what, "theirs") && now[what] != state {
			t.Errorf("%s was %q, and is %q", what, state, now[what])
		}
	}
	plan := planned(t, ours, env)
	if diff := cmp.Diff(Undeclared{Topics: []string{"theirs_v1"}, Subjects: []string{"theirs_v1-value"}}, plan.Undeclared); diff != "" {
		t.Error(diff)
	}
	for _, write := range p.written() {
		if strings.Contains(write, "theirs") || strings.Contains(write, "Delete") {
			t.Errorf("it wrote %s", write)
		}
	}
	for _, one := range []func(context.Context, *Project, Environment) (*Plan, error){PlanTopics, PlanSubjects} {
		plan, err := one(t.Context(), ours, env)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Undeclared.Topics)+len(plan.Undeclared.Subjects) != 1 {
			t.Errorf("undeclared: %+v", plan.Undeclared)
		}
	}
}
