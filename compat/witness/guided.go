package witness

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// Shapes knows what writers of a message write.
type Shapes interface {
	Prover() *values.Prover
	Written(m *schema.Message) (*values.Shape, error)
}

// maxGuided limits the events that the algebra is asked for, for one finding, direction and encoding.
const maxGuided = 40

// guided tries events that the algebra finds: valid ones of the writer in which the element breaks what the reader
// demands of it, is not there, or has one of the values that are worth trying.
func (d direction) guided(b *values.Maker, s Shapes, writer, reader *side, enc schema.Encoding) *Witness {
	written, err := s.Written(d.writer)
	if err != nil {
		return nil
	}
	p := s.Prover()
	for _, want := range d.wants(b, p) {
		v, ok := p.Find(written, want)
		event, isObject := v.(map[string]any)
		if !ok || !isObject {
			continue
		}
		if w := d.show(event, writer, reader, enc); w != nil {
			return w
		}
	}
	return nil
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
	if n := len(d.steps); n > 0 && !d.message {
		add(d.steps, func(last way) *values.Shape {
			if last.reader == nil || last.reader.Language() != schema.Protobuf {
				return nil
			}
			return p.Not(p.FieldAccepted(last.reader, schema.EncodingJSON))
		})
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
