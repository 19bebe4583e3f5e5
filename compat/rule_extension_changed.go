package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Extensions are an agreement beside the events: JSON does not have them, and generated code keeps their bytes unread.
var extensionChanged = Rule{
	ID:        "EXTENSION_CHANGED",
	Purpose:   "an extension of a message stays declared, with its number and type",
	Breaks:    Backward,
	Encodings: protobufOnly,
	Severity:  Error,
	Policy:    true,
	Backward:  "whoever reads the extension in records of %s by the new schemas does not find what old ones say in it",
	Forward:   "whoever reads it by the old schemas does not find what new ones say",
	Fix:       "keep the extensions of %s, and declare another one for something else",
	Message: func(c *Check, old, new *schema.Message) {
		if old == nil || new == nil || !old.HasBinary() || !new.HasBinary() || old.Proto.ExtensionRanges().Len() == 0 {
			return
		}
		kept := extensionsOf(c.cmp.new, new.Proto.FullName())
		for number, was := range extensionsOf(c.cmp.old, old.Proto.FullName()) {
			is := kept[number]
			if is == nil {
				is = new.Proto.Fields().ByNumber(number) // an extension may become a field
			}
			text := fmt.Sprintf("extension %s (%d)", was.FullName(), number)
			switch {
			case is == nil:
				c.Report(Problem{Change: text + " was removed"})
			case was.IsList() != is.IsList() || wireForm(was.Kind()) != wireForm(is.Kind()):
				c.Report(Problem{
					Change: fmt.Sprintf("%s changed from %s to %s", text, extensionType(was), extensionType(is)), Breaks: Backward | Forward,
				})
			}
		}
	},
}

func extensionType(fd protoreflect.FieldDescriptor) string {
	text := fd.Kind().String()
	if fd.Message() != nil {
		text = string(fd.Message().FullName())
	}
	if fd.IsList() {
		return "list of " + text
	}
	return text
}

// extensionsOf returns the extensions of a message that a set declares, by number.
func extensionsOf(s *schema.Set, message protoreflect.FullName) map[protoreflect.FieldNumber]protoreflect.FieldDescriptor {
	out := map[protoreflect.FieldNumber]protoreflect.FieldDescriptor{}
	var add func(extensions protoreflect.ExtensionDescriptors, messages protoreflect.MessageDescriptors)
	add = func(extensions protoreflect.ExtensionDescriptors, messages protoreflect.MessageDescriptors) {
		for i := range extensions.Len() {
			if e := extensions.Get(i); e.ContainingMessage().FullName() == message {
				out[e.Number()] = e
			}
		}
		for i := range messages.Len() {
			add(messages.Get(i).Extensions(), messages.Get(i).Messages())
		}
	}
	for _, f := range s.Files() {
		if f.Language() == schema.Protobuf {
			add(f.Proto.Extensions(), f.Proto.Messages())
		}
	}
	return out
}
