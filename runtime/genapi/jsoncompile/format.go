package jsoncompile

import (
	"errors"

	"github.com/omninode/trestle/runtime/genapi/format"
)

// checks are the formats of strings that generated code checks.
var checks = map[string]func(string) bool{
	"date-time": format.DateTime, "date": format.Date, "time": format.TimeOfDay, "duration": format.Period,
	"email": format.Mailbox, "hostname": format.Hostname, "ipv4": format.IPv4, "ipv6": format.IPv6Bare, "uri": format.URI,
	"uri-reference": format.URIReference, "uuid": format.UUID, "json-pointer": format.JSONPointer, "regex": format.Regexp,
	"iri": format.IRI, "iri-reference": format.IRIReference, "uri-template": format.URITemplate,
	"relative-json-pointer": format.RelativeJSONPointer,
}

func stringFormat(check func(string) bool) func(any) error {
	return func(v any) error {
		if s, ok := v.(string); ok && !check(s) {
			return errors.New("not of the format")
		}
		return nil
	}
}

// FormatCheck returns what says whether a string is of a format, as every schema does that is compiled here; nil for a
// format that limits nothing.
func FormatCheck(name string) func(string) bool { return checks[name] }
