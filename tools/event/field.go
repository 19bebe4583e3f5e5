package event

import (
	"errors"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// CheckField judges a value of one field, a JSON text, by the field's type and constraints, whatever the message lacks.
// What is wrong with it is a [trestle.ValidationError], with paths that begin in the field; any other error says that the
// schema cannot be used.
func (s *Schemas) CheckField(f *schema.Field, value []byte) error {
	t, err := s.Type(f.Message)
	if err != nil {
		return err
	}
	text, err := jsonio.AppendString([]byte("{"), f.JSONName)
	if err != nil {
		return err
	}
	text = append(append(append(text, ':'), value...), '}')
	v, r := t.New(), jsonio.NewReader(text)
	v.DecodeJSON(r)
	if err := r.Err(); err != nil {
		return err
	}
	v.SetDefaults(time.Now())
	if x, ok := v.(*protoValue); ok {
		err = x.validate(protovalidate.WithFilter(protovalidate.FilterFunc(func(m protoreflect.Message, d protoreflect.Descriptor) bool {
			return m.Interface() != x.Interface() || d.FullName() == f.Proto.FullName()
		})))
	} else {
		err = v.Validate()
	}
	invalid, ok := errors.AsType[*trestle.ValidationError](err)
	if err != nil && !ok {
		return err
	}
	var all trestle.Violations
	all.AddFaults(r.Faults())
	if ok {
		all.AddUnfaulted(invalid, r.Faults())
	}
	var own trestle.Violations
	for _, v := range all.List() {
		if begins(v.Path, f.Name) || begins(v.Path, f.JSONName) || begins(v.Path, jsonio.MemberPath(f.JSONName)) {
			own.Report(v)
		}
	}
	return own.Err(f.Message.FullName)
}

// begins says whether a path is a name, or goes on from it.
func begins(path, name string) bool {
	rest, ok := strings.CutPrefix(path, name)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
