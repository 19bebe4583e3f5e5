package witness

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Reader reads events as one version of a schema does.
type Reader struct {
	side     *side
	document *document // of a file that is read as a whole; side is nil then
}

// Readers returns a reader of each message at the top of a set's packages, and of each JSON Schema: of those of files as a
// whole, and of definitions. What cannot be read on its own has none.
func (f *Finder) Readers(set *schema.Set) ([]*Reader, error) {
	var out []*Reader
	for _, p := range set.Packages {
		for _, m := range p.Messages {
			if s, err := f.side(set, m); err == nil {
				out = append(out, &Reader{side: s})
			}
		}
		for _, file := range p.Files {
			if file.Language() == schema.Protobuf {
				continue
			}
			root := file.Tree()
			pointers := []string{""}
			for _, keyword := range []string{"$defs", "definitions"} {
				for _, m := range root.Get(keyword).AllMembers() {
					pointers = append(pointers, "/"+keyword+"/"+jsontree.EscapeToken(m.Name))
				}
			}
			for _, pointer := range pointers {
				d, err := f.document(set, file, pointer)
				if err != nil {
					return nil, err
				}
				out = append(out, &Reader{document: d})
			}
		}
	}
	return out, nil
}

// Reader returns the reader of a message of a set.
func (f *Finder) Reader(set *schema.Set, m *schema.Message) (*Reader, error) {
	s, err := f.side(set, m)
	return &Reader{side: s}, err
}

// Read returns what is kept of an event; the error says why it is rejected.
func (r *Reader) Read(event json.RawMessage) (any, error) { return r.read(&Witness{Event: event}) }

// Confirm runs a witness through both readers again. The error says what they do that the witness does not say.
func Confirm(writer, reader *Reader, w *Witness) error {
	written, err := writer.read(w)
	if err != nil {
		return fmt.Errorf("the writer rejects the event: %w", err)
	}
	got, err := reader.read(w)
	switch {
	case w.Outcome == Rejected && err == nil:
		return errors.New("the reader takes the event")
	case w.Outcome == Rejected:
		return nil
	case err != nil:
		return fmt.Errorf("the reader rejects the event: %w", err)
	case covers(got, written) && covers(written, got):
		return errors.New("the reader reads what was written")
	}
	return nil
}

// read returns what is read of a witness: of its bytes where it has some.
func (r *Reader) read(w *Witness) (any, error) {
	if r.document != nil {
		return r.document.read(w.Event)
	}
	event, err := parse(w.Event)
	if err != nil {
		return nil, err
	}
	if r.side.binary() && w.Bytes != nil {
		return r.side.readBytes(w.Bytes)
	}
	object, ok := event.(map[string]any)
	if !ok {
		return nil, errors.New("the event is not an object")
	}
	kept, err := r.side.read(object)
	if err != nil {
		return nil, err
	}
	return declared(r.side.Message(), kept), nil
}
