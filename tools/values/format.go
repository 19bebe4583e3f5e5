package values

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Format limits strings to a format of JSON Schema, as readers check it. One that they do not know limits nothing.
func (s *Space) Format(name string) *Shape {
	if name == "email" {
		return s.textForm("mailbox")
	}
	if name == "ipv6" {
		return s.textForm("bare ipv6")
	}
	if _, known := textForms[name]; known && !protovalidateOnly[name] {
		return s.textForm(name)
	}
	return s.libraryFormat(name)
}

// WrittenFormat is [Space.Format] for what writers write: of the times that readers take, those of RFC 3339.
func (s *Space) WrittenFormat(name string) *Shape {
	if name == "date-time" {
		return s.textForm("written date-time")
	}
	return s.Format(name)
}

// formatOf is the format of a type: what JSON Schema and protovalidate mean by a name may differ.
func (s *Space) formatOf(t *schema.Type) *Shape {
	f := t.Constraints.Format
	switch {
	case t.Constraints.Rules == nil:
		return s.Format(f)
	case f == "uri-reference":
		f = "uri_ref"
	}
	return s.textForm(f)
}

// wellKnown are the forms that rules of protovalidate name and constraints have no member for.
var wellKnownRules = map[string]bool{
	"email": true, "hostname": true, "ip": true, "ipv4": true, "ipv6": true, "uri": true, "uri_ref": true, "address": true, "uuid": true,
	"tuuid": true, "ulid": true, "ip_with_prefixlen": true, "ipv4_with_prefixlen": true, "ipv6_with_prefixlen": true, "ip_prefix": true,
	"ipv4_prefix": true, "ipv6_prefix": true, "host_and_port": true, "protobuf_fqn": true, "protobuf_dot_fqn": true,
}

// textForm is a form of strings: what surely is of it, the forms that are part of it, and of what may be of it that which
// its check says is.
func (s *Space) textForm(name string) *Shape {
	f, ok := textForms[name]
	if !ok {
		return s.Any()
	}
	either := make([]*Shape, 0, len(f.parts)+2)
	for _, part := range f.parts {
		either = append(either, s.textForm(part))
	}
	if f.surely != "" {
		either = append(either, s.PatternECMA(f.surely))
	}
	if f.check == nil {
		return s.Or(either...)
	}
	within := []*Shape{s.Opaque(String, "format "+name, textTest(f.check), formatSamples[name]...)}
	if f.within != "" {
		within = append(within, s.PatternECMA(f.within))
	}
	if f.most > 0 {
		within = append(within, s.Length(String, 0, f.most))
	}
	for _, of := range f.of {
		within = append(within, s.textForm(of))
	}
	return s.Or(append(either, s.And(within...))...)
}

// formatSamples are short texts of the formats of JSON Schema and protovalidate, one at least of each kind that one holds.
var formatSamples = map[string][]any{
	"uuid": {"123e4567-e89b-42d3-a456-426614174000"}, "tuuid": {"123e4567e89b42d3a456426614174000"}, "ulid": {"01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	"date-time": {"2025-10-16T12:34:56Z"}, "date": {"2025-10-16"}, "time": {"12:34:56Z", "23:59:60Z"}, "duration": {"P1D"},
	"email": {"a@example.com"}, "mailbox": {"a@example.com", `"a b"@c`, "a@[127.0.0.1]"}, "hostname": {"example.com", "example.com."},
	"ip": {"127.0.0.1", "::1"}, "ipv4": {"127.0.0.1"}, "ipv6": {"::1", "fe80::1%a", "1111:2222:3333:4444:5555:6666:111.111.111.111"}, "bare ipv6": {"::1", "::1.2.3.4"},
	"address": {"example.com", "127.0.0.1"}, "uri": {"https://example.com/", "a://[::1]"}, "uri-reference": {"/a", "a", "//[::1]"},
	"uri_ref": {"/a", "a", "a:##"}, "iri": {"https://example.com/"}, "iri-reference": {"/a", "a"},
	"json-pointer": {"/a", ""}, "relative-json-pointer": {"0"}, "regex": {"a", "[a]"}, "uri-template": {"https://example.com/{a}"},
	"ipv4_prefix": {"10.0.0.0/8"}, "ipv6_prefix": {"2001:db8::/32"}, "ipv6_with_prefixlen": {"::1/64"}, "host_and_port": {"a:80", "[::1]:80"},
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
