package registry

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
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
)

// recorded is what a registry answers, as its source says: testdata/answers holds one for each that the tests do not run.
type recorded struct {
	Registry   string
	Repository string // whose files the sources of answers are
	Commit     string
	Of         string // its version
	Live       bool   // the answers were got from a registry that ran
	// Members are all that the registry knows of a schema that is posted, where it refuses others.
	Members []string
	Answers []recordedAnswer
}

type recordedAnswer struct {
	Case    string
	Method  string
	Path    string
	Query   string // that of the request it is an answer to; empty: any
	Status  int
	Headers map[string]string
	Body    json.RawMessage // null: none
	Source  string
	Unasked bool // the client makes no such request
}

// recordedRegistries are all there are, by file.
func recordedRegistries(t *testing.T) map[string]recorded {
	t.Helper()
	out := map[string]recorded{}
	for _, name := range []string{"confluent", "redpanda", "karapace"} {
		text, err := os.ReadFile(filepath.Join("testdata", "answers", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var r recorded
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = r
	}
	return out
}

func (r recorded) has(name string) bool {
	return slices.ContainsFunc(r.Answers, func(a recordedAnswer) bool { return a.Case == name })
}

// playback is a registry that gives recorded answers, for one request each the next, and the last again.
type playback struct {
	*httptest.Server
	t       *testing.T
	of      recorded
	mu      sync.Mutex
	answers map[string][]recordedAnswer // by request
	given   map[string]bool
}

// play serves the answers of some cases, in their order.
func (r recorded) play(t *testing.T, cases ...string) *playback {
	t.Helper()
	p := &playback{t: t, of: r, answers: map[string][]recordedAnswer{}, given: map[string]bool{}}
	for _, name := range cases {
		for _, a := range r.Answers {
			if a.Case == name {
				p.answers[a.Method+" "+a.Path] = append(p.answers[a.Method+" "+a.Path], a)
			}
		}
	}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *playback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.check(r)
	asked := r.Method + " " + r.URL.Path
	answers := p.answers[asked]
	n := slices.IndexFunc(answers, func(a recordedAnswer) bool { return strings.Contains(r.URL.RawQuery, a.Query) })
	if n < 0 {
		p.t.Errorf("the client asked %s?%s, for which the scenario has no answer", asked, r.URL.RawQuery)
		http.NotFound(w, r)
		return
	}
	a := answers[n]
	if len(answers) > n+1 && answers[n+1].Query == a.Query {
		p.answers[asked] = slices.Delete(answers, n, n+1)
	}
	p.given[a.Case] = true
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	if string(a.Body) != "null" {
		_, _ = w.Write(a.Body)
	}
}

// check checks that a request is one that the registry takes.
func (p *playback) check(r *http.Request) {
	const v1 = "application/vnd.schemaregistry.v1+json"
	if r.Header.Get("Accept") != v1 || r.Method != http.MethodGet && r.Header.Get("Content-Type") != v1 {
		p.t.Errorf("%s %s has the headers %v", r.Method, r.URL, r.Header)
	}
	if r.Method != http.MethodPost || p.of.Members == nil {
		return
	}
	text, _ := io.ReadAll(r.Body)
	var body map[string]json.RawMessage
	if err := json.Unmarshal(text, &body); err != nil {
		p.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	for name := range body {
		if !slices.Contains(p.of.Members, name) {
			p.t.Errorf("%s %s has %s, which the registry refuses", r.Method, r.URL, name)
		}
	}
}

// The subjects that scenarios declare.
var (
	order   = Subject{Name: "orders-value", Type: JSON, Schema: `{ "type": "object" }`}
	changed = Subject{Name: "orders-value", Type: JSON, Schema: `{"type":"object","title":"changed"}`}
	payment = Subject{Name: "payments-value", Type: Protobuf, Schema: `syntax = "proto3";

package payments.v1;

// Paid says that somebody has.
message Paid {
  string id = 1;
  Money total = 2; // in cents
}
message Money { int64 cents = 1; }
`}
	invoice = Subject{Name: "invoices-value", Type: JSON, Schema: `{"$ref":"money.json"}`, References: []Reference{{Name: "money.json", Subject: "money"}}}
)

// planOf plans a subject, and says what it comes to.
func planOf(s Subject) func(context.Context, *Client) (string, error) {
	return func(ctx context.Context, c *Client) (string, error) {
		plan, err := c.Plan(ctx, []Subject{s})
		if err != nil {
			return "", err
		}
		got := plan.Subjects[0]
		out := string(got.Action)
		if got.Compatibility != (LevelChange{}) {
			out += fmt.Sprintf(", level from %q to %s", got.Compatibility.From, got.Compatibility.To)
		}
		if got.Reason != "" {
			out += ": " + got.Reason
		}
		return out, nil
	}
}

// applied plans a subject, applies the plan, and says what was done.
func applied(s Subject) func(context.Context, *Client) (string, error) {
	return func(ctx context.Context, c *Client) (string, error) {
		plan, err := c.Plan(ctx, []Subject{s})
		if err != nil {
			return "", fmt.Errorf("plan: %w", err)
		}
		if err := c.Apply(ctx, plan); err != nil {
			return "", err
		}
		got := plan.Subjects[0]
		return fmt.Sprintf("%s: version %d, id %d", got.Action, got.Version, got.ID), nil
	}
}

// appliedBoth applies a plan of a subject and of what that refers to, and says what is done.
func appliedBoth(ctx context.Context, c *Client) (string, error) {
	plan, err := c.Plan(ctx, []Subject{invoice, {Name: "money", Type: JSON, Schema: `{"type":"integer"}`}})
	if err != nil {
		return "", err
	}
	err = c.Apply(ctx, plan)
	var done []string
	for _, s := range plan.Subjects {
		if s.Done {
			done = append(done, fmt.Sprintf("%s %d", s.Subject, s.Version))
		}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(done, ", "), err)
	}
	return strings.Join(done, ", "), nil
}

func read(version int, subject string) func(context.Context, *Client) (string, error) {
	return func(ctx context.Context, c *Client) (string, error) {
		get := c.Latest
		if version > 0 {
			get = func(ctx context.Context, subject string) (Stored, error) { return c.Version(ctx, subject, version) }
		}
		s, err := get(ctx, subject)
		if errors.Is(err, ErrNotFound) {
			return "none", nil
		}
		return fmt.Sprintf("%s %d, id %d, %s, %v", s.Subject, s.Version, s.ID, s.Type, s.Texts), err
	}
}

func list(ctx context.Context, c *Client) (string, error) {
	names, err := c.Subjects(ctx)
	return fmt.Sprint(names), err
}

func check(ctx context.Context, c *Client) (string, error) { return "fine", c.Check(ctx) }

// scenarios are what the client does, with the answers that it gets to it. One is left out for a registry that has not all of them.
var scenarios = []struct {
	name    string
	cases   []string
	address string // behind the registry's
	level   string
	do      func(context.Context, *Client) (string, error)
	want    string            // what it comes to, or how its error reads; R is the registry's address
	but     map[string]string // where a registry's answer comes to something else
}{
	{name: "check", cases: []string{"types"}, do: check, want: "fine"},
	{name: "without credentials", cases: []string{"unauthorized"}, do: list, want: "list subjects at R: it answered 401 Unauthorized: Unauthorized: does the registry know that user and password, or token?", but: map[string]string{
		"karapace": "list subjects at R: it answered 401 Unauthorized: does the registry know that user and password, or token?",
	}},
	{name: "subjects", cases: []string{"subjects"}, do: list, want: "[money orders-value]"},
	{name: "newest", cases: []string{"newest"}, do: read(0, "orders-value"), want: "orders-value 2, id 11, JSON, map[]"},
	{name: "newest of Avro", cases: []string{"newest of Avro"}, do: read(0, "legacy-value"), want: "legacy-value 1, id 5, AVRO, map[]"},
	{name: "version", cases: []string{"version"}, do: read(1, "orders-value"), want: "orders-value 1, id 10, JSON, map[]"},
	{name: "with references", cases: []string{"newest with references", "what it refers to"}, do: read(0, "invoices-value"), want: `invoices-value 1, id 13, JSON, map[money.json:{"type":"integer"}]`},
	{name: "no such subject", cases: []string{"no such subject"}, do: read(0, "none"), want: "none"},
	{name: "no such version", cases: []string{"no such version"}, do: read(9, "orders-value"), want: "none"},
	{name: "deleted version", cases: []string{"version that was deleted"}, do: read(3, "orders-value"), want: "none"},
	{name: "deleted subject", cases: []string{"subject that was deleted"}, do: read(0, "gone"), want: "none"},
	{name: "all versions", cases: []string{"versions", "version", "version 2"}, do: func(ctx context.Context, c *Client) (string, error) {
		all, err := c.Versions(ctx, "orders-value")
		return fmt.Sprint(len(all)), err
	}, want: "2"},
	{name: "all versions of none", cases: []string{"versions of no subject"}, do: func(ctx context.Context, c *Client) (string, error) {
		all, err := c.Versions(ctx, "none")
		return fmt.Sprint(len(all)), err
	}, want: "0"},
	{name: "id of a schema", cases: []string{"newest"}, do: schemaID, want: "11"},
	{name: "id of no schema", cases: []string{"forbidden to read"}, do: schemaID, want: "schema id of subject orders-value at R: it answered 403 Forbidden: User is denied operation Read on Subject: orders-value: may that user do that there?", but: map[string]string{
		"karapace": "subject orders-value is not registered at R: run trestle register?", // it tells nobody more
	}},
	{name: "plan: as declared", cases: []string{"newest"}, do: planOf(order), want: "none"},
	{name: "plan: of another type", cases: []string{"newest of Avro"}, do: planOf(Subject{Name: "legacy-value", Type: JSON, Schema: `{"type":"string"}`}),
		want: "refused: the subject holds AVRO, the declared schema is JSON: take a new topic for another encoding"},
	{name: "plan: a new subject", cases: []string{"no such subject"}, do: planOf(Subject{Name: "none", Type: JSON, Schema: `{}`}), want: "create"},
	{name: "plan: changed", cases: []string{"newest", "versions", "version", "compatible"}, do: planOf(changed), want: "update"},
	{name: "plan: incompatible", cases: []string{"newest", "versions", "version", "incompatible"}, do: planOf(changed),
		want: `refused: {errorType:"TYPE_CHANGED", description:"The type at path '#/' in the new schema is another than in the old schema"} (against version 2)`, but: map[string]string{
			"karapace": "refused: type Instance.INTEGER is not compatible with type Instance.STRING",
		}},
	{name: "plan: no schema", cases: []string{"newest", "versions", "version", "no schema to check"}, do: planOf(changed),
		want: "refused: Invalid schema {subject=orders-value,version=0,id=-1,schemaType=JSON,references=[],metadata=null,ruleSet=null,schema={}} with refs [] of type JSON, details: type: unknown", but: map[string]string{
			"redpanda": "refused: Invalid json schema: '{}'. Error: 'type: unknown'",
			"karapace": "check subject orders-value at R: it answered 422 Unprocessable Entity: Invalid SchemaType.JSONSCHEMA schema",
		}},
	{name: "plan: it vanishes", cases: []string{"newest", "versions", "version", "checked after it vanished"}, do: planOf(changed), want: "update", but: map[string]string{
		"redpanda": "check subject orders-value at R: it answered 404 Not Found: Subject 'orders-value' not found",
		"karapace": "check subject orders-value at R: it answered 404 Not Found: Version -1 not found",
	}},
	{name: "plan: protobuf that it prints anew", cases: []string{"newest of protobuf", "found"}, do: planOf(payment), want: "none"},
	{name: "plan: protobuf that it does not have", cases: []string{"newest of protobuf", "not found", "compatible protobuf"}, do: planOf(payment), want: "update"},
	{name: "plan: protobuf that it can't look up", cases: []string{"newest of protobuf", "lookup that it can't read", "compatible protobuf"}, do: planOf(payment), want: "update"},
	{name: "plan: another level", cases: []string{"newest", "own level"}, level: "FULL", do: planOf(order), want: `update, level from "BACKWARD" to FULL`},
	{name: "plan: the registry's level", cases: []string{"newest", "no own level", "level of the registry"}, level: "BACKWARD", do: planOf(order), want: "none"},
	{name: "plan: settings without a level", cases: []string{"newest", "own settings without a level", "level of the registry"}, level: "BACKWARD", do: planOf(order), want: "none"},
	{name: "plan: the registry's level is a secret", cases: []string{"newest", "no own level", "forbidden to read the registry's level"}, level: "BACKWARD", do: planOf(order),
		want: "compatibility level of subject orders-value at R: it answered 403 Forbidden: may that user do that there?"},
	{name: "plan: in a context", cases: []string{"newest in a context", "no own level in a context", "level of a context"}, address: "/contexts/.team", level: "BACKWARD", do: planOf(order), want: "none"},
	{name: "plan: without contexts", cases: []string{"no such path in a context"}, address: "/contexts/.team", do: planOf(order),
		want: "newest version of subject orders-value at R/contexts/.team: it answered 404 Not Found: has that registry contexts? Is its address whole?"},
	{name: "plan: forbidden", cases: []string{"forbidden to read"}, do: planOf(order),
		want: "newest version of subject orders-value at R: it answered 403 Forbidden: User is denied operation Read on Subject: orders-value: may that user do that there?", but: map[string]string{
			"karapace": "create", // which it then refuses
		}},
	{name: "another address", cases: []string{"no such path"}, address: "/elsewhere", do: list, want: "list subjects at R/elsewhere: it answered 404 Not Found: is that a Schema Registry? Is its address whole?", but: map[string]string{
		"confluent": "list subjects at R/elsewhere: it answered 404 Not Found: HTTP 404 Not Found: is that a Schema Registry? Is its address whole?",
	}},
	{name: "apply", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: a node that follows", cases: []string{"newest", "newest", "newest", "newest", "newest after that", "versions", "version", "compatible", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: a node that does not", cases: []string{"newest", "versions", "version", "compatible", "registered"}, do: applied(changed),
		want: "register subject orders-value at R: its schema was taken with id 12, and the newest version has 11: it was changed since the plan was made: make a new plan"},
	{name: "apply: what was just registered", cases: []string{"no such money", "no such money", "newest of what it refers to", "no such money", "no such invoice", "no such invoice", "newest with references", "registered money", "registered invoice"},
		do: appliedBoth, want: "money 1, invoices-value 1"},
	{name: "apply: a level", cases: []string{"newest", "own level", "level is set"}, level: "FULL", do: applied(order), want: "update: version 2, id 11"},
	{name: "apply: incompatible", cases: []string{"newest", "versions", "version", "compatible", "refused as incompatible"}, do: applied(changed),
		want: `register not compatible: subject orders-value: Schema being registered is incompatible with an earlier schema for subject "orders-value", details: [{errorType:"TYPE_CHANGED", description:"The type at path '#/' in the new schema is another than in the old schema"}] (against version 2)`, but: map[string]string{
			"karapace": "register not compatible: subject orders-value: Incompatible schema, compatibility_mode=BACKWARD. Incompatibilities: type Instance.INTEGER is not compatible with type Instance.STRING",
		}},
	{name: "apply: no schema", cases: []string{"newest", "versions", "version", "compatible", "refused as no schema"}, do: applied(changed),
		want: `register subject orders-value at R: it answered 422 Unprocessable Entity: Invalid schema {subject=orders-value,version=0,id=-1,schemaType=JSON,references=[],metadata=null,ruleSet=null,schema={ "type":"unknown" }} with refs [] of type JSON, details: type: unknown`, but: map[string]string{
			"redpanda": `register subject orders-value at R: it answered 422 Unprocessable Entity: Unsupported json schema dialect: '"urn:none"'`,
			"karapace": `register subject orders-value at R: it answered 422 Unprocessable Entity: Invalid JSON schema. Error: Invalid schema { "type":"unknown" } with refs None of type SchemaType.JSONSCHEMA`,
		}},
	{name: "apply: a missing reference", cases: []string{"newest", "versions", "version", "compatible", "refused for a missing reference"}, do: applied(changed),
		want: `register subject orders-value at R: it answered 422 Unprocessable Entity: Invalid schema {subject=orders-value,version=0,id=-1,schemaType=JSON,references=[{name='money.json', subject='money', version=1}],metadata=null,ruleSe … ema={}} with refs [{name='money.json', subject='money', version=1}] of type JSON, details: No schema reference found for subject "money" and version 1`, but: map[string]string{
			"karapace": `register subject orders-value at R: it answered 422 Unprocessable Entity: Invalid PROTOBUF schema. Error: Invalid schema syntax = "proto3"; with refs None of type SchemaType.PROTOBUF`,
		}},
	{name: "apply: no references in JSON", cases: []string{"no such money", "no such money", "newest of what it refers to", "no such invoice", "registered money", "refused for its references"}, do: appliedBoth,
		want: "money 1: register subject invoices-value at R: it answered 422 Unprocessable Entity: Schema references are not supported for 'JSON' schema type: declare the event with protobuf, or take another registry"},
	{name: "apply: references", cases: []string{"no such invoice", "no such invoice", "newest with references", "newest of what it refers to", "registered invoice"}, do: applied(invoice), want: "create: version 1, id 13"},
	{name: "apply: read-only", cases: []string{"newest", "versions", "version", "compatible", "read-only"}, do: applied(changed),
		want: "register subject orders-value at R: it answered 422 Unprocessable Entity: Subject orders-value is in read-only mode: who has set its mode, and why? GET /mode/SUBJECT and GET /mode tell it", but: map[string]string{
			"confluent": "register subject orders-value at R: it answered 422 Unprocessable Entity: Subject orders-value in context . is in read-only mode: who has set its mode, and why? GET /mode/SUBJECT and GET /mode tell it",
		}},
	{name: "apply: forbidden", cases: []string{"newest", "versions", "version", "compatible", "forbidden to write"}, do: applied(changed),
		want: "register subject orders-value at R: it answered 403 Forbidden: User is denied operation Write on Subject: orders-value: may that user do that there?", but: map[string]string{
			"redpanda": "register subject orders-value at R: it answered 403 Forbidden: Forbidden (superuser role required): may that user do that there?",
			"karapace": "register subject orders-value at R: it answered 404 Not Found: Subject 'orders-value' not found: may that user write there? Some registries say so to one who may not",
		}},
	{name: "apply: forbidden to set a level", cases: []string{"newest", "own level", "forbidden to set a level"}, level: "FULL", do: applied(order),
		want: "set compatibility of subject orders-value at R: it answered 404 Not Found: Subject 'orders-value' not found: may that user write there? Some registries say so to one who may not"},
	{name: "apply: the store is away", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "store is away", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: the leader is unknown", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "leader is unknown", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: others write too", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "others write too", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: too many requests", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "too many requests", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: broken inside, once", cases: []string{"newest", "newest", "newest after that", "versions", "version", "compatible", "broken inside", "registered"}, do: applied(changed), want: "update: version 3, id 12"},
	{name: "apply: broken inside", cases: []string{"newest", "versions", "version", "compatible", "broken inside"}, do: applied(changed),
		want: "register subject orders-value at R: it answered 500 Internal Server Error: Error while registering schema: is the registry, and what stands before it, well? Try again later", but: map[string]string{
			"redpanda": "register subject orders-value at R: it answered 500 Internal Server Error: HTTP 500 Internal Server Error: is the registry, and what stands before it, well? Try again later",
			"karapace": "register subject orders-value at R: it answered 500 Internal Server Error: Unknown compatibility mode: is the registry, and what stands before it, well? Try again later",
		}},
	{name: "a token that is too old", cases: []string{"unauthorized by token"}, do: list, want: "list subjects at R: it answered 401 Unauthorized: does the registry know that user and password, or token?"},
}

func schemaID(ctx context.Context, c *Client) (string, error) {
	id, err := NewSchemaIDs(c).SchemaID(ctx, &event.EventInfo{Type: "orders", Topic: &event.TopicInfo{Name: "orders", EventTypes: []string{"orders"}}})
	return fmt.Sprint(id), err
}

// TestRecordedAnswers has the client deal with what registries that the tests do not run answer, as their sources say.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	registries := recordedRegistries(t)
	asked := map[string]bool{} // by registry and case
	for _, s := range scenarios {
		tried := 0
		for name, r := range registries {
			if slices.ContainsFunc(s.cases, func(c string) bool { return !r.has(c) }) {
				if _, odd := s.but[name]; odd {
					t.Errorf("%s: %s has not all of the answers that it is to make something of", s.name, name)
				}
				continue
			}
			tried++
			t.Run(s.name+"/"+name, func(t *testing.T) {
				p := r.play(t, s.cases...)
				c, err := New(p.URL+s.address, WithCompatibility(s.level), func(c *config) { c.between = kafka.Backoff{Lowest: time.Millisecond, Highest: time.Millisecond} })
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.do(t.Context(), c)
				if err != nil {
					got = err.Error()
				}
				want := s.want
				if other, odd := s.but[name]; odd {
					want = other
				}
				if got := strings.ReplaceAll(got, p.URL, "R"); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				for _, one := range s.cases {
					if !p.given[one] {
						t.Errorf("nothing was asked that %q is an answer to", one)
					}
					asked[name+": "+one] = true
				}
			})
		}
		if tried == 0 {
			t.Errorf("no registry has the answers of %q", s.name)
		}
	}
	for name, r := range registries {
		if len(r.Commit) != 40 || r.Live || r.Of == "" {
			t.Errorf("%s: it does not say of what it is, and that it was not run: %+v", name, r.Of)
		}
		for _, a := range r.Answers {
			if a.Source == "" || a.Unasked == asked[name+": "+a.Case] {
				t.Errorf("%s: %q: its source is %q, and unasked %v", name, a.Case, a.Source, a.Unasked)
			}
		}
	}
}
