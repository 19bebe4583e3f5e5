package ops

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	tools "github.com/omninode/trestle/tools/event"
)

// guarded is a registry that lets in who has the password, and takes no schemas while it is full.
type guarded struct {
	*httptest.Server
	full  atomic.Bool
	posts atomic.Int64 // schemas that it took
}

func newGuarded(t *testing.T, password string) *guarded {
	t.Helper()
	server, err := devregistry.NewServer("", gate.Checker{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	g := &guarded{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		post := r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/subjects/") && strings.HasSuffix(r.URL.Path, "/versions")
		switch {
		case given != password:
			w.WriteHeader(http.StatusUnauthorized)
			return
		case post && g.full.Load():
			w.WriteHeader(http.StatusInsufficientStorage)
			return
		case post:
			g.posts.Add(1)
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// TestSubjectStrategies registers under the names of each strategy, and finds ids and versions there.
func TestSubjectStrategies(t *testing.T) {
	t.Parallel()
	config := "go_import: example.org/gen\nenvironments:\n"
	files := shopFiles("", "partitions: 2", "")
	want := map[string][]string{ // of the events Placed and Counted
		"":                        {"team-orders_v1-value", "team-stock_v1-value"},
		"TopicNameStrategy":       {"team-orders_v1-value", "team-stock_v1-value"},
		"RecordNameStrategy":      {"shop.v1.Placed", "shop.v1.Counted"},
		"TopicRecordNameStrategy": {"team-orders_v1-shop.v1.Placed", "team-stock_v1-shop.v1.Counted"},
	}
	for strategy := range want {
		config += fmt.Sprintf("  by%s: {registry: %s, prefix: team-, subject_strategy: %q}\n", strategy, newGuarded(t, "").URL, strategy)
	}
	files["trestle.yaml"] = config + "  wrong: {subject_strategy: TopicName}\n"
	p := projectOf(t, files)
	for strategy, names := range want {
		env, err := p.Environment(Addresses{Environment: "by" + strategy})
		if err != nil {
			t.Fatal(err)
		}
		brought(t, p, env)
		if again := planned(t, p, env); !again.Empty() {
			t.Errorf("%s: a second plan has %+v", strategy, again.Changes)
		}
		client, err := env.registryClient(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found, err := client.Subjects(t.Context())
		if err != nil || !slices.Contains(found, names[0]) || !slices.Contains(found, names[1]) || len(found) != 4 {
			t.Errorf("%s: there are %q, %v; want %q and two files", strategy, found, err, names)
		}
		set, err := p.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range tools.Events(set) {
			there := *info.Topic
			there.Name = "team-" + there.Name
			info.Topic = &there
			if id, err := env.schemaIDs(client).SchemaID(t.Context(), info); err != nil || id == 0 {
				t.Errorf("%s: event type %s has schema %d, %v", strategy, info.Type, id, err)
			}
		}
		for _, word := range []string{"orders_v1-value", names[0]} { // as the schemas call it, and as the registry does
			l := &loader{project: p, environment: func() (Environment, error) { return env, nil }}
			if v, err := l.version(t.Context(), "registry:"+word); err != nil || v.set.MainFile() == nil {
				t.Errorf("%s: %s: %v", strategy, word, err)
			}
		}
	}
	if _, err := p.Environment(Addresses{Environment: "wrong"}); err == nil || !strings.Contains(err.Error(), "TopicRecordNameStrategy") {
		t.Errorf("a strategy that there is not: %v", err)
	}
	// Two types of a topic can't have one subject.
	path := filepath.Join(p.Dir, "schemas/shop/v1/more.proto")
	if err := os.WriteFile(path, []byte(eventFile("Cancelled", "orders_v1", "", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := p.Environment(Addresses{Environment: "byTopicNameStrategy"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MakePlan(t.Context(), p, env); err == nil || !strings.Contains(err.Error(), "topic orders_v1 has 2 event types") {
		t.Errorf("two types of a topic: %v", err)
	}
}

func TestSeveralRegistries(t *testing.T) {
	t.Parallel()
	first, second := newGuarded(t, ""), newGuarded(t, "hunter2")
	files := shopFiles("", "partitions: 2", "")
	files["trestle.yaml"] = fmt.Sprintf(`go_import: example.org/gen
environments:
  production:
    registry: %s
    registries:
      - registry: %s
        registry_auth: {user: shop, password: {file: secrets/second}}
  alone: {registry: %[1]s}
  twice:
    registry: %[1]s
    registries: [{registry: %[1]s}]
  nameless:
    registries: [{registry: %[1]s}]
`, first.URL, second.URL)
	files["secrets/second"] = "hunter2\n"
	p := projectOf(t, files)
	in := func(name string, a Addresses) Environment {
		t.Helper()
		a.Environment = name
		env, err := p.Environment(a)
		if err != nil {
			t.Fatal(err)
		}
		return env
	}
	env := in("production", Addresses{})

	plan := planned(t, p, env)
	at := map[string]int{}
	for _, c := range plan.Changes {
		at[c.Registry+" "+c.Action]++
	}
	each := len(plan.Changes) / 2
	if each == 0 || at[first.URL+" create"] != each || at[second.URL+" create"] != each {
		t.Fatalf("planned %v", at)
	}

	// The second fails: what the first got is said, and the next plan has the rest.
	second.full.Store(true)
	err := plan.Apply(t.Context(), nil)
	unfinished, ok := errors.AsType[*UnfinishedError](err)
	if !ok || len(unfinished.Done) != each || len(unfinished.Left) != each || !strings.Contains(err.Error(), second.URL) || unfinished.Left[0].Registry != second.URL {
		t.Fatalf("got %v", err)
	}
	second.full.Store(false)
	brought(t, p, env)
	if again := planned(t, p, env); !again.Empty() || first.posts.Load() != int64(each) || second.posts.Load() != int64(each) {
		t.Errorf("the last plan has %+v; the registries took %d and %d schemas, want %d each", again.Changes, first.posts.Load(), second.posts.Load(), each)
	}

	// Another environment has what the first has: it is the second that is compared with it as well.
	like := in("alone", Addresses{})
	compared := func() map[string]int {
		t.Helper()
		found, err := Compare(t.Context(), p, env, like)
		if err != nil {
			t.Fatal(err)
		}
		differ := map[string]int{}
		for _, d := range found.Changes {
			differ[d.Registry+" "+d.Action]++
		}
		return differ
	}
	if got := compared(); got[first.URL+" none"] != each || got[second.URL+" none"] != each || len(got) != 2 {
		t.Errorf("compared: %v", got)
	}
	events := slices.IndexFunc(plan.Changes, func(c PlannedChange) bool { return strings.HasSuffix(c.Name, "-value") }) // that nothing refers to
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, second.URL+"/subjects/"+plan.Changes[events].Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("shop", "hunter2")
	if answer, err := http.DefaultClient.Do(request); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	if got := compared(); got[first.URL+" none"] != each || got[second.URL+" create"] != 1 || got[second.URL+" none"] != each-1 {
		t.Errorf("compared, when the second has lost a subject: %v", got)
	}
	brought(t, p, env)

	// One that can't be asked stops all of it before anything is written.
	if err := os.WriteFile(filepath.Join(p.Dir, "schemas/shop/v1/more.proto"), []byte(returned), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "secrets/second"), []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := MakePlan(t.Context(), p, env); err == nil || !strings.Contains(err.Error(), second.URL) || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong password for the second: %v", err)
	}
	// A registry that is named outright is meant alone.
	if alone := planned(t, p, in("production", Addresses{Registry: first.URL})); alone.Changes[0].Registry != "" || len(alone.Changes) != each+1 {
		t.Errorf("alone: %+v", alone.Changes)
	}
	for name, want := range map[string]string{"twice": "is named twice", "nameless": "has none"} {
		if _, err := PlanSubjects(t.Context(), p, in(name, Addresses{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
