package load_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/rogpeppe/go-internal/txtar"
)

// seed adds the files of the test archives with that ending.
func seed(f *testing.F, ending string) {
	f.Helper()
	for _, name := range []string{"proto_kinds", "proto_rules", "proto_word_faults", "topics", "json_kinds", "json_constraints", "json_references", "json_faults"} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if bytes.HasSuffix([]byte(file.Name), []byte(ending)) {
				f.Add(file.Data)
			}
		}
	}
}

// loadSet loads a registered schema and, when it loads, looks at all of it.
func loadSet(t *testing.T, language schema.Language, text []byte) {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.RegisteredSchema{
		Language: language, Text: string(text),
		References: []load.Reference{{Name: "shop/v1/other.proto", Text: "syntax = \"proto2\"; package shop.v1; message Other {}"}},
	})
	if err != nil {
		if _, ok := errors.AsType[schema.Errors](err); !ok {
			t.Fatalf("not a fault of the schema: %v", err)
		}
		return
	}
	_ = dump(set)
	image, err := load.WriteImage(set)
	if err != nil {
		t.Fatal(err)
	}
	if language == schema.Protobuf {
		if _, err := load.Schemas(t.Context(), load.ImageBytes(image)); err != nil {
			if _, ok := errors.AsType[schema.Errors](err); !ok && !errors.Is(err, load.ErrNoSchemas) {
				t.Fatalf("its image does not load: %v", err)
			}
		}
	}
}

func FuzzLoadProto(f *testing.F) {
	seed(f, ".proto")
	f.Fuzz(func(t *testing.T, text []byte) { loadSet(t, schema.Protobuf, text) })
}

func FuzzLoadJSON(f *testing.F) {
	seed(f, ".json")
	f.Fuzz(func(t *testing.T, text []byte) { loadSet(t, schema.JSONSchema, text) })
}

func FuzzLoadImage(f *testing.F) {
	set, err := load.Schemas(f.Context(), load.Files(sampleFiles()))
	if err != nil {
		f.Fatal(err)
	}
	image, err := load.WriteImage(set)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(image)
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := load.Schemas(t.Context(), load.ImageBytes(text))
		if err == nil {
			_ = dump(set)
		} else if strings.Contains(err.Error(), "internal fault") {
			t.Fatal(err)
		}
	})
}
