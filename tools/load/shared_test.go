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

// Loads that share come to what they come to alone, at the same time too.
func TestShared(t *testing.T) {
	t.Parallel()
	base := func() map[string][]byte { return manyFiles(200, true) }
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
	}
	var want []string
	for _, files := range versions {
		want = append(want, loadText(t, load.Files(files)))
	}
	if want[0] == want[2] || !strings.Contains(want[4], "already") || !strings.Contains(want[5], "a.proto:7:") {
		t.Fatalf("the versions are not what they are meant to be:\n%.300s\n%.300s", want[4], want[5])
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
		if got := sets[0].Packages[i].Files[0].Proto == sets[1].Packages[i].Files[0].Proto; got != same {
			t.Errorf("%s: the same descriptor: %t, want %t", sets[0].Packages[i].Name, got, same)
		}
	}
}
