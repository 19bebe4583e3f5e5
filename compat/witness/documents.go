package witness

import (
	"encoding/json"

	"github.com/omninode/trestle/tools/schema"
)

// CheckDocument says whether a validator can be made of the JSON Schema at a pointer of a file; the error says why not.
func (f *Finder) CheckDocument(set *schema.Set, file *schema.File, pointer string) error {
	_, err := f.of(set).Document(file, pointer)
	return err
}

// Documents runs an event through the validators of two JSON Schemas, each at a pointer of a file, and returns a witness
// when the writer's takes it and the reader's does not. The error says that one of them is no schema.
func (f *Finder) Documents(writer, reader *schema.Set, w, r *schema.File, wAt, rAt string, event any, by string) (*Witness, error) {
	ours, err := f.of(writer).Document(w, wAt)
	if err != nil {
		return nil, err
	}
	theirs, err := f.of(reader).Document(r, rAt)
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
