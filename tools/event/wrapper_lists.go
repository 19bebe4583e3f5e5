package event

import (
	"fmt"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// isSizedWrappers says whether a field is a list of wrappers (Int32Value and the like) whose size has rules.
func isSizedWrappers(f *schema.Field) bool {
	c := &f.Type.Constraints
	return f.Type.Kind == schema.List && isWrapper(f.Type.Elem) && (c.MinItems != nil || c.MaxItems != nil)
}

// wrapperLists are the lists of wrappers in a message that are too short or too long: protovalidate passes over the rules
// of lists whose items are wrappers, all but those of the items.
func wrapperLists(sm *schema.Message, m protoreflect.Message) (found violations) {
	for _, f := range sm.Fields {
		fd, t := fieldOf(m, f), f.Type
		name := func() string { return jsonio.MemberPath(f.JSONName) }
		switch ignore := t.Constraints.Rules.GetIgnore(); {
		case ignore == validate.Ignore_IGNORE_ALWAYS:
		case isSizedWrappers(f):
			if n := m.Get(fd).List().Len(); n > 0 || ignore != validate.Ignore_IGNORE_IF_ZERO_VALUE {
				found = found.under(name, wrongSize(uint64(n), t.Constraints))
			}
		case ruled(t) && m.Has(fd):
			found = found.under(name, wrapperLists(t.Message, m.Get(fd).Message()))
		case t.Kind == schema.List && ruled(t.Elem):
			for i := range m.Get(fd).List().Len() {
				at := func() string { return name() + "[" + strconv.Itoa(i) + "]" }
				found = found.under(at, wrapperLists(t.Elem.Message, m.Get(fd).List().Get(i).Message()))
			}
		case t.Kind == schema.Map && ruled(t.Elem):
			for _, key := range sortedKeys(m.Get(fd).Map()) {
				at := func() string { return name() + "[" + strconv.Quote(key.String()) + "]" }
				found = found.under(at, wrapperLists(t.Elem.Message, m.Get(fd).Map().Get(key).Message()))
			}
		}
	}
	return found
}

// ruled says whether the rules of a message inside another hold.
func ruled(t *schema.Type) bool {
	return t.Kind == schema.MessageKind && !foreign(t.Message) && t.Constraints.Rules.GetIgnore() != validate.Ignore_IGNORE_ALWAYS
}

func wrongSize(n uint64, c schema.Constraints) violations {
	wrong := func(rule, message string) violations {
		return violations{trestle.Violation{Rule: rule, RulePath: rule, Message: message}}
	}
	switch {
	case c.MinItems != nil && n < *c.MinItems:
		return wrong("repeated.min_items", fmt.Sprintf("must contain at least %d item(s)", *c.MinItems))
	case c.MaxItems != nil && n > *c.MaxItems:
		return wrong("repeated.max_items", fmt.Sprintf("must contain no more than %d item(s)", *c.MaxItems))
	}
	return nil
}
