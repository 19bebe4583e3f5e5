package load_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// everyKind has fields that lead to messages and enums in every way that protobuf has.
const everyKind = `syntax = "proto3";
package kinds.v1;
import "big/p0/v1/a.proto";
import "buf/validate/validate.proto";
import "google/protobuf/wrappers.proto";
import "trestle/v1/options.proto";
message Kinds {
  option (trestle.v1.event) = {topic: "kinds_v1", key: "name"};
  message Inner {
    repeated Unit units = 1 [(buf.validate.field).repeated.items.enum.defined_only = true];
  }
  string name = 1 [(buf.validate.field).string.pattern = "[a-z]+", (trestle.v1.field).sensitive = true];
  big.p0.v1.M1 elsewhere = 2;
  repeated Kinds again = 3;
  map<string, Inner> named = 4 [(buf.validate.field).map.min_pairs = 1];
  oneof choice {
    Unit unit = 5 [(buf.validate.field).enum.in = 1];
    google.protobuf.Int32Value number = 6;
  }
  optional Unit usual = 7 [(trestle.v1.field).default = "\"UNIT_KILO\""];
}
enum Unit {
  UNIT_UNSPECIFIED = 0;
  UNIT_KILO = 1;
}
`

// Loads that share come to what they come to alone, at the same time too.
func TestShared(t *testing.T) {
	t.Parallel()
	base := func() map[string][]byte {
		files := manyFiles(200, true)
		files["kinds/v1/kinds.proto"] = []byte(everyKind)
		return files
	}
	changed := func(name, old, new string) map[string][]byte {
		files := base()
		text := strings.Replace(string(files[name]), old, new, 1)
		if text == string(files[name]) {
			t.Fatalf("%s has no %q", name, old)
		}
		files[name] = []byte(text)
		return files
	}
	versions := []map[string][]byte{
		base(),
		base(),
		changed("big/p9/v1/a.proto", "string field_1 = 1", "int32 field_1 = 1"),
		// What stands above others changes what their names mean, though not their text.
		changed("big/p3/v1/a.proto", "message M5 {", "enum M5 { ZERO = 0; }\nmessage Other {"),
		changed("big/p9/v1/a.proto", "message M5 {", "message M4 {"),
		changed("big/p0/v1/a.proto", "string field_1 = 1", "string field_1 = x"),
		changed("big/p9/v1/a.proto", "package big.p9.v1", "package big.p8.v1"),
		changed("kinds/v1/kinds.proto", "UNIT_KILO", "UNIT_GRAM"),
		changed("kinds/v1/kinds.proto", "[a-z]+", "[a-z"),
	}
	var want []string
	for _, files := range versions {
		want = append(want, loadText(t, load.Files(files)))
	}
	if want[0] == want[2] || !strings.Contains(want[4], "already") || !strings.Contains(want[5], "a.proto:7:") || !strings.Contains(want[8], "pattern") {
		t.Fatalf("the versions are not what they are meant to be:\n%.300s\n%.300s\n%.300s", want[4], want[5], want[8])
	}
	var shared load.Shared
	var wg sync.WaitGroup
	for range 3 {
		for i, files := range versions {
			wg.Go(func() {
				got := ""
				set, err := load.Schemas(t.Context(), load.Files(files), load.WithGoPrefix("example.org/gen"), load.WithShared(&shared))
				if err == nil {
					got = dump(set)
				} else {
					got = fmt.Sprintln(err)
				}
				if diff := cmp.Diff(want[i], got); diff != "" {
					t.Errorf("version %d (-alone +shared):\n%.2000s", i, diff)
				}
			})
		}
	}
	wg.Wait()
}

// A JSON Schema of the same text is parsed once for two loads.
func TestSharedTrees(t *testing.T) {
	t.Parallel()
	text := func(title string) []byte {
		return []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"` + title + `","type":"object"}`)
	}
	var shared load.Shared
	var sets [2]*schema.Set
	for i, title := range []string{"B", "Other"} {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.json": text("A"), "b/v1/b.json": text(title)}), load.WithShared(&shared))
		if err != nil {
			t.Fatal(err)
		}
		sets[i] = set
	}
	for i, same := range []bool{true, false} {
		if got := sets[0].Packages[i].Files[0].Tree() == sets[1].Packages[i].Files[0].Tree(); got != same {
			t.Errorf("%s: the same tree: %t, want %t", sets[0].Packages[i].Name, got, same)
		}
	}
}

// What is the same in two loads is there once.
func TestSharedOnce(t *testing.T) {
	t.Parallel()
	files := manyFiles(40, true)
	other := manyFiles(40, true)
	other["big/p1/v1/a.proto"] = append(other["big/p1/v1/a.proto"], "message More {}\n"...)
	var shared load.Shared
	var sets [2]*schema.Set
	for i, f := range []map[string][]byte{files, other} {
		set, err := load.Schemas(t.Context(), load.Files(f), load.WithShared(&shared))
		if err != nil {
			t.Fatal(err)
		}
		sets[i] = set
	}
	for i, same := range []bool{true, false} {
		a, b := sets[0].Packages[i], sets[1].Packages[i]
		if got := a.Files[0].Proto == b.Files[0].Proto; got != same {
			t.Errorf("%s: the same descriptor: %t, want %t", a.Name, got, same)
		}
		if got := a.Messages[0].Fields[0].Type == b.Messages[0].Fields[0].Type; got != same {
			t.Errorf("%s: the same type of a field: %t, want %t", a.Name, got, same)
		}
	}
}
