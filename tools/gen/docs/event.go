package docs

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// What roles, envelopes and encodings are called.
var (
	roleWords = map[schema.Role]string{
		schema.RoleRequest: "Request", schema.RoleResponse: "Response", schema.RoleStatus: "Status event", schema.RoleEvent: "Event",
		schema.RoleDeadLetter: "Dead letter",
	}
	envelopeWords = map[schema.Envelope]string{
		schema.EnvelopeOnexV1: "OnexEnvelopeV1", schema.EnvelopeBaseEvent: "BaseEvent", schema.EnvelopeNone: "none",
	}
	encodingWords = map[schema.Encoding]string{
		schema.EncodingJSON: "JSON", schema.EncodingProtobuf: "protobuf, framed with its schema's id",
	}
)

// event makes an event's page.
func (s *site) event(e *schema.Event) *page {
	p := &page{id: s.eventPage(e), kind: roleWords[e.Role], title: e.Type}
	s.current = p.id
	s.sections = map[*schema.Message]string{}
	parts := messages(e.Message)
	for _, m := range parts {
		s.sections[m] = anchor(m.FullName)
	}
	p.lead = append(s.deprecation(e.Message.Deprecated, "This event is deprecated"), s.replaced(e)...)
	p.lead = append(p.lead, s.prose(e.Message.Doc)...)
	p.flow = s.flows(e)
	p.facts = s.eventFacts(e)

	p.body = append(p.body, heading{level: 2, anchor: s.sections[e.Message], text: plain("Fields")})
	p.body = append(p.body, s.fields(e.Message, "Fields of "+e.Type)...)
	for _, m := range parts[1:] {
		p.body = append(p.body, heading{level: 3, anchor: s.sections[m], text: plain(m.Name)})
		p.body = append(p.body, s.deprecation(m.Deprecated, "Deprecated")...)
		p.body = append(p.body, s.prose(m.Doc)...)
		p.body = append(p.body, s.fields(m, "Fields of "+m.Name)...)
	}
	if text := s.examples.Shown(e); text != nil {
		p.body = append(p.body, heading{level: 2, anchor: "example", text: plain("Example")})
		if note := exampleNote(e, parts); note != "" {
			p.body = append(p.body, paragraph{plain(note)})
		}
		p.body = append(p.body, listing{"json", strings.TrimRight(string(text), "\n")})
	}
	p.body = append(p.body, s.envelope(e)...)
	p.body = append(p.body, headers(e)...)
	p.body = append(p.body, s.eventChanges(e)...)
	s.searchable(p, s.summary(e.Message.Doc), eventWords(e, parts)...)
	return p
}

// exampleNote says what an example is of.
func exampleNote(e *schema.Event, parts []*schema.Message) string {
	var notes []string
	switch {
	case e.Encoding != schema.EncodingJSON:
		notes = append(notes, "The event with its envelope, as JSON; on the topic it is protobuf.")
	case e.Envelope == schema.EnvelopeNone:
		notes = append(notes, "The value of a record.")
	default:
		notes = append(notes, "The value of a record; the event itself is the payload.")
	}
	if slices.ContainsFunc(parts, hasCEL) {
		notes = append(notes, "It was made without regard to rules in CEL.")
	}
	return strings.Join(notes, " ")
}

func hasCEL(m *schema.Message) bool {
	if len(m.Rules.GetCel()) > 0 || len(m.Rules.GetCelExpression()) > 0 {
		return true
	}
	return slices.ContainsFunc(m.Fields, func(f *schema.Field) bool {
		for t := f.Type; t != nil; t = t.Elem {
			if r := t.Constraints.Rules; len(r.GetCel()) > 0 || len(r.GetCelExpression()) > 0 {
				return true
			}
		}
		return false
	})
}

