package changelog_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the changelogs to testdata")

func loadSet(t *testing.T, dir string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(context.Background(), load.FS(os.DirFS(dir)), load.ToCompare())
	if err != nil {
		t.Fatalf("load %s: %v", dir, err)
	}
	return s
}

func log(t *testing.T, name string, accepted *compat.Exemptions) *changelog.Changelog {
	t.Helper()
	old, new := loadSet(t, filepath.Join("testdata", name, "old")), loadSet(t, filepath.Join("testdata", name, "new"))
	report, err := compat.Compare(old, new, compat.Options{NoWitness: true})
	if err != nil {
		t.Fatal(err)
	}
	accepted.Take(report, time.Now())
	return changelog.New(old, new, report)
}

// TestGolden holds what is said of each case, in every format.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]int{"compatible": 0, "successor": 0, "wrong": 3, "moved": 2, "documents": 1, "unmodelled": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := log(t, name, nil)
			if len(c.Wrong) != wrong {
				t.Errorf("%d wrong steps, want %d", len(c.Wrong), wrong)
			}
			for _, f := range changelog.Formats() {
				var got bytes.Buffer
				if err := changelog.Write(&got, c, f, "v1.0.0", "v1.1.0"); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", name, "want."+string(f))
				if *update {
					if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got.String()); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", file, diff)
				}
			}
		})
	}
}

// TestAccepted holds that what an exemption accepts breaks no more, and asks for a minor step.
func TestAccepted(t *testing.T) {
	t.Parallel()
	accepted, err := compat.ParseExemptions("x.yaml", []byte(`exemptions:
  - {rule: ENUM_VALUE_ADDED, path: shop.v1.Status.*, reason: all know it, expires: 2999-12-31}
  - {rule: FIELD_REMOVED, path: nowhere, reason: of another day, expires: 2001-12-31}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range log(t, "wrong", accepted).Of("OrderPlaced") {
		if s.Event && (s.Step != changelog.Minor || s.Next != "1.1") {
			t.Errorf("got step %s to %s", s.Step, s.Next)
		}
		for _, e := range s.Entries {
			if e.Breaking {
				t.Errorf("still breaking: %s", e.Text)
			}
		}
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	set := loadSet(t, filepath.Join("testdata", "successor", "new"))
	report, err := compat.Compare(set, set, compat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := changelog.New(set, set, report)
	if !c.Empty() || changelog.Summary(c) != "nothing changed" || len(c.Wrong) > 0 {
		t.Errorf("got %+v", c)
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	if err := changelog.Write(&bytes.Buffer{}, &changelog.Changelog{}, "html", "a", "b"); err == nil {
		t.Error("an unknown format passed")
	}
}
