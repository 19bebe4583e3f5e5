package values

import "github.com/santhosh-tekuri/jsonschema/v6"

// Format limits strings to a format of JSON Schema. One that validators do not know limits nothing.
func (s *Space) Format(name string) *Shape {
	if name == "uuid" {
		return s.Pattern("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
	}
	test, samples := formatTest(name)
	if test == nil {
		return s.Any()
	}
	format := s.Opaque(String, "format "+name, test, samples...)
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
	"idn-email": {"a@example.com"}, "idn-hostname": {"example.com"},
}

// formatTest runs the validator that readers use, on a string alone.
func formatTest(name string) (func(any) bool, []any) {
	samples, ok := formatSamples[name]
	if !ok {
		return nil, nil
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if c.AddResource("mem:///format", map[string]any{"format": name}) != nil {
		return nil, nil
	}
	compiled, err := c.Compile("mem:///format")
	if err != nil || compiled.Validate("\x00 \n") == nil && compiled.Validate("(") == nil && compiled.Validate("%") == nil {
		return nil, nil // it limits nothing
	}
	return func(v any) bool { return compiled.Validate(v) == nil }, samples
}
