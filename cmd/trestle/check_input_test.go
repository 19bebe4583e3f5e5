package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What can't be compared is told with its place and status 2, on either side, whatever it is.
func TestCheckBadInput(t *testing.T) {
	t.Parallel()
	const (
		proto = "syntax = \"proto3\";\n"
		head  = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object",`
		deep  = 10_000
		huge  = 50 << 20
	)
	file := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	link := func(name, to string) func(string) error {
		return func(dir string) error { return os.Symlink(to, filepath.Join(dir, name)) }
	}
	folder := func(name string) func(string) error {
		return func(dir string) error { return os.Mkdir(filepath.Join(dir, name), 0o755) }
	}
	var chain strings.Builder
	const long = 2_000 // references
	for i := range long {
		fmt.Fprintf(&chain, `"D%d":{"not":{"$ref":"#/$defs/D%d"}},`, i, i+1)
	}
	for _, tt := range []struct {
		name string
		make []func(string) error
		want string
	}{
		{"unparsable protobuf", []func(string) error{file("a.proto", proto+"message M { strin\n")}, "a.proto:3:1: syntax error"},
		{"unparsable JSON", []func(string) error{file("a.json", head+"\n\"properties\":}")}, "a.json:2:14: "},
		{"missing import", []func(string) error{file("a.proto", proto+"import \"b.proto\";\n")}, "a.proto:2:8: cannot find b.proto"},
		{"missing reference", []func(string) error{file("a.json", head+"\"properties\":{\"b\":\n{\"$ref\":\"b.json\"}}}")}, "a.json:2:9: $ref \"b.json\" leads to no schema"},
		{"imports in a circle", []func(string) error{
			file("a.proto", proto+"import \"b.proto\";\n"), file("b.proto", proto+"import \"c.proto\";\n"), file("c.proto", proto+"import \"a.proto\";\n"),
		}, "c.proto:2:8: files import each other in a circle: a.proto imports b.proto imports c.proto imports a.proto"},
		{"an import of itself", []func(string) error{file("a.proto", proto+"import \"a.proto\";\n")}, "a.proto:2:8: files import each other in a circle"},
		{"a reference to itself", []func(string) error{file("a.json", head+`"not":{"$ref":"#"}}`)}, ""},
		{"references in a circle", []func(string) error{file("a.json", head+`"allOf":[{"$ref":"#/$defs/X"}],"$defs":{"X":{"$ref":"#/$defs/Y"},"Y":{"$ref":"#/$defs/X"}}}`)}, ""},
		{"deep messages", []func(string) error{file("a.proto", proto+strings.Repeat("message M {", deep)+strings.Repeat("}", deep))}, "a.proto:2:2211: nested more than 200 deep"},
		{"deep arrays", []func(string) error{file("a.json", head+`"not":`+strings.Repeat(`{"items":`, deep)+"true"+strings.Repeat("}", deep)+"}")}, "nested more than 200 deep"},
		{"deep references", []func(string) error{file("a.json", head+`"not":{"$ref":"#/$defs/D0"},"$defs":{`+chain.String()+fmt.Sprintf(`"D%d":true}}`, long))}, ""},
		{"a huge protobuf file", []func(string) error{file("a.proto", strings.Repeat(" ", huge))}, "a.proto: larger than 16 MiB"},
		{"a huge JSON file", []func(string) error{file("a.json", strings.Repeat(" ", huge))}, "a.json: larger than 16 MiB"},
		{"protobuf that is not UTF-8", []func(string) error{file("a.proto", proto+"// \xff\n")}, "a.proto:2:4: a byte that is not UTF-8"},
		{"JSON that is not UTF-8", []func(string) error{file("a.json", "{\"title\":\"\xff\"}")}, "a.json:1:11: a byte that is not UTF-8"},
		{"an empty JSON file", []func(string) error{file("a.json", "")}, "a.json:1:1: end of file"},
		{"a link to itself", []func(string) error{link("a.proto", "a.proto")}, "a.proto"},
		{"a link to nothing", []func(string) error{link("a.json", "b.json")}, "a.json"},
		{"a folder within itself", []func(string) error{link("again", "."), file("a.proto", proto+"import \"b.proto\";\n")}, "a.proto:2:8: "},
		{"an import of a folder", []func(string) error{folder("b.proto"), file("a.proto", proto+"import \"b.proto\";\n")}, "a.proto:2:8: cannot find b.proto"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range tt.make {
				if err := f(dir); err != nil {
					t.Fatal(err)
				}
			}
			fine := t.TempDir()
			if err := file("a.proto", proto+"message M {}\n")(fine); err != nil {
				t.Fatal(err)
			}
			if tt.want == "" { // what no algebra can read is the same as itself, and like nothing else
				answers(t, 0, "compatible", dir, "--against", dir)
				refuses(t, "nothing to compare", dir, "--against", fine)
				refuses(t, "nothing to compare", fine, "--against", dir)
				return
			}
			refuses(t, tt.want, dir, "--against", dir)
			refuses(t, tt.want, dir, "--against", fine)
			refuses(t, tt.want, fine, "--against", dir)
		})
	}
}

// A folder without schemas is none to check; as the older side it says that all is new.
func TestCheckEmpty(t *testing.T) {
	t.Parallel()
	fine, empty, folder := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(fine, "a.proto"), []byte("syntax = \"proto3\";\nmessage M {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "a.proto"), 0o755); err != nil { // that is named like a file
		t.Fatal(err)
	}
	for _, none := range []string{empty, folder} {
		refuses(t, "no .proto or .json file", none, "--against", fine)
		answers(t, 0, "nothing to compare: all schemas are new", fine, "--against", none)
	}
}

// What is not there is told by the name it was asked for with.
func TestCheckNothingThere(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40401,"message":"Subject 'orders-value' not found."}`)
	}))
	defer registry.Close()
	fine := t.TempDir()
	if err := os.WriteFile(filepath.Join(fine, "a.proto"), []byte("syntax = \"proto3\";\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"registry:orders-value", "registry:orders-value@3", "git#nowhere", "git#v*", "nowhere", "nowhere.proto"} {
		want := word
		if name, ok := strings.CutPrefix(word, "registry:"); ok {
			want, _, _ = strings.Cut(name, "@")
		}
		refuses(t, want, fine, "--against", word, "--registry", registry.URL)
	}
}

// answers runs a check that can be done.
func answers(t *testing.T, want int, said string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), append([]string{"check"}, args...), nil, &stdout, &stderr)
	if status != want || !strings.Contains(stderr.String(), said) {
		t.Errorf("check %s: status %d, want %d and %q; stderr: %.600s", strings.Join(args, " "), status, want, said, &stderr)
	}
}

// refuses runs a check that can't be done.
func refuses(t *testing.T, want string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), append([]string{"check"}, args...), nil, &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), want) || strings.Contains(stderr.String(), "goroutine") {
		t.Errorf("check %s: status %d, want %d and %q; stderr: %.600s", strings.Join(args, " "), status, exitFailed, want, &stderr)
	}
	if stdout.Len() > 0 {
		t.Errorf("check %s: stdout %.200s", strings.Join(args, " "), &stdout)
	}
}
