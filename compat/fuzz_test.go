package compat_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// seedPairs adds the files of the rules' cases that are there on both sides.
func seedPairs(f *testing.F, ending string) {
	f.Helper()
	olds, err := filepath.Glob("testdata/*/*/old/*/*/*" + ending)
	if err != nil || len(olds) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, old := range olds {
		before, err := os.ReadFile(old)
		if err != nil {
			f.Fatal(err)
		}
		after, err := os.ReadFile(strings.Replace(old, "/old/", "/new/", 1))
		if err == nil {
			f.Add(before, after)
		}
	}
}

// compareTexts compares what loads of two texts in every way, and each with itself: nothing panics, the same comparison
// says the same, and nothing breaks itself.
func compareTexts(t *testing.T, language schema.Language, old, new []byte) {
	t.Helper()
	loadSet := func(text []byte) *schema.Set {
		set, err := load.Schemas(t.Context(), load.RegisteredSchema{Language: language, Text: string(text)}, load.ToCompare())
		if err != nil {
			return nil
		}
		return set
	}
	before, after, again := loadSet(old), loadSet(new), loadSet(old)
	if before == nil || after == nil {
		return
	}
	for _, profile := range []compat.Profile{compat.Guide, compat.Confluent} {
		if first, second := reportText(t, before, after, profile), reportText(t, before, after, profile); first != second {
			t.Errorf("profile %s says\n%s\nthen\n%s", profile, first, second)
		}
		for _, mode := range compat.Modes() {
			r, err := compat.Compare(before, again, compat.Options{Profile: profile, Mode: mode})
			if err == nil && len(r.Findings) > 0 {
				t.Errorf("profile %s, mode %s: a schema breaks itself: %s", profile, mode, r.Findings[0].Message())
			}
		}
	}
}

func reportText(t *testing.T, old, new *schema.Set, profile compat.Profile) string {
	t.Helper()
	r, err := compat.Compare(old, new, compat.Options{Profile: profile})
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func FuzzCompareProto(f *testing.F) {
	seedPairs(f, ".proto")
	f.Fuzz(func(t *testing.T, old, new []byte) { compareTexts(t, schema.Protobuf, old, new) })
}

func FuzzCompareJSON(f *testing.F) {
	seedPairs(f, ".json")
	f.Fuzz(func(t *testing.T, old, new []byte) { compareTexts(t, schema.JSONSchema, old, new) })
}
