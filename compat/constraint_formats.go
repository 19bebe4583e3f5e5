package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// widerFormats are formats with those that they hold.
var widerFormats = map[string][]string{
	"address": {"hostname", "ip", "ipv4", "ipv6"}, "ip": {"ipv4", "ipv6"}, "uri-reference": {"uri"},
}

// narrowFormats have no text in common, and a hostname is none of those before "uuid".
var narrowFormats = []string{"email", "ipv4", "ipv6", "ip", "uuid", "tuuid", "ulid"}

// relateFormats orders two formats; known is false where it is not known how.
func relateFormats(old, new string) (r relation, known bool) {
	switch {
	case slices.Contains(widerFormats[new], old):
		return looser, true
	case slices.Contains(widerFormats[old], new):
		return tighter, true
	}
	disjoint := func(a, b string) bool {
		i := slices.Index(narrowFormats, b)
		return i >= 0 && (slices.Contains(narrowFormats, a) || a == "hostname" && i < slices.Index(narrowFormats, "uuid"))
	}
	return exchanged, disjoint(old, new) || disjoint(new, old)
}

// textChanges compares whether the text of protobuf strings must be UTF-8; that of JSON always is.
func textChanges(old, new *schema.Type) []constraintChange {
	if old.Proto != protoreflect.StringKind || new.Proto != protoreflect.StringKind || old.RawText == new.RawText {
		return nil
	}
	ch := toggled(!old.RawText, !new.RawText, "text must be UTF-8")
	ch.encodings = protobufOnly
	return []constraintChange{ch}
}
