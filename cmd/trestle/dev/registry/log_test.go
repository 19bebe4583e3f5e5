package registry_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	server "github.com/omninode/trestle/cmd/trestle/dev/registry"
)

func open(t *testing.T, path string) *handler {
	t.Helper()
	s, err := server.NewServer(path, &breaking{}, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &handler{s}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatIsThereIsNotWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry")
	h := open(t, path)
	h.register(t, "s", `{"title":"1"}`)
	before := read(t, path)
	h.register(t, "s", `{"title":"1"}`)
	if after := read(t, path); !bytes.Equal(before, after) {
		t.Errorf("the file grew:\n%s", after)
	}
	h.register(t, "s", `{"title":"2"}`)
	if after := read(t, path); !bytes.HasPrefix(after, before) || bytes.Count(after, []byte("\n")) != bytes.Count(before, []byte("\n"))+1 {
		t.Errorf("a version is not one line more:\n%s", after)
	}
}

// TestCrash cuts the file off at every third byte of its last changes: what was answered before is there, and what comes after is kept.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "registry")
	h := open(t, path)
	h.register(t, "s", `{"title":"1"}`)
	begun := len(read(t, path))
	h.register(t, "s", `{"title":"2"}`)
	h.ask("DELETE", "/subjects/s/versions/1", "")
	whole := read(t, path)
	ends := []int{begun, begun + bytes.IndexByte(whole[begun:], '\n') + 1, len(whole)}
	want := []string{"[1]", "[1,2]", "[2]"}
	for n := begun; n <= len(whole); n += 3 {
		cut := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(cut, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		kept := 0
		for kept+1 < len(ends) && ends[kept+1] <= n {
			kept++
		}
		h := open(t, cut)
		if got := h.ask("GET", "/subjects/s/versions", ""); got != want[kept] {
			t.Errorf("cut after %d of %d bytes: versions %s, want %s", n, len(whole), got, want[kept])
		}
		h.register(t, "s", `{"title":"3"}`)
		if again := open(t, cut).ask("GET", "/subjects/s/versions/latest/schema", ""); again != `{"title":"3"}` {
			t.Errorf("cut after %d of %d bytes: what came after is %s", n, len(whole), again)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another file":    `{"name": "trestle"}`,
		"text":            "hello\nworld\n",
		"a later version": `{"trestle_registry":2}` + "\n",
		"a broken line":   `{"trestle_registry":1,"compatibility":"FULL","next_id":1}` + "\n{\n" + `{"level":{"level":"NONE"}}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "registry")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := server.NewServer(path, &breaking{}, server.Limits{})
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
		if got := string(read(t, path)); got != text {
			t.Errorf("%s was changed into %s", name, got)
		}
	}
}

// TestRecordedFiles reads what earlier versions have written: the file that was one JSON object, and version 1 of the one of lines.
func TestRecordedFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"object": recordedObject, "1": recordedLines} {
		t.Run(name, func(t *testing.T) { testRecordedFile(t, text) })
	}
}

const recordedLines = `{"trestle_registry":1,"compatibility":"BACKWARD","subject_compatibility":{"s":"FULL"},"next_id":8}
{"add":{"subject":"base","version":1,"id":1,"schemaType":"JSON","schema":"{}"}}
{"add":{"subject":"s","version":2,"id":7,"schemaType":"JSON","schema":"{\"title\":\"s\"}","references":[{"name":"base.json","subject":"base","version":1}]}}
{"level":{"subject":"s","level":"NONE"}}
{"add":{"subject":"gone","version":1,"id":1,"schemaType":"JSON","schema":"{}"}}
{"delete":[{"subject":"gone","version":1}]}
{"add":{"subject":"s","version":3,"id":8,"schemaType":"JSON","schema":"{\"title\":\"t\"}"}}
{"delete":[{"subject":"s","version":3}]}
{"purge":[{"subject":"s","version":3}]}
{"add":{"subj`

const recordedObject = `{
  "schemas": [
    {"subject": "base", "version": 1, "id": 1, "schemaType": "JSON", "schema": "{}"},
    {"subject": "s", "version": 2, "id": 7, "schemaType": "JSON", "schema": "{\"title\":\"s\"}",
     "references": [{"name": "base.json", "subject": "base", "version": 1}]},
    {"subject": "gone", "version": 1, "id": 1, "schemaType": "JSON", "schema": "{}", "deleted": true}
  ],
  "compatibility": "BACKWARD",
  "subject_compatibility": {"s": "NONE"},
  "next_id": 9
}`

func testRecordedFile(t *testing.T, text string) {
	path := filepath.Join(t.TempDir(), "registry")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is today's file
		h := open(t, path)
		for at, want := range map[string]string{
			"/subjects?deleted=true": `["base","gone","s"]`, "/subjects": `["base","s"]`, "/subjects/s/versions": `[2]`, "/config": `{"compatibilityLevel":"BACKWARD"}`,
			"/config/s": `{"compatibilityLevel":"NONE"}`, "/subjects/base/versions/1/referencedby": `[7]`,
		} {
			if got := h.ask("GET", at, ""); got != want {
				t.Errorf("%s: %s, want %s", at, got, want)
			}
		}
		h.s.Close()
	}
	if id := open(t, path).register(t, "s", `{"title":"new"}`); id != 9 {
		t.Errorf("id %d, want 9", id)
	}
}

// TestFileStaysAsLargeAsWhatItHolds changes the same things over and over.
func TestFileStaysAsLargeAsWhatItHolds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry")
	h := open(t, path)
	id := h.register(t, "s", `{}`)
	for i := range 600 {
		h.ask("PUT", "/config/s", fmt.Sprintf(`{"compatibility":%q}`, []string{"FULL", "BACKWARD"}[i%2]))
	}
	if lines := bytes.Count(read(t, path), []byte("\n")); lines > 300 {
		t.Errorf("one schema with one level takes %d lines", lines)
	}
	again := open(t, path)
	if got := again.ask("GET", "/config/s", ""); got != `{"compatibilityLevel":"BACKWARD"}` {
		t.Error(got)
	}
	if got := again.register(t, "s", `{}`); got != id {
		t.Errorf("id %d, want %d", got, id)
	}
}
