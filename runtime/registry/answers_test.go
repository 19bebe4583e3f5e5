package registry

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contextual answers as Confluent's registry is documented to: with contexts in paths and in the names of subjects, protobuf printed anew, and what is said
// of schemas kept member by member.
type contextual struct {
	*httptest.Server
	mu      sync.Mutex
	stored  map[string][]map[string]any // subject, with its context → versions
	queries []string                    // of requests with a body
}

func newContextual(t *testing.T) *contextual {
	t.Helper()
	c := &contextual{stored: map[string][]map[string]any{}}
	mux := http.NewServeMux()
	handle := func(pattern string, h func(subject string, r *http.Request) any) {
		serve := func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			defer c.mu.Unlock()
			subject := r.PathValue("subject")
			if context := r.PathValue("context"); context != "" {
				subject = ":" + context + ":" + strings.TrimPrefix(subject, ":"+context+":")
			}
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			if r.Method == http.MethodPost {
				c.queries = append(c.queries, r.URL.RawQuery)
			}
			answer := h(subject, r)
			if answer == nil {
				w.WriteHeader(http.StatusNotFound)
				answer = map[string]any{"error_code": 40401, "message": "Subject '" + subject + "' not found."}
			}
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		}
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+path, serve)
		mux.HandleFunc(method+" /contexts/{context}"+path, serve)
	}
	posted := func(r *http.Request) map[string]any {
		var body map[string]any
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &body); err != nil {
			t.Error(err)
		}
		if body["schemaType"] == "PROTOBUF" {
			body["schema"] = "// printed\n" + strings.Join(strings.Fields(body["schema"].(string)), " ")
		}
		return body
	}
	newest := func(subject string) map[string]any {
		if versions := c.stored[subject]; len(versions) > 0 {
			return versions[len(versions)-1]
		}
		return nil
	}
	handle("GET /subjects", func(string, *http.Request) any {
		names := []string{}
		for name := range c.stored {
			names = append(names, name)
		}
		return names
	})
	handle("GET /subjects/{subject}/versions/{version}", func(subject string, _ *http.Request) any {
		if v := newest(subject); v != nil {
			return v
		}
		return nil
	})
	handle("GET /subjects/{subject}/versions", func(subject string, _ *http.Request) any {
		if len(c.stored[subject]) == 1 {
			return []int{1}
		}
		return nil
	})
	handle("POST /subjects/{subject}", func(subject string, r *http.Request) any {
		if v := newest(subject); v != nil && v["schema"] == posted(r)["schema"] {
			return v
		}
		return nil
	})
	handle("POST /subjects/{subject}/versions", func(subject string, r *http.Request) any {
		next := posted(r)
		next["subject"], next["version"], next["id"] = subject, len(c.stored[subject])+1, 10*len(c.stored)+len(c.stored[subject])+1
		c.stored[subject] = append(c.stored[subject], next)
		return map[string]any{"id": next["id"]}
	})
	handle("POST /compatibility/subjects/{subject}/versions/{version}", func(string, *http.Request) any {
		return map[string]any{"is_compatible": true}
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *contextual) client(t *testing.T, path string, opts ...Option) *Client {
	t.Helper()
	client, err := New(c.URL+path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// bring plans, applies, and returns the actions.
func bring(t *testing.T, client *Client, subjects ...Subject) []Action {
	t.Helper()
	plan, err := client.Plan(t.Context(), subjects)
	if err != nil {
		t.Fatal(err)
	}
	var actions []Action
	for _, s := range plan.Subjects {
		actions = append(actions, s.Action)
	}
	if err := client.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	return actions
}

func TestWhatOthersSayOfASchemaIsKept(t *testing.T) {
	t.Parallel()
	c := newContextual(t)
	client := c.client(t, "")
	bring(t, client, Subject{Name: "orders-value", Type: JSON, Schema: `{"title":"a"}`})
	metadata := map[string]any{"properties": map[string]any{"owner": "billing"}, "tags": map[string]any{"$.pin": []any{"PII"}}}
	rules := map[string]any{"domainRules": []any{map[string]any{"name": "r", "expr": "true"}}, "encodingRules": []any{map[string]any{"name": "e"}}, "enableAt": "x"}
	c.stored["orders-value"][0]["metadata"], c.stored["orders-value"][0]["ruleSet"] = metadata, rules
	if got := bring(t, client, Subject{Name: "orders-value", Type: JSON, Schema: `{"title":"b"}`}); got[0] != Update {
		t.Fatalf("got %v", got)
	}
	next := c.stored["orders-value"][1]
	if diff := cmp.Diff(metadata, next["metadata"]); diff != "" || next["schema"] != `{"title":"b"}` {
		t.Errorf("metadata (-were +are):\n%s", diff)
	}
	if diff := cmp.Diff(rules, next["ruleSet"]); diff != "" {
		t.Errorf("rules (-were +are):\n%s", diff)
	}
	if _, ok := c.stored["orders-value"][0]["metadata"]; !ok {
		t.Error("the first version lost its own")
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	c := newContextual(t)
	declared := []Subject{
		{Name: "orders-value", Type: JSON, Schema: `{"$ref":"money"}`, References: []Reference{{Name: "money", Subject: "money"}}},
		{Name: "money", Type: JSON, Schema: `{"type":"integer"}`},
	}
	for _, path := range []string{"", "/contexts/.team", "/contexts/.other"} {
		client := c.client(t, path)
		if diff := cmp.Diff([]Action{Create, Create}, bring(t, client, declared...)); diff != "" {
			t.Errorf("%s, first (-want +got):\n%s", path, diff)
		}
		if diff := cmp.Diff([]Action{None, None}, bring(t, client, declared...)); diff != "" {
			t.Errorf("%s, again (-want +got):\n%s", path, diff)
		}
		names, err := client.Subjects(t.Context())
		if diff := cmp.Diff([]string{"money", "orders-value"}, names); diff != "" || err != nil {
			t.Errorf("%s: %v, subjects (-want +got):\n%s", path, err, diff)
		}
		latest, err := client.Latest(t.Context(), "orders-value")
		if err != nil || latest.Subject != "orders-value" || latest.Texts["money"] != `{"type":"integer"}` {
			t.Errorf("%s: %+v, %v", path, latest, err)
		}
	}
	if len(c.stored) != 6 || len(c.stored[":.team:money"]) != 1 {
		t.Errorf("stored %v", c.stored)
	}
}

func TestRegistryThatPrintsProtobufAnew(t *testing.T) {
	t.Parallel()
	c := newContextual(t)
	client := c.client(t, "", WithNormalization())
	first := Subject{Name: "orders-value", Type: Protobuf, Schema: "syntax = \"proto3\";\nmessage M {}\n"}
	for _, want := range []Action{Create, None} {
		if got := bring(t, client, first); got[0] != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	first.Schema += "message N {}\n"
	for _, want := range []Action{Update, None} {
		if got := bring(t, client, first); got[0] != want {
			t.Errorf("changed: got %v, want %v", got, want)
		}
	}
	for _, query := range c.queries {
		if !strings.Contains(query, "normalize=true") {
			t.Errorf("a request with the query %q: want normalize=true", query)
		}
	}
}
