package records

import (
	"path"
	"strconv"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// spot is where in an event something is, by its schema.
type spot struct {
	// general is the path with [] for each index and key: what elements have in common.
	general string
	// field is the last on the path that the schema has; nil: there is none. message is that which has it, or lacks the next.
	field   *schema.Field
	message *schema.Message
	// beyond is the rest of the path, which the schema does not have.
	beyond string
	// sensitive says that the path leads to or through what is not to be shown.
	sensitive bool
	inMap     bool // there is a map on the way
}

// follow finds where a path leads from a message.
func follow(m *schema.Message, text string) spot {
	s := spot{message: m, sensitive: m != nil && m.InSensitive}
	t := &schema.Type{Kind: schema.MessageKind, Message: m}
	if m == nil {
		t = nil
	}
	for _, step := range jsonio.Steps(text) {
		switch {
		case step.Element || t != nil && t.Kind == schema.Map:
			s.general += "[]"
			s.inMap = s.inMap || t == nil || t.Kind == schema.Map
			if t != nil {
				t = t.Elem
			}
		case t != nil && t.Kind == schema.MessageKind && fieldOf(t.Message, step.Name) != nil:
			s.field, s.message, s.beyond = fieldOf(t.Message, step.Name), t.Message, ""
			s.general = jsonio.JoinPath(s.general, jsonio.MemberPath(step.Name))
			s.sensitive = s.sensitive || s.field.Sensitive
			t = s.field.Type
		default:
			if t != nil && t.Kind == schema.MessageKind {
				s.message, s.field = t.Message, nil
			}
			s.general = jsonio.JoinPath(s.general, jsonio.MemberPath(step.Name))
			s.beyond = jsonio.JoinPath(s.beyond, jsonio.MemberPath(step.Name))
			t = nil
		}
	}
	return s
}

// fieldOf finds a field by its name in JSON, or by that in the source, as what is wrong with binary forms names it.
func fieldOf(m *schema.Message, name string) *schema.Field {
	if m == nil {
		return nil
	}
	if f := m.Field(name); f != nil {
		return f
	}
	for _, f := range m.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// element is the path of what a spot is of, as findings have it, and where that stands in the files of a set.
func (s spot) element(set *schema.Set) (string, schema.Position) {
	switch {
	case s.field != nil && s.beyond == "":
		return s.message.FullName + "." + s.field.Name, inRoot(set, s.field.Pos)
	case s.beyond != "":
		return s.message.FullName + "." + s.beyond, inRoot(set, s.message.Pos)
	}
	return s.message.FullName, inRoot(set, s.message.Pos)
}

func inRoot(set *schema.Set, pos schema.Position) schema.Position {
	if pos.File != "" {
		pos.File = path.Join(set.Root, pos.File)
	}
	return pos
}

func (p Place) String() string {
	return p.Topic + "/" + strconv.Itoa(int(p.Partition)) + "/" + strconv.FormatInt(p.Offset, 10)
}
