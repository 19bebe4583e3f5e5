package witness

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// CheckDocument says whether a validator can be made of the JSON Schema at a pointer of a file; the error says why not.
func (f *Finder) CheckDocument(set *schema.Set, file *schema.File, pointer string) error {
	_, err := f.of(set).Document(file, pointer)
	return err
}

// Documents runs an event through the validators of two JSON Schemas, each at a pointer of a file, and returns a witness
// when the writer's takes it and the reader's does not. The error says that one of them is no schema.
func (f *Finder) Documents(writer, reader *schema.Set, w, r *schema.File, wAt, rAt string, event any, by string) (*Witness, error) {
	ours, theirs, err := f.documents(writer, reader, w, r, wAt, rAt)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	if ours.Validate(text) != nil {
		return nil, nil
	}
	rejected := theirs.Validate(text)
	if rejected == nil {
		return nil, nil
	}
	return &Witness{Event: text, WrittenBy: by, Outcome: Rejected, Detail: asRejection(rejected).Error()}, nil
}

// Undeclared is Documents for what both take: it returns a witness when the writer's schema declares something of the
// event, a property of that name, that the reader's does not.
func (f *Finder) Undeclared(writer, reader *schema.Set, w, r *schema.File, wAt, rAt string, event any, property, by string) (*Witness, error) {
	ours, theirs, err := f.documents(writer, reader, w, r, wAt, rAt)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	written, err := ours.read(text)
	if err != nil {
		return nil, nil
	}
	got, err := theirs.read(text)
	if err != nil {
		return nil, nil
	}
	path, lost := lostProperty(property, "", written, got)
	if path == "" {
		return nil, nil
	}
	detail := fmt.Sprintf("%s is %s as written, and the reader's schema declares no such property", path, short(lost))
	return &Witness{Event: text, WrittenBy: by, Outcome: Dropped, Detail: detail}, nil
}

// lostProperty returns the path and the value of a property of a name that was written and is not in what was read; an
// empty path where there is none.
func lostProperty(name, at string, written, got any) (path string, value any) {
	switch w := written.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(w)) {
			inner := strings.TrimPrefix(at+"."+k, ".")
			kept, there := g[k]
			if !there && k == name {
				return inner, w[k]
			}
			if path, value = lostProperty(name, inner, w[k], kept); there && path != "" {
				return path, value
			}
		}
	case []any:
		g, _ := got.([]any)
		for i := range min(len(w), len(g)) {
			if path, value = lostProperty(name, fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); path != "" {
				return path, value
			}
		}
	}
	return "", nil
}

// document reads what one JSON Schema describes: it validates, and keeps what the schema declares.
type document struct {
	*event.Document
	all *values.Documents
	at  values.Spot
}

// read returns what is kept of an event; the error says why it is rejected.
func (d *document) read(text []byte) (any, error) {
	v, err := parse(text)
	if err != nil {
		return nil, err
	}
	if err := d.Validate(text); err != nil {
		return nil, err
	}
	return d.all.Declared([]values.Spot{d.at}, v), nil
}

func (f *Finder) documents(writer, reader *schema.Set, w, r *schema.File, wAt, rAt string) (ours, theirs *document, err error) {
	if ours, err = f.document(writer, w, wAt); err == nil {
		theirs, err = f.document(reader, r, rAt)
	}
	return ours, theirs, err
}

// document returns the reader of the JSON Schema at a pointer of a file.
func (f *Finder) document(set *schema.Set, file *schema.File, pointer string) (*document, error) {
	d, err := f.of(set).Document(file, pointer)
	if err != nil {
		return nil, err
	}
	if f.texts[set] == nil {
		if f.texts[set], err = values.DocumentsOf(set); err != nil {
			return nil, err
		}
	}
	all := f.texts[set]
	return &document{d, all, values.Spot{File: file.Path, Schema: all.Files[file.Path].Find(pointer)}}, nil
}