// eventWords are what an event is found by, beside its type.
func eventWords(e *schema.Event, parts []*schema.Message) []string {
	out := []string{e.Message.FullName}
	if e.Topic != nil {
		out = append(out, e.Topic.Name)
	}
	out = append(append(out, e.PublishedBy...), e.ConsumedBy...)
	for _, m := range parts {
		for _, f := range m.Fields {
			out = append(out, f.JSONName)
		}
	}
	return out
}

func (s *site) deprecation(d *schema.Deprecation, what string) []block {
	if d == nil {
		return nil
	}
	text := what
	if d.Since != "" {
		text += " since " + d.Since
	}
	line := and(inline{{text: "deprecated", badge: warnBadge}}, plain(" "+text))
	if d.Reason != "" {
		line = and(line, plain(": "), s.line(d.Reason))
	} else {
		line = and(line, plain("."))
	}
	return []block{paragraph{line}}
}

// flows are the ways of an event: its own, and its reply's.
func (s *site) flows(e *schema.Event) []flow {
	var out []flow
	add := func(e *schema.Event) {
		if e.Topic != nil {
			out = append(out, flow{e.PublishedBy, s.topicLink(e.Topic), e.ConsumedBy})
		}
	}
	add(e)
	if e.Reply != nil {
		add(e.Reply)
	}
	return out
}

func (s *site) eventFacts(e *schema.Event) []fact {
	var out []fact
	add := func(name string, lines ...inline) {
		if len(lines) > 0 {
			out = append(out, fact{name, lines})
		}
	}
	each := func(names []string) []inline {
		var lines []inline
		for _, n := range names {
			lines = append(lines, plain(n))
		}
		return lines
	}
	if t := e.Topic; t != nil {
		add("Topic", s.topicLink(t), plain(settingsWords(t)))
	} else {
		var topics []inline
		for _, t := range s.topicsOf[e] {
			topics = append(topics, s.topicLink(t))
		}
		if len(topics) > 3 {
			topics = []inline{{{text: plural(len(topics), "dead-letter topic"), to: link{page: indexPage, anchor: "dead-letter-topics"}}}}
		}
		add("Topics", topics...)
	}
	if len(e.Key) > 0 {
		var keys []inline
		for _, k := range e.Key {
			keys = append(keys, code(k))
		}
		add("Key", joined(keys, ", else "))
	}
	if len(e.DataSubject) > 0 {
		add("Data subject", and(code(strings.Join(e.SubjectNames(), ".")), plain(": where it is set, encrypted fields are encrypted with keys of that person")))
	}
	if keys := s.set.SealedKeys(e.Message); len(keys) > 0 {
		add("Encrypted with", and(plain("keys of "), codes(keys)))
	}
	add("Published by", each(e.PublishedBy)...)
	add("Consumed by", each(e.ConsumedBy)...)
	if e.Reply != nil {
		add("Answered by", s.eventLink(e.Reply))
	}
	var answers []inline
	for _, other := range s.answersTo[e] {
		answers = append(answers, s.eventLink(other))
	}
	add("Answers", answers...)
	if e.Topic != nil {
		add("Consumer groups", s.groupLinks(e.Topic.Name)...)
		if e.Topic.DeadLetter != nil {
			add("Dead letters", s.topicLink(e.Topic.DeadLetter))
		}
	}
	switch {
	case e.Envelope == schema.EnvelopeNone:
		add("Envelope", plain("none"))
	case e.Encoding == schema.EncodingProtobuf:
		add("Envelope", inline{{text: envelopeWords[e.Envelope] + ", in headers", to: link{anchor: "headers"}}})
	default:
		add("Envelope", inline{{text: envelopeWords[e.Envelope], to: link{anchor: "envelope"}}})
	}
	add("Encoding", plain(encodingWords[e.Encoding]))
	if v := e.SchemaVersion(); v != "" {
		add("Schema version", plain(v))
	}
	if d := s.digests.Known(e); d != "" {
		add("Schema digest", code(d))
	}
	if since := s.since(e); since != nil {
		add("Since", since)
	}
	add("Versions", s.versionLines(e)...)
	add("Package", inline{{text: e.Package.Name, code: true, to: link{page: indexPage, anchor: anchor(e.Package.Name)}}})
	add("Schema", s.position(e.Message.Pos))
	return out
}

