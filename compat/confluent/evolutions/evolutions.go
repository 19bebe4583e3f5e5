// Package evolutions holds edits of schemas together with what registries say of them, so that verdicts can be held to
// it: those of profile confluent, and those of a registry that runs. Only tests use it.
package evolutions

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed evolutions.yaml
var table []byte

// Fails stands for the difference of a checker that fails itself, which lets nothing be registered.
const Fails = "fails"

// Evolution is an edit of a registered schema, as a subject may see it.
type Evolution struct {
	Name string `yaml:"name"`
	// Schema is the dialect: draft-07, 2020-12, proto2 or proto3.
	Schema string `yaml:"schema"`
	// Before are the versions ahead of Old, the oldest first. The texts lack what names their dialect.
	Before []string `yaml:"before"`
	Old    string   `yaml:"old"`
	New    string   `yaml:"new"`
	// Backward and Forward are the differences for which Confluent's checkers refuse New after Old; EverBackward and
	// EverForward those for which they refuse it after all versions, where there are several.
	Backward     []string `yaml:"backward"`
	Forward      []string `yaml:"forward"`
	EverBackward []string `yaml:"ever_backward"`
	EverForward  []string `yaml:"ever_forward"`
	// Apicurio has the levels at which Apicurio's verdict is another, and that verdict; Case is the case of Confluent's
	// own tests that shows which one is Confluent's.
	Apicurio map[string]bool `yaml:"apicurio"`
	Case     string          `yaml:"case"`
}

// All returns every evolution. The error names a field of the table that is none.
func All() ([]Evolution, error) {
	d := yaml.NewDecoder(bytes.NewReader(table))
	d.KnownFields(true)
	var out []Evolution
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("evolutions.yaml: %w", err)
	}
	return out, nil
}

// ID tells evolutions apart: the dialect and the name.
func (e *Evolution) ID() string { return e.Schema + "/" + e.Name }

// IsProtobuf says in which of the two languages the texts are.
func (e *Evolution) IsProtobuf() bool { return strings.HasPrefix(e.Schema, "proto") }

// File is the path that stands for the subject.
func (e *Evolution) File() string {
	ext := ".json"
	if e.IsProtobuf() {
		ext = ".proto"
	}
	return path.Join("shop/v1", "a"+ext)
}

// Versions returns the texts of all versions, New last, as they are registered.
func (e *Evolution) Versions() []string {
	out := make([]string, 0, len(e.Before)+2)
	for _, text := range append(append(append([]string(nil), e.Before...), e.Old), e.New) {
		out = append(out, e.whole(text))
	}
	return out
}

func (e *Evolution) whole(text string) string {
	if e.IsProtobuf() {
		return fmt.Sprintf("syntax = %q;\n%s\n", e.Schema, text)
	}
	dialect := "http://json-schema.org/draft-07/schema#"
	if e.Schema == "2020-12" {
		dialect = "https://json-schema.org/draft/2020-12/schema"
	}
	rest := strings.TrimPrefix(text, "{")
	if rest != "}" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"$schema":%q%s`, dialect, rest)
}

// Differences returns those for which Confluent's checkers refuse the last version at a level, of the seven in lower case.
func (e *Evolution) Differences(level string) []string {
	back, fore := e.Backward, e.Forward
	kind, ever := strings.CutSuffix(level, "_transitive")
	if ever && len(e.Before) > 0 {
		back, fore = e.EverBackward, e.EverForward
	}
	switch kind {
	case "backward":
		return back
	case "forward":
		return fore
	case "full":
		return append(append([]string(nil), back...), fore...)
	}
	return nil
}
