package golang

import (
	"bytes"
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
	expr, found := r.expr, r.found(r.expr)
	var lines []string
	add := func(cond, rule, format string, args ...any) {
		lines = append(lines, check(cond, r.path, "string."+rule, fmt.Sprintf(format, args...), found))
	}
	runes := func() string { return g.std("unicode/utf8", "RuneCountInString") + "(" + expr + ")" }
	if s.HasLen() {
		add(fmt.Sprintf("%s != %d", runes(), s.GetLen()), "len", "must be %d characters", s.GetLen())
	}
	if s.GetMinLen() > 0 {
		add(tooShort(runes, expr, s.GetMinLen()), "min_len", "must be at least %d characters", s.GetMinLen())
	}
	if s.HasMaxLen() {
		// A string has at most as many characters as bytes: most are not counted.
		add(fmt.Sprintf("len(%s) > %d && %s > %d", expr, s.GetMaxLen(), runes(), s.GetMaxLen()), "max_len", "must be at most %d characters", s.GetMaxLen())
	}
	if s.HasLenBytes() {
		add(fmt.Sprintf("len(%s) != %d", expr, s.GetLenBytes()), "len_bytes", "must be %d bytes", s.GetLenBytes())
	}
	if s.GetMinBytes() > 0 {
		add(fmt.Sprintf("len(%s) < %d", expr, s.GetMinBytes()), "min_bytes", "must be at least %d bytes", s.GetMinBytes())
	}
	if s.HasMaxBytes() {
		add(fmt.Sprintf("len(%s) > %d", expr, s.GetMaxBytes()), "max_bytes", "must be at most %d bytes", s.GetMaxBytes())
	}
	if s.HasConst() {
		add(expr+" != "+goString(s.GetConst()), "const", "must equal `%s`", s.GetConst())
	}
	if s.HasPattern() {
		matcher, err := g.pattern(r, s.GetPattern())
		if err != nil {
			return nil, err
		}
		add("!"+matcher+"().MatchString("+expr+")", "pattern", "does not match regex pattern `%s`", s.GetPattern())
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
	return append(lines, g.idRules(r, s)...), nil
}

func tooShort(runes func() string, expr string, n uint64) string {
	if n == 1 {
		return expr + ` == ""`
	}
	return fmt.Sprintf("%s < %d", runes(), n)
}

// idRules are uuid and tuuid: an empty value has a rule id of its own.
func (g *file) idRules(r valueRule, s *validate.StringRules) []string {
	rule, words, function := "", "", ""
	switch {
	case s.GetUuid():
		rule, words, function = "string.uuid", "a valid UUID", "UUID"
	case s.GetTuuid():
		rule, words, function = "string.tuuid", "a valid trimmed UUID", "TrimmedUUID"
	default:
		return nil
	}
	invalid := "if !" + g.format(function) + "(" + r.expr + ") {\n" + violation(r.path, rule, "must be "+words, r.found(r.expr)) + "\n}"
	if r.rules.GetRequired() && !r.field.Explicit {
		return []string{invalid} // empty is absent, and reported as such
	}
	return []string{"if " + r.expr + " == \"\" {\n" +
		violation(r.path, rule+"_empty", "value is empty, which is not "+words, r.found(r.expr)) + "\n} else " + invalid}
}

// pattern returns the function that holds the compiled expression.
func (g *file) pattern(r valueRule, expression string) (string, error) {
	if _, err := regexp.Compile(expression); err != nil {
		return "", refuse(r.field.Type.Constraints.Pos, fieldName(r.field), "pattern is not valid in RE2: %v", err)
	}
	return g.patterns.name(expression, camel(r.field.Message.Name)+camel(r.field.Name)), nil
}

// bytesRules are the rules of bytes, in protovalidate's order.
func (g *file) bytesRules(r valueRule) ([]string, error) {
	b := r.rules.GetBytes()
	if b == nil {
		return nil, nil
	}
	expr := r.expr
	var lines []string
	add := func(cond, rule, format string, args ...any) {
		lines = append(lines, check(cond, r.path, "bytes."+rule, fmt.Sprintf(format, args...), "nil"))
	}
	call := func(function string, value []byte) string {
		return g.std("bytes", function) + "(" + expr + ", []byte(" + strconv.Quote(string(value)) + "))"
	}
	equals := func(value []byte) string { return "string(" + expr + ") == " + strconv.Quote(string(value)) }
	if b.HasConst() {
		add("string("+expr+") != "+strconv.Quote(string(b.GetConst())), "const", "must be %x", b.GetConst())
	}
	if b.HasLen() {
		add(fmt.Sprintf("len(%s) != %d", expr, b.GetLen()), "len", "must be %d bytes", b.GetLen())
	}
	if b.GetMinLen() > 0 {
		add(fmt.Sprintf("len(%s) < %d", expr, b.GetMinLen()), "min_len", "must be at least %d bytes", b.GetMinLen())
	}
	if b.HasMaxLen() {
		add(fmt.Sprintf("len(%s) > %d", expr, b.GetMaxLen()), "max_len", "must be at most %d bytes", b.GetMaxLen())
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
	joined := func(values [][]byte) string { return "[" + string(bytes.Join(values, []byte(", "))) + "]" }
	any := func(values [][]byte) string {
		parts := make([]string, len(values))
		for i, value := range values {
			parts[i] = equals(value)
		}
		return strings.Join(parts, " || ")
	}
	if in := b.GetIn(); len(in) > 0 {
		add("!("+any(in)+")", "in", "must be in list %s", joined(in))
	}
	if notIn := b.GetNotIn(); len(notIn) > 0 {
		add(any(notIn), "not_in", "must not be in list %s", joined(notIn))
	}
	return lines, nil
}
