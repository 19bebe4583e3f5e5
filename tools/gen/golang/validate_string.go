package golang

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

// stringRules are the rules of strings, in protovalidate's order.
func (g *file) stringRules(r valueRule) ([]string, error) {
	s := r.rules.GetString()
	if s == nil {
		return nil, nil
	}
	expr := r.expr
	var lines []string
	add := func(cond, rule, format string, args ...any) {
		lines = append(lines, g.check(cond, r, finding{"string." + rule, "string." + rule, fmt.Sprintf(format, args...), g.shown(r)}))
	}
	runes := func() string { return g.std("unicode/utf8", "RuneCountInString") + "(" + expr + ")" }
	if s.HasLen() {
		add(fmt.Sprintf("%s != %d", runes(), size(s.GetLen())), "len", "must be %d characters", s.GetLen())
	}
	if s.GetMinLen() > 0 {
		add(tooShort(runes, expr, s.GetMinLen()), "min_len", "must be at least %d characters", s.GetMinLen())
	}
	if s.HasMaxLen() {
		// A string has at most as many characters as bytes: most are not counted.
		add(fmt.Sprintf("len(%s) > %d && %s > %d", expr, size(s.GetMaxLen()), runes(), size(s.GetMaxLen())), "max_len", "must be at most %d characters", s.GetMaxLen())
	}
	if s.HasLenBytes() {
		add(fmt.Sprintf("len(%s) != %d", expr, size(s.GetLenBytes())), "len_bytes", "must be %d bytes", s.GetLenBytes())
	}
	if s.GetMinBytes() > 0 {
		add(fmt.Sprintf("len(%s) < %d", expr, size(s.GetMinBytes())), "min_bytes", "must be at least %d bytes", s.GetMinBytes())
	}
	if s.HasMaxBytes() {
		add(fmt.Sprintf("len(%s) > %d", expr, size(s.GetMaxBytes())), "max_bytes", "must be at most %d bytes", s.GetMaxBytes())
	}
	if s.HasConst() {
		add(expr+" != "+goString(s.GetConst()), "const", "must equal `%s`", s.GetConst())
	}
	if s.HasPattern() {
		if err := checkPattern(r, s.GetPattern()); err != nil {
			return nil, err
		}
		add("!"+g.patterns.matches(s.GetPattern(), patternHint(r), expr), "pattern", "does not match regex pattern `%s`", s.GetPattern())
	}
	if s.HasPrefix() {
		add("!"+g.std("strings", "HasPrefix")+"("+expr+", "+goString(s.GetPrefix())+")", "prefix", "does not have prefix `%s`", s.GetPrefix())
	}
	if s.HasSuffix() {
		add("!"+g.std("strings", "HasSuffix")+"("+expr+", "+goString(s.GetSuffix())+")", "suffix", "does not have suffix `%s`", s.GetSuffix())
	}
	if s.HasContains() {
		add("!"+g.std("strings", "Contains")+"("+expr+", "+goString(s.GetContains())+")", "contains", "does not contain substring `%s`", s.GetContains())
	}
	if s.HasNotContains() {
		add(g.std("strings", "Contains")+"("+expr+", "+goString(s.GetNotContains())+")", "not_contains", "contains substring `%s`", s.GetNotContains())
	}
	if in := s.GetIn(); len(in) > 0 {
		add(noneOf(expr, in, goString), "in", "must be in list [%s]", strings.Join(in, ", "))
	}
	if notIn := s.GetNotIn(); len(notIn) > 0 {
		add(oneOf(expr, notIn, goString), "not_in", "must not be in list [%s]", strings.Join(notIn, ", "))
	}
	return append(lines, g.formatRules(r, s)...), nil
}

func tooShort(runes func() string, expr string, n uint64) string {
	if n == 1 {
		return expr + ` == ""`
	}
	return fmt.Sprintf("%s < %d", runes(), size(n))
}

