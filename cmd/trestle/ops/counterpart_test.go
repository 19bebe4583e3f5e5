package ops

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestJustRegistered compares projects with each subject that registering them has written: nothing breaks, whichever is the
// new side, in any mode of both profiles. One is this repository's; another has events of both languages and encodings.
func TestJustRegistered(t *testing.T) {
	t.Parallel()
	t.Run("omninode", func(t *testing.T) {
		t.Parallel()
		p, err := Open("../../..")
		if err != nil {
			t.Fatal(err)
		}
		testJustRegistered(t, p, 40)
	})
	t.Run("mixed", func(t *testing.T) {
		t.Parallel()
		files := map[string]string{
			"trestle.yaml": "go_import: example.org/gen\n",
			"schemas/shop/v1/common.proto": `edition = "2023"; package shop.v1;
// Money is an amount.
message Money {
  // Cents of it.
  int64 cents = 1;
}`,
			"schemas/shop/v1/orders.proto": `edition = "2023"; package shop.v1;
import "buf/validate/validate.proto";
import "shop/v1/common.proto";
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE};
// Placed says that an order was placed.
message Placed {
  option (trestle.v1.event) = {topic: "orders_v1" key: "id" role: ROLE_EVENT encoding: ENCODING_PROTOBUF};
  // The order.
  string id = 1 [(buf.validate.field).required = true];
  // What it costs.
  Money price = 2;
}
// Gone says that an order was cancelled.
message Gone {
  option (trestle.v1.event) = {topic: "orders_v1" key: "id" role: ROLE_EVENT encoding: ENCODING_PROTOBUF};
  // The order.
  string id = 1 [(buf.validate.field).required = true];
}`,
			"schemas/stock/v1/size.json": `{"$schema":"https://json-schema.org/draft/2020-12/schema","$defs":{"Size":{"type":"object",
				"properties":{"width":{"type":"integer","minimum":1}},"required":["width"]}}}`,
			"schemas/stock/v1/counted.json": `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Counted","x-trestle":
				{"family":{"envelope":"none"},"event":{"type":"stock.counted","topic":"stock_v1","key":["id"],"role":"event"}},
				"type":"object","properties":{"id":{"type":"string"},"size":{"$ref":"size.json#/$defs/Size"},"n":{"type":"integer"}},
				"required":["id"],"minProperties":1,"if":{"required":["n"]},"then":{"required":["size"]}}`,
		}
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
		testJustRegistered(t, p, 6)
	})
	t.Run("encrypted", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "schemas"), os.DirFS("../../../tools/gen/golang/testdata/sealed/in")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "trestle.yaml"), []byte("go_import: example.org/gen\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		testJustRegistered(t, p, 6)
	})
}

