package compat

import (
	"strings"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
)

// element is what rules judge, in both versions, and where it stands: an event, a message, a field, a type, an enum, a
// value of one, a topic, a group, a package or a file. Candidates and changes point to the element that they are about.
type element struct {
	// path names it in findings.
	path string
	// oldPos and newPos are where it is declared; zero on a side that does not have it.
	oldPos, newPos schema.Position
	// trail leads to it from an event. Without one, no event is looked for that shows what is wrong with it.
	trail witness.Trail

	// Both sides of what has the element: they tell which events carry it, and in which encodings.
	messages [2]*schema.Message
	enums    [2]*schema.Enum
	values   [2]*schema.EnumValue
	events   [2]*schema.Event
	topics   [2]*schema.Topic
	schemas  [2]*wholeSchema
	pkg      *schema.Package // of what is said of a package itself

	// fields pairs the fields of a message, whose element or whose field's this is.
	fields *fieldPairs
	// oldField and newField are the field itself, or the one that the type or enum was reached by.
	oldField, newField *schema.Field
	// place is where a property is declared that is no field.
	place *valuePlace
	// ofField is the element of the field that a type belongs to, or of the schema that a property of it belongs to; nil
	// for what is neither.
	ofField *element
	// isKey says that a type is that of a map's keys.
	isKey bool
	// inside are the lists and maps of the field that a type is in.
	inside []schema.Kind
	// reading says how both sides' types read each other's values, and constraints what changed in what they, or two
	// messages, allow. Each is worked out once, for all rules.
	reading     typeReading
	constraints []constraintChange
	// dataChanged says, of an event that everything else was judged of, that other data is written or read as it.
	dataChanged bool

	carriers []*schema.Event // what eventsOf found
}

// within returns an element to be changed into one that is reached through this one.
func (e *element) within() *element {
	out := *e
	out.carriers = nil
	return &out
}

// name is the last part of the element's path.
func (e *element) name() string {
	if e.topics != [2]*schema.Topic{} || e.schemas != [2]*wholeSchema{} || strings.HasSuffix(e.path, ".json") {
		return e.path
	}
	return e.path[strings.LastIndexByte(e.path, '.')+1:]
}

// encodings returns those of all that the element has: what JSON Schema describes is JSON.
func (e *element) encodings(all []schema.Encoding) []schema.Encoding {
	var packages []*schema.Package
	for i := range 2 {
		if m := e.messages[i]; m != nil {
			packages = append(packages, m.Package)
		}
		if enum := e.enums[i]; enum != nil {
			packages = append(packages, enum.Package)
		}
		if event := e.events[i]; event != nil {
			packages = append(packages, event.Package)
		}
		if t := e.topics[i]; t != nil {
			packages = append(packages, t.Package)
		}
	}
	for _, p := range packages {
		if p != nil && p.Language == schema.Protobuf {
			return all
		}
	}
	if len(packages) == 0 {
		return all
	}
	return jsonOnly
}

func eventElement(old, new *schema.Event) *element {
	at := &element{events: [2]*schema.Event{old, new}}
	if old != nil {
		at.path, at.oldPos = old.Message.FullName, old.Pos
	}
	if new != nil {
		at.path, at.newPos = new.Message.FullName, new.Pos
	}
	return at
}

func messageElement(old, new *schema.Message) *element {
	at := &element{messages: [2]*schema.Message{old, new}}
	if old != nil {
		at.path, at.oldPos = old.FullName, old.Pos
	}
	if new != nil {
		at.path, at.newPos = new.FullName, new.Pos
	}
	return at
}

func schemaElement(old, new *wholeSchema) *element {
	at := &element{schemas: [2]*wholeSchema{old, new}}
	if old != nil {
		at.path, at.oldPos = old.path(), old.pos
	}
	if new != nil {
		at.path, at.newPos = new.path(), new.pos
	}
	return at
}

// field returns the element of a field of the message that this element is.
func (e *element) field(p fieldPair) *element {
	at := e.within()
	at.trail = e.trail.Step(p.old, p.new)
	at.oldField, at.newField = p.old, p.new
	at.oldPos, at.newPos = schema.Position{}, schema.Position{}
	at.constraints = nil
	if p.old != nil {
		at.path, at.oldPos = e.path+"."+p.old.Name, p.old.Pos
	}
	if p.new != nil {
		at.path, at.newPos = e.path+"."+p.new.Name, p.new.Pos
	}
	return at
}

// enum returns the element of an enum that this element, a type, leads to. A nil side was removed.
func (e *element) enum(old, new *schema.Enum) *element {
	at := e.within()
	at.oldPos, at.newPos = schema.Position{}, schema.Position{}
	if old != nil {
		at.path, at.oldPos = old.FullName, old.Pos
	}
	if new != nil {
		at.path, at.newPos = new.FullName, new.Pos
	}
	at.messages, at.enums = [2]*schema.Message{}, [2]*schema.Enum{old, new}
	at.ofField = nil
	return at
}

// value returns the element of a value of the enum that this element is.
func (e *element) value(old, new *schema.EnumValue) *element {
	at := e.within()
	at.oldPos, at.newPos = schema.Position{}, schema.Position{}
	var names []string
	if old != nil {
		at.path, at.oldPos = e.path+"."+old.Name, old.Pos
	}
	if new != nil {
		at.path, at.newPos = e.path+"."+new.Name, new.Pos
	}
	for _, v := range []*schema.EnumValue{old, new} {
		if v != nil && v.JSONName != "" {
			names = append(names, v.JSONName)
		}
	}
	at.values = [2]*schema.EnumValue{old, new}
	at.trail = e.trail.With(names...)
	return at
}

func topicElement(old, new *schema.Topic) *element {
	at := &element{topics: [2]*schema.Topic{old, new}}
	if old != nil {
		at.path, at.oldPos = old.Name, old.Pos
	}
	if new != nil {
		at.path, at.newPos = new.Name, new.Pos
	}
	return at
}

func groupElement(old, new *schema.Group) *element {
	at := &element{}
	if old != nil {
		at.path, at.oldPos = old.Name, old.Pos
	}
	if new != nil {
		at.path, at.newPos = new.Name, new.Pos
	}
	return at
}

// packageElement is that of a package on both sides. It is where its family is declared, else in its first file.
func packageElement(old, new *schema.Package) *element {
	pos := func(p *schema.Package) schema.Position {
		if p.Family != nil {
			return p.Family.Pos
		}
		if len(p.Files) > 0 {
			return schema.Position{File: p.Files[0].Path}
		}
		return schema.Position{}
	}
	return &element{path: new.Name, pkg: new, oldPos: pos(old), newPos: pos(new)}
}