// stringFormats are the well-known forms: the rule, the check in runtime/genapi/format, and what a violation calls the form.
var stringFormats = []struct {
	rule, function, words string
	has                   func(*validate.StringRules) bool
}{
	{"email", "Email", "a valid email address", (*validate.StringRules).GetEmail},
	{"hostname", "Hostname", "a valid hostname", (*validate.StringRules).GetHostname},
	{"ip", "IP", "a valid IP address", (*validate.StringRules).GetIp},
	{"ipv4", "IPv4", "a valid IPv4 address", (*validate.StringRules).GetIpv4},
	{"ipv6", "IPv6", "a valid IPv6 address", (*validate.StringRules).GetIpv6},
	{"uri", "URI", "a valid URI", (*validate.StringRules).GetUri},
	{"uri_ref", "URIRef", "a valid URI Reference", (*validate.StringRules).GetUriRef},
	{"address", "Address", "a valid hostname, or ip address", (*validate.StringRules).GetAddress},
	{"uuid", "UUID", "a valid UUID", (*validate.StringRules).GetUuid},
	{"tuuid", "TrimmedUUID", "a valid trimmed UUID", (*validate.StringRules).GetTuuid},
	{"ulid", "ULID", "a valid ULID", (*validate.StringRules).GetUlid},
	{"ip_with_prefixlen", "IPWithPrefixLen", "a valid IP prefix", (*validate.StringRules).GetIpWithPrefixlen},
	{"ipv4_with_prefixlen", "IPv4WithPrefixLen", "a valid IPv4 address with prefix length", (*validate.StringRules).GetIpv4WithPrefixlen},
	{"ipv6_with_prefixlen", "IPv6WithPrefixLen", "a valid IPv6 address with prefix length", (*validate.StringRules).GetIpv6WithPrefixlen},
	{"ip_prefix", "IPPrefix", "a valid IP prefix", (*validate.StringRules).GetIpPrefix},
	{"ipv4_prefix", "IPv4Prefix", "a valid IPv4 prefix", (*validate.StringRules).GetIpv4Prefix},
	{"ipv6_prefix", "IPv6Prefix", "a valid IPv6 prefix", (*validate.StringRules).GetIpv6Prefix},
	{"protobuf_fqn", "ProtobufName", "a valid fully-qualified Protobuf name", (*validate.StringRules).GetProtobufFqn},
	{"protobuf_dot_fqn", "ProtobufDotName", "a valid fully-qualified Protobuf name with a leading dot", (*validate.StringRules).GetProtobufDotFqn},
	{"host_and_port", "HostAndPort", "a valid host (hostname or IP address) and port pair", (*validate.StringRules).GetHostAndPort},
}

// formatRules check a well-known form. An empty value has a rule id of its own, but as a reference, which may be empty.
func (g *file) formatRules(r valueRule, s *validate.StringRules) []string {
	for _, f := range stringFormats {
		if !f.has(s) {
			continue
		}
		at := "string." + f.rule
		invalid := g.check("!"+g.format(f.function)+"("+r.expr+")", r, finding{at, at, "must be " + f.words, g.shown(r)})
		if f.rule == "uri_ref" || r.at == "" && r.rules.GetRequired() && !r.field.Explicit {
			return []string{invalid} // empty is absent, and reported as such
		}
		return []string{g.orEmpty(r, at, at, strings.Replace(f.words, "host (hostname or IP address)", "host", 1), invalid)}
	}
	header, function, words := "", "", ""
	switch s.GetWellKnownRegex() {
	case validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME:
		header, function, words = "header_name", "HeaderName", "a valid HTTP header name"
	case validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_VALUE:
		header, function, words = "header_value", "HeaderValue", "a valid HTTP header value"
	default:
		return nil
	}
	if s.HasStrict() && !s.GetStrict() {
		function = "LooseHeader"
	}
	const at = "string.well_known_regex"
	invalid := g.check("!"+g.format(function)+"("+r.expr+")", r, finding{at + "." + header, at, "must be " + words, g.shown(r)})
	if header == "header_value" {
		return []string{invalid}
	}
	return []string{g.orEmpty(r, at+"."+header, at, words, invalid)}
}

// orEmpty tells an empty value from one that is otherwise wrong.
func (g *file) orEmpty(r valueRule, rule, at, words, otherwise string) string {
	return "if " + r.expr + " == \"\" {\n" +
		g.always(r, finding{rule + "_empty", at, "value is empty, which is not " + words, g.shown(r)}) + "\n} else " + otherwise
}

