package values

import "github.com/omninode/trestle/runtime/genapi/jsoncompile"

// Format limits strings to a format of JSON Schema, as readers check it. One that they do not know limits nothing.
func (s *Space) Format(name string) *Shape {
	if name == "uuid" {
		return s.Pattern("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
	}
	check := jsoncompile.FormatCheck(name)
	if check == nil {
		return s.Any()
	}
	format := s.Opaque(String, "format "+name, func(v any) bool { s, ok := v.(string); return ok && check(s) }, formatSamples[name]...)
	if name == "uri" { // what is a URI is a reference, too
		return s.And(format, s.Format("uri-reference"))
	}
	return format
}

// formatSamples holds strings of each format that readers check.
var formatSamples = map[string][]any{
	"date-time": {"2025-10-16T12:34:56Z"}, "date": {"2025-10-16"}, "time": {"12:34:56Z"}, "duration": {"P1D"},
	"email": {"a@example.com"}, "hostname": {"example.com"}, "ipv4": {"127.0.0.1"}, "ipv6": {"::1"},
	"uri": {"https://example.com/"}, "uri-reference": {"/a", "a"}, "iri": {"https://example.com/"}, "iri-reference": {"/a", "a"},
	"json-pointer": {"/a", ""}, "relative-json-pointer": {"0"}, "regex": {"a"}, "uri-template": {"https://example.com/{a}"},
}
