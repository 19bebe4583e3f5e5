package lint_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/lint"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

// bare is a schema without comments: seven findings of COMMENT_MISSING.
const bare = `syntax = "proto3";

package shop.v1;

import "trestle/v1/options.proto";

option (trestle.v1.family) = {envelope: ENVELOPE_ONEX_V1, dead_letter_pattern: "{topic}.dead"};

message Sold {
  option (trestle.v1.event) = {topic: "sold", key: "correlation_id"};

  string article = 1;
  Size size = 2;

  message Label {}
}

message SoldOut {}

enum Size {
  SIZE_UNSPECIFIED = 0;
}
`

func loadText(t *testing.T, files map[string]string) *schema.Set {
	t.Helper()
	texts := map[string][]byte{}
	for name, text := range files {
		texts[name] = []byte(text)
	}
	set, err := load.Schemas(t.Context(), load.Files(texts))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func paths(findings []*lint.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Path)
	}
	return out
}

func TestIgnore(t *testing.T) {
	t.Parallel()
	set := loadText(t, map[string]string{"shop/v1/shop.proto": bare})
	tests := []struct {
		name   string
		ignore map[string][]string
		want   []string
	}{
		{
			name: "nothing",
			want: []string{
				"shop.v1.Sold", "shop.v1.Sold.article", "shop.v1.Sold.size", "shop.v1.Sold.Label", "shop.v1.SoldOut",
				"shop.v1.Size", "shop.v1.Size.SIZE_UNSPECIFIED",
			},
		},
		{
			name:   "an element and all below it, not those that begin alike",
			ignore: map[string][]string{"COMMENT_MISSING": {"shop.v1.Sold", "shop.v1.Size.SIZE_UNSPECIFIED"}},
			want:   []string{"shop.v1.SoldOut", "shop.v1.Size"},
		},
		{
			name:   "a package",
			ignore: map[string][]string{"COMMENT_MISSING": {"shop.v1"}},
		},
		{
			name:   "everything of a rule",
			ignore: map[string][]string{"COMMENT_MISSING": {"*"}},
		},
		{
			name:   "another rule",
			ignore: map[string][]string{"KEY_MISSING": {"*"}, "COMMENT_MISSING": {"shop"}},
		},
		{
			name:   "another rule alone",
			ignore: map[string][]string{"KEY_MISSING": {"*"}},
			want: []string{
				"shop.v1.Sold", "shop.v1.Sold.article", "shop.v1.Sold.size", "shop.v1.Sold.Label", "shop.v1.SoldOut",
				"shop.v1.Size", "shop.v1.Size.SIZE_UNSPECIFIED",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := paths(lint.Run(set, lint.Options{Ignore: tt.ignore}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptionsCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		ignore map[string][]string
		want   string // part of the error; empty: none
	}{
		{"nothing", nil, ""},
		{"known rules", map[string][]string{"KEY_MISSING": {"shop.v1.Sold"}, "ENUM_ZERO": {"*"}}, ""},
		{"unknown rule", map[string][]string{"KEY_MISING": {"*"}}, `no rule "KEY_MISING"`},
		{"no paths", map[string][]string{"KEY_MISSING": nil}, "KEY_MISSING names no element"},
		{"empty path", map[string][]string{"KEY_MISSING": {""}}, "KEY_MISSING names no element"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := lint.Options{Ignore: tt.ignore}.Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestJSONShape(t *testing.T) {
	t.Parallel()
	set := loadText(t, map[string]string{"shop/v1/shop.proto": bare})
	findings := lint.Run(set, lint.Options{})
	got, err := json.Marshal(findings[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"rule":"COMMENT_MISSING","severity":"error","path":"shop.v1.Sold","location":"shop/v1/shop.proto:9:1",` +
		`"message":"event Sold has no documentation",` +
		`"fix":"give it a comment above it: say what has happened or is asked for, who publishes it and who consumes it"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if got, _ := json.Marshal(lint.Run(set, lint.Options{Ignore: map[string][]string{"COMMENT_MISSING": {"*"}}})); string(got) != "[]" {
		t.Errorf("no findings are %s in JSON, want []", got)
	}
}

func TestTextNamesTheRoot(t *testing.T) {
	t.Parallel()
	findings := []*lint.Finding{
		{Rule: "KEY_MISSING", Severity: lint.Error, Pos: schema.Position{File: "shop/v1/a.proto", Line: 3, Col: 5}, Message: "no key", Fix: "name one"},
		{Rule: "FIELD_CASE", Severity: lint.Warning, Pos: schema.Position{File: "shop/v1/a.proto"}, Message: "odd name", Fix: "rename it"},
	}
	var b bytes.Buffer
	if err := lint.WriteText(&b, "schemas", findings); err != nil {
		t.Fatal(err)
	}
	want := `schemas/shop/v1/a.proto:3:5: KEY_MISSING: no key
  fix: name one
schemas/shop/v1/a.proto: FIELD_CASE: odd name (warning)
  fix: rename it
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if errors, warnings := lint.Count(findings); errors != 1 || warnings != 1 {
		t.Errorf("counted %d errors and %d warnings, want 1 and 1", errors, warnings)
	}
}

// Findings come in the order of the text, whatever the order of the rules.
func TestOrder(t *testing.T) {
	t.Parallel()
	set := loadText(t, map[string]string{
		"b/v1/b.proto": strings.ReplaceAll(strings.ReplaceAll(bare, "shop.v1", "b.v1"), "Sold", "Lost"),
		"a/v1/a.proto": strings.NewReplacer("shop.v1", "a.v1", "sold", "a.sold", ", key: \"correlation_id\"", "", "Sold", "Gone", "article", "articleName").Replace(bare),
	})
	var got []string
	for _, f := range lint.Run(set, lint.Options{Ignore: map[string][]string{"COMMENT_MISSING": {"b.v1.Size", "a.v1.Size"}}}) {
		got = append(got, f.Pos.String()+" "+f.Rule)
	}
	want := []string{
		"a/v1/a.proto:9:1 COMMENT_MISSING", "a/v1/a.proto:10:3 KEY_MISSING", "a/v1/a.proto:12:3 COMMENT_MISSING",
		"a/v1/a.proto:12:3 FIELD_CASE", "a/v1/a.proto:13:3 COMMENT_MISSING", "a/v1/a.proto:15:3 COMMENT_MISSING",
		"a/v1/a.proto:18:1 COMMENT_MISSING", "b/v1/b.proto:9:1 COMMENT_MISSING", "b/v1/b.proto:12:3 COMMENT_MISSING",
		"b/v1/b.proto:13:3 COMMENT_MISSING", "b/v1/b.proto:15:3 COMMENT_MISSING", "b/v1/b.proto:18:1 COMMENT_MISSING",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// A copy of Trestle's vocabulary beside the schemas is not judged.
func TestVocabularyIsNotJudged(t *testing.T) {
	t.Parallel()
	vocabulary := `syntax = "proto3";

package trestle.v1;

message JsonObject {
  string json = 1;
}
`
	set := loadText(t, map[string]string{"trestle/v1/json.proto": vocabulary})
	if len(set.Packages) != 1 {
		t.Fatalf("%d packages were loaded, want the vocabulary", len(set.Packages))
	}
	if findings := lint.Run(set, lint.Options{}); len(findings) > 0 {
		t.Errorf("findings in the vocabulary:\n%s", text(t, findings))
	}
}

// An image without source info has comments for nothing; that is not the schema's fault.
func TestImageWithoutComments(t *testing.T) {
	t.Parallel()
	source := loadText(t, map[string]string{"shop/v1/shop.proto": strings.Replace(bare, ", key: \"correlation_id\"", "", 1)})
	descriptor := protodesc.ToFileDescriptorProto(source.Packages[0].Files[0].Proto)
	descriptor.SourceCodeInfo = nil
	image, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{descriptor}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "image.binpb")
	if err := os.WriteFile(name, image, 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := load.Schemas(t.Context(), load.Image(name))
	if err != nil {
		t.Fatal(err)
	}
	got := lint.Run(set, lint.Options{})
	if len(got) != 1 || got[0].Rule != "KEY_MISSING" {
		t.Errorf("got\n%swant KEY_MISSING alone", text(t, got))
	}
}
