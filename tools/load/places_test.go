package load_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/rogpeppe/go-internal/txtar"
)

// Without comments everything stands where it does with them, in schemas and in faults.
func TestWithoutComments(t *testing.T) {
	t.Parallel()
	sources := map[string]load.Source{
		"schemas": load.Dir("../../schemas"),
		"groups and options": load.Files(map[string][]byte{"a.proto": []byte(`syntax = "proto2";
import "google/protobuf/descriptor.proto";
import "buf/validate/validate.proto";
option java_package = "a.b";
extend google.protobuf.FieldOptions { optional group Note = 50001 { repeated string words = 1; optional Inner inner = 2; repeated Inner more = 3; } }
message Inner { optional int32 n = 1; }
enum E { option deprecated = true; A = 0 [deprecated = true]; B = 1; }
message M {
  option deprecated = true;
  repeated group Item = 1 { optional E e = 1 [default = B, json_name = "other"]; }
  map<string, M> all = 2 [(note) = {words: ["a", "b"], inner: {n: 1}, more: [{n: 2}, {n: 3}]}];
  oneof choice {
    option (buf.validate.oneof).required = true;
    string x = 3 [(buf.validate.field).string.min_len = 1, (buf.validate.field).string.max_len = 9];
    group Y = 4 { optional int32 z = 1 [(note).inner.n = 1, (note).words = "a", (note).words = "b"]; }
  }
  enum Nested { N = 0; }
  message Deep { optional Nested n = 1; extend M { optional group X = 100 { } } }
  extensions 100 to max;
}
`)}),
	}
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, f := range archive.Files {
			files[f.Name] = f.Data
		}
		sources[name] = load.Files(files)
	}
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantErr := load.Schemas(t.Context(), src)
			got, gotErr := load.Schemas(t.Context(), src, load.WithoutComments())
			if wantErr != nil || gotErr != nil {
				if diff := cmp.Diff(fmt.Sprint(wantErr), fmt.Sprint(gotErr)); diff != "" {
					t.Errorf("faults (-with +without):\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff(places(want), places(got)); diff != "" {
				t.Errorf("places (-with +without):\n%s", diff)
			}
		})
	}
}

// places lists where everything stands.
func places(set *schema.Set) string {
	var b strings.Builder
	put := func(what string, pos schema.Position) { fmt.Fprintln(&b, pos, what) }
	var putType func(what string, t *schema.Type)
	putType = func(what string, t *schema.Type) {
		if t == nil {
			return
		}
		put(what+" type", t.Pos)
		put(what+" constraints", t.Constraints.Pos)
		putType(what+" key", t.Key)
		putType(what+" element", t.Elem)
	}
	putEnums := func(enums []*schema.Enum) {
		for _, e := range enums {
			put(e.FullName, e.Pos)
			for _, v := range e.Values {
				put(v.Name, v.Pos)
			}
		}
	}
	var putMessages func(messages []*schema.Message)
	putMessages = func(messages []*schema.Message) {
		for _, m := range messages {
			put(m.FullName, m.Pos)
			for _, o := range m.Oneofs {
				put(o.Name, o.Pos)
			}
			for _, f := range m.Fields {
				put(f.Name+" "+f.JSONName, f.Pos)
				putType(f.Name, f.Type)
			}
			putEnums(m.Enums)
			putMessages(m.Messages)
		}
	}
	for _, p := range set.Packages {
		putEnums(p.Enums)
		putMessages(p.Messages)
		if p.Family != nil {
			put("family", p.Family.Pos)
		}
		for _, e := range p.Events {
			put(e.Type, e.Pos)
		}
	}
	for _, t := range set.Topics {
		put(t.Name, t.Pos)
	}
	for _, g := range set.Groups {
		put(g.Name, g.Pos)
	}
	return b.String()
}
