package values

import (
	"strings"

	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
)

// Format limits strings to a format of JSON Schema, as readers check it. One that they do not know limits nothing.
func (s *Space) Format(name string) *Shape {
	if name == "uuid" {
		return s.PatternRE2("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
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

// formatSamples are short texts of the formats of JSON Schema and protovalidate, one at least of each kind that one holds.
var formatSamples = map[string][]any{
	"uuid": {"123e4567-e89b-42d3-a456-426614174000"}, "tuuid": {"123e4567e89b42d3a456426614174000"}, "ulid": {"01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	"date-time": {"2025-10-16T12:34:56Z"}, "date": {"2025-10-16"}, "time": {"12:34:56Z"}, "duration": {"P1D"},
	"email": {"a@example.com"}, "hostname": {"example.com"},
	"ip": {"127.0.0.1", "::1"}, "ipv4": {"127.0.0.1"}, "ipv6": {"::1"}, "address": {"example.com", "127.0.0.1"},
	"uri": {"https://example.com/"}, "uri-reference": {"/a", "a"}, "iri": {"https://example.com/"}, "iri-reference": {"/a", "a"},
	"json-pointer": {"/a", ""}, "relative-json-pointer": {"0"}, "regex": {"a"}, "uri-template": {"https://example.com/{a}"},
}

// readableFormats are texts of formats for people to read.
var readableFormats = map[string]string{
	"date": "2025-10-16", "time": "12:34:56Z", "duration": "PT1H30M",
	"email": "someone@example.org", "hostname": "host.example.org", "address": "host.example.org", "host_and_port": "host.example.org:8080",
	"ip": "192.0.2.1", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.org/path", "uri-reference": "/path", "iri": "https://example.org/path", "iri-reference": "/path",
	"tuuid": strings.ReplaceAll(CorrelationID, "-", ""), "ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	"json-pointer": "/path", "regex": "^[a-z]+$", "uri-template": "https://example.org/{id}",
}