func testJustRegistered(t *testing.T, p *Project, subjects int) {
	server, err := devregistry.NewServer(filepath.Join(t.TempDir(), "registry.json"), gate.Checker{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	env := Environment{Registry: web.URL}
	whole, err := PlanSubjects(t.Context(), p, env)
	if err == nil {
		err = whole.Apply(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	plan := whole.Subjects()
	if len(plan.Subjects) != subjects {
		t.Errorf("%d subjects were registered, want %d", len(plan.Subjects), subjects)
	}
	l := &loader{project: p, environment: func() (Environment, error) { return env, nil }}
	current, err := l.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Subjects {
		t.Run(s.Subject, func(t *testing.T) {
			stored, err := l.version(t.Context(), "registry:"+s.Subject)
			if err != nil {
				t.Fatal(err)
			}
			src, err := counterpartOf(current, s.Subject, &stored)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := p.loadSource(t.Context(), src, load.ToCompare())
			if err != nil {
				t.Fatal(err)
			}
			for _, profile := range []compat.Profile{compat.Guide, compat.Confluent} {
				for _, sides := range [][2]*schema.Set{{stored.set, ours}, {ours, stored.set}} {
					r, err := compat.Compare(sides[0], sides[1], compat.Options{Profile: profile, Mode: compat.ModeFull})
					if err != nil {
						t.Fatalf("%s: %v", profile, err)
					}
					if len(r.Findings) > 0 || len(r.Notes) > 0 || r.Events+r.Schemas == 0 && profile == compat.Guide {
						t.Errorf("%s: %+v, %+v, %d events and %d schemas", profile, r.Findings, r.Notes, r.Events, r.Schemas)
					}
				}
			}
		})
	}
}

// TestCounterpart matches subjects to what a project has, by what they are.
func TestCounterpart(t *testing.T) {
	t.Parallel()
	const (
		head  = `{"$schema":"https://json-schema.org/draft/2020-12/schema",`
		words = `"x-trestle":{"family":{"envelope":"none"},"event":{"type":"order.placed","topic":"orders_v1","key":["id"],"role":"event"}},`
		body  = `"title":"OrderPlaced","type":"object","properties":{"id":{"type":"string"},"note":{"type":"string"}},"required":["id"`
		other = `"title":"OrderGone","type":"object","properties":{"id":{"type":"string"}},"required":["id"],` +
			`"x-trestle":{"event":{"type":"order.gone","topic":"gone_v1","key":["id"],"role":"event"}}}`
	)
	project := map[string]string{"shop/v1/order.json": head + words + body + `]}`, "shop/v1/gone.json": head + other}
	for name, tt := range map[string]struct {
		project map[string]string
		subject string
		stored  string
		// found is the file that the new side's positions are in; breaks is what a stored schema that asks for the note breaks.
		found, fails string
		breaks       bool
	}{
		"the schema file itself":        {project, "orders_v1-value", head + words + body + `]}`, "shop/v1/order.json", "", false},
		"a property was required there": {project, "orders_v1-value", head + words + body + `,"note"]}`, "shop/v1/order.json", "", true},
		"under another name, the same event": {
			project, "anything", head + words + strings.Replace(body, "OrderPlaced", "Order", 1) + `,"note"]}`, "shop/v1/order.json", "", true,
		},
		"what would be registered, by the subject": {project, "orders_v1-value", head + body + `,"note"]}`, "orders_v1-value.json", "", true},
		"what would be registered, by the title": {
			project, "anything", head + strings.Replace(body, "OrderPlaced", "order.placed", 1) + `,"note"]}`, "orders_v1-value.json", "", true,
		},
		"the only event": {
			map[string]string{"shop/v1/order.json": project["shop/v1/order.json"]}, "anything", `{` + strings.Replace(body, "OrderPlaced", "X", 1) + `,"note"]}`,
			"orders_v1-value.json", "", true,
		},
		"a file that is no event, by its $id": {
			map[string]string{"a.json": head + `"$id":"https://x.org/a","type":"integer"}`, "b.json": head + `"type":"string"}`},
			"numbers", `{"$id":"https://x.org/a","type":"string"}`, "a.json", "", true,
		},
		"the only file": {map[string]string{"a.json": head + `"type":"integer"}`}, "numbers", `{"type":"string"}`, "a.json", "", true},
		"nothing": {
			project, "numbers", `{"title":"N","type":"integer"}`, "",
			"nothing to compare: the subject holds N, and none of the 2 schemas on the other side is the same event, message or file", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{}
			for path, text := range tt.project {
				files[path] = []byte(text)
			}
			set := loaded(t, load.Files(files))
			registered := gate.RegisteredSchema(registry.Stored{Subject: tt.subject, Type: registry.JSON, Schema: tt.stored})
			stored := &version{set: loaded(t, registered), registered: true}
			src, err := counterpartOf(set, tt.subject, stored)
			if tt.fails != "" {
				if err == nil || err.Error() != tt.fails {
					t.Fatalf("got %v, want %s", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			ours := loaded(t, src)
			if got := ours.Files()[0].Path; got != tt.found {
				t.Errorf("compared %s, want %s", got, tt.found)
			}
			for _, profile := range []compat.Profile{compat.Guide, compat.Confluent} {
				r, err := compat.Compare(ours, stored.set, compat.Options{Profile: profile, NoWitness: true, Mode: compat.ModeBackward})
				if err != nil {
					t.Fatal(err)
				}
				if r.Compatible == tt.breaks {
					t.Errorf("%s: compatible is %v: %+v", profile, r.Compatible, r.Findings)
				}
			}
		})
	}
}

func loaded(t *testing.T, src load.Source) *schema.Set {
	t.Helper()
	set, err := load.Schemas(context.Background(), src, load.ToCompare())
	if err != nil {
		t.Fatal(err)
	}
	return set
}