func checkPattern(r valueRule, expression string) error {
	if _, err := regexp.Compile(expression); err != nil {
		return refuse(r.field.Type.Constraints.Pos, fieldName(r.field), "pattern is not valid in RE2: %v", err)
	}
	return nil
}

func patternHint(r valueRule) string { return camel(r.field.Message.Name) + camel(r.field.Name) }

// bytesRules are the rules of bytes, in protovalidate's order.
func (g *file) bytesRules(r valueRule) ([]string, error) {
	b := r.rules.GetBytes()
	if b == nil {
		return nil, nil
	}
	expr := r.expr
	var lines []string
	add := func(cond, rule, format string, args ...any) {
		lines = append(lines, g.check(cond, r, finding{rule: "bytes." + rule, at: "bytes." + rule, text: fmt.Sprintf(format, args...)}))
	}
	call := func(function string, value []byte) string {
		return g.std("bytes", function) + "(" + expr + ", []byte(" + strconv.Quote(string(value)) + "))"
	}
	equals := func(value []byte) string { return "string(" + expr + ") == " + strconv.Quote(string(value)) }
	if b.HasConst() {
		add("string("+expr+") != "+strconv.Quote(string(b.GetConst())), "const", "must be %x", b.GetConst())
	}
	if b.HasLen() {
		add(fmt.Sprintf("len(%s) != %d", expr, size(b.GetLen())), "len", "must be %d bytes", b.GetLen())
	}
	if b.GetMinLen() > 0 {
		add(fmt.Sprintf("len(%s) < %d", expr, size(b.GetMinLen())), "min_len", "must be at least %d bytes", b.GetMinLen())
	}
	if b.HasMaxLen() {
		add(fmt.Sprintf("len(%s) > %d", expr, size(b.GetMaxLen())), "max_len", "must be at most %d bytes", b.GetMaxLen())
	}
	if b.HasPattern() {
		if err := checkPattern(r, b.GetPattern()); err != nil {
			return nil, err
		}
		lines = append(lines, "if !"+g.std("unicode/utf8", "Valid")+"("+expr+") {\nv.Fail("+g.format("ErrNotUTF8")+")\nreturn\n}")
		add("!"+g.patterns.regexp(b.GetPattern(), patternHint(r))+"().Match("+expr+")", "pattern", "must match regex pattern `%s`", b.GetPattern())
	}
	if b.HasPrefix() {
		add("!"+call("HasPrefix", b.GetPrefix()), "prefix", "does not have prefix %x", b.GetPrefix())
	}
	if b.HasSuffix() {
		add("!"+call("HasSuffix", b.GetSuffix()), "suffix", "does not have suffix %x", b.GetSuffix())
	}
	if b.HasContains() {
		add("!"+call("Contains", b.GetContains()), "contains", "does not contain %x", b.GetContains())
	}
	any := func(values [][]byte) string {
		parts := make([]string, len(values))
		for i, value := range values {
			parts[i] = equals(value)
		}
		return strings.Join(parts, " || ")
	}
	if in := b.GetIn(); len(in) > 0 {
		add("!("+any(in)+")", "in", "must be in list %s", joinedBytes(in))
	}
	if notIn := b.GetNotIn(); len(notIn) > 0 {
		add(any(notIn), "not_in", "must not be in list %s", joinedBytes(notIn))
	}
	for _, f := range bytesFormats {
		if !f.has(b) {
			continue
		}
		at := "bytes." + f.name
		sizes := make([]string, len(f.sizes))
		for i, size := range f.sizes {
			sizes[i] = fmt.Sprintf("len(%s) != %d", expr, size)
		}
		lines = append(lines, "if len("+expr+") == 0 {\n"+
			g.always(r, finding{rule: at + "_empty", at: at, text: "value is empty, which is not " + f.words})+"\n} else "+
			g.check(strings.Join(sizes, " && "), r, finding{rule: at, at: at, text: "must be " + f.words}))
	}
	return lines, nil
}
