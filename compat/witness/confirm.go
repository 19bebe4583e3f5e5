package witness

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Reader reads events as one version of a schema does.
type Reader struct {
	side     side
	document *jsonschema.Schema // of a file that is read as a whole; side is nil then
}

// Readers returns a reader of each message at the top of a set's packages, and of each JSON Schema as a whole. What
// cannot be read on its own has none.
func (f *Finder) Readers(set *schema.Set) ([]*Reader, error) {
	var out []*Reader
	for _, p := range set.Packages {
		for _, m := range p.Messages {
			if s, err := f.side(set, m); err == nil {
				out = append(out, &Reader{side: s})
			}
		}
		for _, file := range p.Files {
			if file.Language() == schema.Protobuf || file.Root == nil && !file.JudgedBySource {
				continue
			}
			s, err := compileDocument(set, file)
			if err != nil {
				return nil, err
			}
			out = append(out, &Reader{document: s})
		}
	}
	return out, nil
}

// newValidator returns protovalidate at the present of the events that are made.
func newValidator() (protovalidate.Validator, error) {
	return protovalidate.New(protovalidate.WithNowFunc(func() *timestamppb.Timestamp { return timestamppb.New(values.Present) }))
}

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
	event, err := parse(w.Event)
	if err != nil {
		return nil, err
	}
	if r.document != nil {
		return event, r.document.Validate(event)
	}
	if binary, ok := r.side.(binarySide); ok && w.Bytes != nil {
		return binary.readBytes(w.Bytes)
	}
	object, ok := event.(map[string]any)
	if !ok {
		return nil, errors.New("the event is not an object")
	}
	kept, err := r.side.read(object)
	if s, ok := r.side.(*jsonSide); ok && err == nil {
		return keep(s.msg, kept, false), nil // what it has a name for
	}
	return kept, err
}