// fields is the table of a message's fields.
func (s *site) fields(m *schema.Message, label string) []block {
	var out []block
	if len(m.Fields) == 0 {
		out = append(out, paragraph{plain("No fields.")})
	} else {
		t := table{label: label, head: []string{"Field", "Type and rules", "What it is"}}
		for _, f := range m.Fields {
			t.rows = append(t.rows, s.fieldRow(f))
		}
		out = append(out, t)
	}
	var notes []inline
	for _, o := range m.Oneofs {
		var names []string
		for _, f := range o.Fields {
			names = append(names, f.JSONName)
		}
		how := "At most one of "
		if o.Required {
			how = "Exactly one of "
		}
		notes = append(notes, and(plain(how), codes(names), plain(".")))
	}
	for _, o := range m.Rules.GetOneof() {
		how := "At most one of "
		if o.GetRequired() {
			how = "Exactly one of "
		}
		notes = append(notes, and(plain(how), codes(o.GetFields()), plain(".")))
	}
	for _, rule := range m.Rules.GetCel() {
		notes = append(notes, celWords(rule.GetMessage(), rule.GetExpression()))
	}
	for _, expression := range m.Rules.GetCelExpression() {
		notes = append(notes, code(expression))
	}
	switch {
	case m.Closed:
		notes = append(notes, plain("Other fields are an error."))
	case m.Undeclared != nil:
		notes = append(notes, and(plain("Other fields are kept: "), s.typeWords(m.Undeclared), plain(".")))
	}
	notes = append(notes, unmodelledWords(m.Unmodelled)...)
	if len(notes) > 0 {
		out = append(out, list{notes})
	}
	return out
}

// secrecy says what becomes of a field that is sensitive.
func secrecy(f *schema.Field) inline {
	if f.EncryptionKey == "" {
		return plain("Personal or secret: never printed; on the wire it stands as it is.")
	}
	line := and(plain("Personal or secret: never printed; encrypted on the wire with keys of class "), code(f.EncryptionKey))
	if f.Deterministic {
		line = and(line, plain(", the same value to the same text"))
	}
	if f.Type.SealedBeside() {
		line = and(line, plain(". In JSON the text is in "), code(f.JSONName+schema.SealedSuffix))
	}
	return and(line, plain("."))
}

func (s *site) fieldRow(f *schema.Field) []cell {
	name := cell{code(f.JSONName)}
	var marks inline
	mark := func(text string, b badge) {
		marks = append(marks, span{text: text, badge: b})
	}
	if f.Required || f.JSONRequired {
		mark("required", needBadge)
	}
	if f.Nullable {
		mark("may be null", plainBadge)
	}
	if f.Sensitive {
		mark("sensitive", warnBadge)
	}
	if f.EncryptionKey != "" {
		mark("encrypted", needBadge)
	}
	if f.Deprecated != nil {
		mark("deprecated", warnBadge)
	}
	if len(marks) > 0 {
		name = append(name, marks)
	}
	kind := cell{s.typeWords(f.Type)}
	kind = append(kind, s.ruleWords(f.Type)...)
	switch f.Default {
	case "":
	case "now":
		kind = append(kind, plain("default: the time of publishing"))
	default:
		kind = append(kind, and(plain("default "), code(f.Default)))
	}
	what := s.lines(f.Doc)
	if f.Sensitive {
		what = append(what, secrecy(f))
	}
	if d := f.Deprecated; d != nil && (d.Since != "" || d.Reason != "") {
		text := "Deprecated"
		if d.Since != "" {
			text += " since " + d.Since
		}
		line := plain(text + ".")
		if d.Reason != "" {
			line = and(plain(text+": "), s.line(d.Reason))
		}
		what = append(what, line)
	}
	return []cell{name, kind, what}
}
