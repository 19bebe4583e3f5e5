package docs

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/asyncapi"
	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/schema"
)

// envelope is the table of what surrounds an event, read from the schema of its record.
func (s *site) envelope(e *schema.Event) []block {
	path := jsonschema.Path(e)
	root, err := orderedjson.Parse(s.schemas[path])
	if e.Envelope == schema.EnvelopeNone || err != nil {
		return nil
	}
	t := table{label: "Fields of the envelope", head: []string{"Field", "Type", "What it is"}}
	s.envelopeRows(&t, path, "", root)
	return []block{
		heading{level: 2, anchor: "envelope", text: plain("Envelope")},
		paragraph{and(plain("The event is the "), code("payload"), plain(" of its envelope, "+envelopeWords[e.Envelope]+"."))},
		t,
	}
}

// headers is the table of the headers of an event's records.
func headers(e *schema.Event) []block {
	t := table{label: "Headers", head: []string{"Header", "What it is"}}
	for _, h := range asyncapi.Headers(e) {
		what := cell{plain(h.Description)}
		if h.Const != "" {
			what = append(what, and(plain("always "), code(h.Const)))
		}
		t.rows = append(t.rows, []cell{{code(h.Name)}, what})
	}
	return []block{heading{level: 2, anchor: "headers", text: plain("Headers")}, t}
}

func (s *site) envelopeRows(t *table, path, prefix string, o *orderedjson.Object) {
	required, _ := o.Get("required").([]any)
	properties, _ := o.Get("properties").(*orderedjson.Object)
	if properties == nil {
		return
	}
	for _, name := range properties.Names() {
		p, _ := properties.Get(name).(*orderedjson.Object)
		if p == nil {
			continue
		}
		first := cell{code(prefix + name)}
		if slices.Contains(required, any(name)) {
			first = append(first, inline{{text: "required", badge: needBadge}})
		}
		kind, nullable := jsonKind(p)
		if nullable {
			first = append(first, inline{{text: "may be null", badge: plainBadge}})
		}
		what := s.lines(text(p.Get("description")))
		if name == "payload" && prefix == "" {
			what = cell{inline{{text: "The event: the fields above."}}}
		}
		t.rows = append(t.rows, []cell{first, kind, what})
		if ref := text(p.Get("$ref")); ref != "" {
			if other, err := orderedjson.Parse(s.schemas[path[:strings.LastIndexByte(path, '/')+1]+ref]); err == nil {
				s.envelopeRows(t, path, prefix+name+".", other)
			}
		} else if name != "payload" {
			s.envelopeRows(t, path, prefix+name+".", p)
		}
	}
}

func text(v any) string { s, _ := v.(string); return s }

// jsonKind says what a property of an envelope is.
func jsonKind(p *orderedjson.Object) (lines cell, nullable bool) {
	kind := text(p.Get("type"))
	if several, ok := p.Get("type").([]any); ok {
		for _, k := range several {
			if k == "null" {
				nullable = true
			} else {
				kind = text(k)
			}
		}
	}
	if c := text(p.Get("const")); c != "" {
		return cell{plain("string"), and(plain("always "), code(c))}, nullable
	}
	switch format := text(p.Get("format")); {
	case format == "date-time":
		lines = cell{plain("timestamp")}
	case formatWords[format] != "":
		lines = cell{plain(kind), plain(formatWords[format])}
	case kind == "" || kind == "object":
		lines = cell{plain("object")}
	default:
		lines = cell{plain(kind)}
	}
	if d := text(p.Get("default")); d != "" {
		lines = append(lines, and(plain("default "), code(`"`+d+`"`)))
	}
	return lines, nullable
}
