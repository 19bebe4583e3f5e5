package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestRegister registers the generated JSON Schemas of all events, twice, then a compatible and an incompatible edit.
func TestRegister(t *testing.T) {
	t.Parallel()
	ctx := within(t, patience)
	address := services.Registry(t)
	client, err := registry.New(address, registry.WithGate(gate.Registration))
	if err != nil {
		t.Fatal(err)
	}
	declared := generatedSubjects(t)

	plan := register(ctx, t, client, declared)
	checkReferencesFirst(t, plan)
	for _, s := range plan.Subjects {
		if s.Action != registry.Create || s.Version != 1 || s.ID == 0 {
			t.Errorf("%s in an empty registry: %s, version %d, id %d, want create, version 1 and an id", s.Subject, s.Action, s.Version, s.ID)
		}
	}
	first := inRegistry(ctx, t, address)
	checkRegistered(t, declared, first)

	if again := register(ctx, t, client, declared); !again.Empty() {
		t.Errorf("the second plan is not empty: %+v", again.Subjects)
	}
	if diff := cmp.Diff(first, inRegistry(ctx, t, address)); diff != "" {
		t.Errorf("the second run changed the registry:\n%s", diff)
	}
	checkSchemaIDs(ctx, t, client, first)

	const edited = "omninode_codegen_request_pattern_v1-value"
	wider := edit(t, declared, edited, `"properties": {
        "correlation_id"`, `"properties": {
        "hint": { "description": "What to look for first.", "type": "string" },
        "correlation_id"`)
	register(ctx, t, client, wider)
	second := inRegistry(ctx, t, address)
	if len(second[edited]) != 2 {
		t.Errorf("%s has %d versions after a compatible edit, want 2", edited, len(second[edited]))
	}
	delete(first, edited)
	other := inRegistry(ctx, t, address)
	delete(other, edited)
	if diff := cmp.Diff(first, other); diff != "" {
		t.Errorf("the edit of one schema changed others:\n%s", diff)
	}

	// What comes before the refused subject, and after it, is not written either.
	narrower := edit(t, wider, edited, `"maximum": 20`, `"maximum": 10`)
	for _, name := range []string{"a-value", "z-value"} {
		narrower = append(narrower, registry.Subject{
			Name: name, Type: registry.JSON, Schema: `{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}`,
		})
	}
	refused, err := client.Plan(ctx, narrower)
	if err != nil {
		t.Fatal(err)
	}
	err = client.Apply(ctx, refused)
	incompatible, ok := errors.AsType[*registry.IncompatibleError](err)
	if !ok || len(incompatible.Subjects) != 1 || incompatible.Subjects[0].Subject != edited {
		t.Errorf("a narrower limit: %v, want an IncompatibleError of %s alone", err, edited)
	} else if reason := incompatible.Subjects[0].Reason; !strings.Contains(reason, "limit") {
		t.Errorf("a narrower limit is refused because %q, which does not name the field", reason)
	}
	if diff := cmp.Diff(second, inRegistry(ctx, t, address)); diff != "" {
		t.Errorf("an incompatible edit changed the registry:\n%s", diff)
	}
}

// TestRegisterProtobuf registers protobuf schemas that import each other.
func TestRegisterProtobuf(t *testing.T) {
	t.Parallel()
	ctx := within(t, patience)
	address := services.SharedRegistry(t)
	client, err := registry.New(address)
	if err != nil {
		t.Fatal(err)
	}
	reference := func(name string) registry.Reference { return registry.Reference{Name: name, Subject: name} }
	declared := []registry.Subject{
		{
			Name: "shop_orders-value", Type: registry.Protobuf, References: []registry.Reference{reference("shop/v1/item.proto"), reference("shop/v1/money.proto")},
			Schema: "syntax = \"proto3\";\npackage shop.v1;\n\nimport \"shop/v1/item.proto\";\nimport \"shop/v1/money.proto\";\n\n" +
				"message OrderPlaced {\n  string order_id = 1;\n  repeated Item items = 2;\n  Money total = 3;\n}\n",
		},
		{
			Name: "shop/v1/item.proto", Type: registry.Protobuf, References: []registry.Reference{reference("shop/v1/money.proto")},
			Schema: "syntax = \"proto3\";\npackage shop.v1;\n\nimport \"shop/v1/money.proto\";\n\nmessage Item {\n  string sku = 1;\n  Money price = 2;\n}\n",
		},
		{
			Name: "shop/v1/money.proto", Type: registry.Protobuf,
			Schema: "syntax = \"proto3\";\npackage shop.v1;\n\nmessage Money {\n  int64 cents = 1;\n}\n",
		},
	}
	plan := register(ctx, t, client, declared)
	checkReferencesFirst(t, plan)
	first := inRegistry(ctx, t, address)
	checkRegistered(t, declared, first)
	if again := register(ctx, t, client, declared); !again.Empty() {
		t.Errorf("the second plan is not empty: %+v", again.Subjects)
	}
	if diff := cmp.Diff(first, inRegistry(ctx, t, address)); diff != "" {
		t.Errorf("the second run changed the registry:\n%s", diff)
	}
}

