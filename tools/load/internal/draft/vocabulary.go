package draft

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ShortName is an enum value's name as JSON Schema writes it, without its prefix and in lower case: `onex_v1` for
// ENVELOPE_ONEX_V1. It is empty for "not declared" and for a number that this vocabulary does not know.
func ShortName(ed protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	v := ed.Values().ByNumber(number)
	if v == nil || number == 0 {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(string(v.Name()), EnumPrefix(ed)))
}

// EnumPrefix is what the names of an enum's values begin with: ENVELOPE_ for Envelope.
func EnumPrefix(ed protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(ed.Values().ByNumber(0).Name()), "UNSPECIFIED")
}
