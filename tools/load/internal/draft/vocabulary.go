package draft

import (
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/schema"
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

// NoKey in place of a class of keys says of a field that it is not encrypted.
const NoKey = "none"

var keyClass = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckKeyClass finds what cannot be the name of a class of keys.
func (d *Draft) CheckKeyClass(class string, at schema.Position) {
	if class != "" && !keyClass.MatchString(class) {
		d.Fault(at, "encryption_key %q: a class of keys has a name of 1 to 100 letters, digits, dots, underscores and hyphens, the first a letter or digit", class)
	}
}

// EnumPrefix is what the names of an enum's values begin with: ENVELOPE_ for Envelope.
func EnumPrefix(ed protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(ed.Values().ByNumber(0).Name()), "UNSPECIFIED")
}