// register plans and applies.
func register(ctx context.Context, t *testing.T, client *registry.Client, declared []registry.Subject) *registry.Plan {
	t.Helper()
	plan, err := client.Plan(ctx, declared)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Apply(ctx, plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

var refPattern = regexp.MustCompile(`"\$ref": "([^#"]+\.json)"`)

// generatedSubjects are the subjects of all events, their schemas from gen/jsonschema.
func generatedSubjects(t *testing.T) []registry.Subject {
	t.Helper()
	read := func(dir, file string) string {
		text, err := os.ReadFile(path.Join("../../../gen/jsonschema", dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	subjects := map[string]registry.Subject{}
	for _, topic := range loadSchemas(t).Topics {
		info := trestle.TopicInfo{Name: topic.Name}
		for _, e := range topic.Events {
			info.EventTypes = append(info.EventTypes, e.Type)
		}
		for _, e := range topic.Events {
			s := registry.Subject{
				Name: registry.SubjectName(&info, e.Type), Type: registry.JSON, Schema: read(e.Package.Dir, e.Type+".json"),
			}
			for _, match := range refPattern.FindAllStringSubmatch(s.Schema, -1) {
				target := e.Package.Name + "." + strings.TrimSuffix(match[1], ".json")
				subjects[target] = registry.Subject{Name: target, Type: registry.JSON, Schema: read(e.Package.Dir, match[1])}
				s.References = append(s.References, registry.Reference{Name: match[1], Subject: target})
			}
			subjects[s.Name] = s
		}
	}
	out := make([]registry.Subject, 0, len(subjects))
	for _, s := range subjects {
		out = append(out, s)
	}
	return out
}

// edit returns the subjects with one text replaced in the schema of one of them.
func edit(t *testing.T, subjects []registry.Subject, name, old, new string) []registry.Subject {
	t.Helper()
	out := slices.Clone(subjects)
	for i := range out {
		if out[i].Name != name {
			continue
		}
		if strings.Count(out[i].Schema, old) != 1 {
			t.Fatalf("%s: %q is in it %d times, want once:\n%s", name, old, strings.Count(out[i].Schema, old), out[i].Schema)
		}
		out[i].Schema = strings.Replace(out[i].Schema, old, new, 1)
		return out
	}
	t.Fatalf("there is no subject %s", name)
	return nil
}

func checkReferencesFirst(t *testing.T, plan *registry.Plan) {
	t.Helper()
	written := map[string]bool{}
	references := 0
	for _, s := range plan.Subjects {
		for _, r := range s.References {
			references++
			if !written[r] {
				t.Errorf("%s comes before %s, which it refers to", s.Subject, r)
			}
		}
		written[s.Subject] = true
	}
	if references == 0 {
		t.Error("no subject has references: the test has shown nothing")
	}
}

// registered is one version of a subject, as the registry itself tells it.
type registered struct {
	ID         int
	Version    int
	SchemaType string
	Schema     string
	References []struct {
		Name, Subject string
		Version       int
	}
}

// inRegistry returns all versions of all subjects, read without the client that is tested.
func inRegistry(ctx context.Context, t *testing.T, address string) map[string][]registered {
	t.Helper()
	get := func(into any, format string, args ...any) {
		t.Helper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+fmt.Sprintf(format, args...), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %s: %s", request.URL, response.Status, body)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("GET %s: %v in %s", request.URL, err, body)
		}
	}
	var subjects []string
	get(&subjects, "/subjects")
	out := map[string][]registered{}
	for _, subject := range subjects {
		var versions []int
		get(&versions, "/subjects/%s/versions", url.PathEscape(subject))
		for _, version := range versions {
			var r registered
			get(&r, "/subjects/%s/versions/%d", url.PathEscape(subject), version)
			out[subject] = append(out[subject], r)
		}
	}
	return out
}

// checkRegistered checks that the registry holds one version of each declared subject, its references resolved.
func checkRegistered(t *testing.T, declared []registry.Subject, found map[string][]registered) {
	t.Helper()
	for _, s := range declared {
		versions := found[s.Name]
		if len(versions) != 1 {
			t.Errorf("%s has %d versions, want 1", s.Name, len(versions))
			continue
		}
		if s.Type == registry.JSON {
			if diff := diffJSON(parseJSON(t, []byte(s.Schema)), parseJSON(t, []byte(versions[0].Schema))); diff != "" {
				t.Errorf("%s was stored as another schema:\n%s", s.Name, diff)
			}
		}
		var want, got []string
		for _, r := range s.References {
			want = append(want, r.Name+" is "+r.Subject+" 1")
		}
		for _, r := range versions[0].References {
			got = append(got, fmt.Sprintf("%s is %s %d", r.Name, r.Subject, r.Version))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("references of %s (-want +got):\n%s", s.Name, diff)
		}
	}
}

// checkSchemaIDs checks that events are written with the ids that the registry gave.
func checkSchemaIDs(ctx context.Context, t *testing.T, client *registry.Client, found map[string][]registered) {
	t.Helper()
	ids := registry.NewSchemaIDs(client)
	for _, info := range eventTypes() {
		if info.Topic == nil {
			continue
		}
		subject := registry.SubjectName(info.Topic, info.Type)
		id, err := ids.SchemaID(ctx, info)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := found[subject][0].ID; id != want {
			t.Errorf("the schema id of %s is %d, want that of %s, %d", info.Type, id, subject, want)
		}
	}
}
