package integration_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOneReaderBySchema keeps the libraries that judge values by a schema where events are read by their schema, where
// schemas are loaded, and where generated code calls them: what a reader accepts is decided in one place.
func TestOneReaderBySchema(t *testing.T) {
	t.Parallel()
	ours(t, func(path string, p goPackage) {
		if isWithin("tools/event", path) || isWithin("tools/load", path) || isWithin("runtime/genapi", path) {
			return
		}
		if isWithin("runtime/encrypt/confluent", path) {
			return // whose schemas are a registry's: which of several parts a value is of decides what of it is encrypted
		}
		for _, imported := range p.Imports {
			if isWithin("github.com/santhosh-tekuri/jsonschema", imported) || isWithin("buf.build/go/protovalidate", imported) {
				t.Errorf("%s imports %s: ask tools/event", path, imported)
			}
		}
	})
}

// TestCommandsParseAndPrint keeps what commands do in cmd/trestle/ops.
func TestCommandsParseAndPrint(t *testing.T) {
	t.Parallel()
	ours(t, func(path string, p goPackage) {
		if !isWithin("cmd", path) || isWithin("cmd/trestle/ops", path) || isWithin("cmd/trestle/dev", path) || isWithin("cmd/trestle/demo", path) ||
			p.ImportPath == encodeOnly {
			return
		}
		for _, imported := range p.Imports {
			if isWithin("github.com/twmb", imported) || isWithin(module+"tools/load", imported) {
				t.Errorf("%s imports %s: what commands do is in cmd/trestle/ops", path, imported)
			}
		}
	})
}

// TestPackagesSayWhatTheyAre holds the first words of every package's comment to what go doc shows of it.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	ours(t, func(path string, p goPackage) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(path) + " "
		}
		if !isWithin("gen", path) && !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment begins with %q, want %q", path, p.Doc[:min(len(p.Doc), 2*len(want))], want)
		}
	})
}
