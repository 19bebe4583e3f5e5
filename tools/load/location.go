package load

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Locator turns the words of a command line into sources.
type Locator struct {
	// Root is the folder of the project's schemas, slash-separated and relative to Dir, such as "schemas". Paths of
	// files below it count from it, and `git#REF` means it. Empty: each location's own.
	Root string
	// Dir is the project's folder; empty for the working directory. Only git's locations are relative to it.
	Dir string
	// Registry gives the source for `registry:SUBJECT`; nil where there is no registry.
	Registry func(subject string) (Source, error)
}

// Parse returns the source that a word names: a folder, a .proto or .json file, an image (any other file),
// `git#REF` or `git#REF:PATH`, or `registry:SUBJECT`.
func (l Locator) Parse(word string) (Source, error) {
	if rest, ok := strings.CutPrefix(word, "git#"); ok {
		ref, name, named := strings.Cut(rest, ":")
		if ref == "" {
			return nil, fmt.Errorf("%s: no reference: write git#main or git#v1.2.0:schemas", word)
		}
		if !named {
			name = l.Root
		}
		return Git{Dir: l.Dir, Ref: ref, Path: name, Root: l.Root}, nil
	}
	if subject, ok := strings.CutPrefix(word, "registry:"); ok {
		if l.Registry == nil {
			return nil, fmt.Errorf("%s: no registry is configured", word)
		}
		if subject == "" {
			return nil, fmt.Errorf("%s: no subject: write registry:orders-value", word)
		}
		return l.Registry(subject)
	}
	if word == "" {
		return nil, errors.New("an empty location: name a folder, a file, an image, git#REF or registry:SUBJECT")
	}
	info, err := os.Stat(word)
	if err != nil {
		return nil, noSuchFile(word, err)
	}
	switch {
	case info.IsDir(), isSchemaFile(word):
		if l.Root == "" {
			return Dir(word), nil
		}
		return In(l.Root, word), nil
	}
	return Image(word), nil
}
