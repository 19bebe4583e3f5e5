package witness

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Shapes knows what writers of a message write in an encoding, and what its readers take.
type Shapes interface {
	Prover() *values.Prover
	Written(m *schema.Message, e schema.Encoding) (*values.Shape, error)
	Read(m *schema.Message, e schema.Encoding) (*values.Shape, error)
}

// maxGuided limits the events that the algebra is asked for, for one finding, direction and encoding.
const maxGuided = 40

// guided tries events that the algebra finds: valid ones of the writer in which the element breaks what the reader
// demands of it, is not there, or has one of the values that are worth trying; and one that the reader does not take.
func (d direction) guided(b *values.Maker, s Shapes, writer, reader *side, enc schema.Encoding) *Witness {
	written, err := s.Written(d.writer, enc)
	if err != nil {
		return nil
	}
	p := s.Prover()
	show := func(v any) *Witness {
		event, isObject := v.(map[string]any)
		if !isObject {
			return nil
		}
		if enc == schema.EncodingProtobuf {
			event = values.Event(d.writer, event)
		}
		return d.show(event, writer, reader, enc)
	}
	wants := d.broken(p, enc)
	if enc == schema.EncodingJSON {
		wants = append(wants, d.wants(b, p)...)
	}
	for _, want := range wants {
		if v, ok := p.Find(written, want); ok {
			if w := show(v); w != nil {
				return w
			}
		}
	}
	if d.writer.Language() != schema.Protobuf || d.reader.Language() != schema.Protobuf {
		return nil
	}
	read, err := s.Read(d.reader, enc)
	if err != nil {
		return nil
	}
	return show(p.Includes(written, read).Member)
}

// broken is the shape of the events in which the element is not what its reader demands, of protobuf; none where it is not
// known what that is.
func (d direction) broken(p *values.Prover, enc schema.Encoding) []*values.Shape {
	n := len(d.steps)
	if n == 0 || d.message || enc != schema.EncodingJSON && n > 1 {
		return nil
	}
	last := d.steps[n-1]
	if last.reader == nil || last.reader.Language() != schema.Protobuf {
		return nil
	}
	var fields []*schema.Field
	for _, s := range d.steps[:n-1] {
		if s.writer == nil {
			return nil
		}
		fields = append(fields, s.writer)
	}
	return []*values.Shape{p.AtPath(fields, p.Not(p.FieldAccepted(last.reader, enc)))}
}

// wants are shapes of the events that are worth trying.
func (d direction) wants(b *values.Maker, p *values.Prover) []*values.Shape {
	var out []*values.Shape
	add := func(steps []way, end func(last way) *values.Shape) {
		var fields []*schema.Field
		for _, s := range steps[:len(steps)-1] {
			if s.writer == nil {
				return
			}
			fields = append(fields, s.writer)
		}
		if a := end(steps[len(steps)-1]); a != nil && len(out) < maxGuided {
			out = append(out, p.AtPath(fields, a))
		}
	}
	for _, v := range d.values(b) {
		if len(v.steps) == 0 {
			out = append(out, p.Any())
			continue
		}
		add(v.steps, func(last way) *values.Shape {
			switch _, gone := v.value.(values.Absent); {
			case last.writer == nil:
				return p.Any()
			case gone:
				return p.Not(p.WithMember(last.writer.JSONName, p.Any()))
			}
			return p.WithMember(last.writer.JSONName, p.Value(v.value))
		})
	}
	return slices.Clip(out)
}
