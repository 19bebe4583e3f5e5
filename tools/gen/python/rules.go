package python

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/omninode/trestle/tools/schema"
)

// wellKnownTexts are the rules of strings that _support/wellknown.py checks by their names. A UUID may be a type instead.
var wellKnownTexts = []protoreflect.Name{
	"email", "hostname", "ip", "ipv4", "ipv6", "uri", "uri_ref", "address", "ulid", "ip_with_prefixlen", "ipv4_with_prefixlen",
	"ipv6_with_prefixlen", "ip_prefix", "ipv4_prefix", "ipv6_prefix", "protobuf_fqn", "protobuf_dot_fqn", "host_and_port",
}

// wellKnownBytes are those of bytes.
var wellKnownBytes = []protoreflect.Name{"ip", "ipv4", "ipv6", "uuid"}

// wellKnown refers to a member of _support/wellknown.py, which only packages that need it have.
func (g *module) wellKnown(member string) string {
	g.known = true
	return g.use("wellknown") + "." + member
}

func (g *module) wellKnownCheck(p *parts, call string, arguments ...string) {
	p.checks = append(p.checks, g.wellKnown(call)+"("+strings.Join(arguments, ", ")+")")
}

// flags are the rules of a list that are on.
func flags(rules protoreflect.ProtoMessage, names []protoreflect.Name) []string {
	var on []string
	m := rules.ProtoReflect()
	for _, name := range names {
		if m.IsValid() && m.Get(m.Descriptor().Fields().ByName(name)).Bool() {
			on = append(on, string(name))
		}
	}
	return on
}

func (g *module) wellKnownText(p *parts, r *validate.StringRules) {
	for _, name := range flags(r, wellKnownTexts) {
		g.wellKnownCheck(p, "text", quote(name))
	}
	header := map[validate.KnownRegex]string{
		validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME: "header_name", validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_VALUE: "header_value",
	}[r.GetWellKnownRegex()]
	if header != "" && r.HasStrict() && !r.GetStrict() {
		header = "loose_header"
	}
	if header != "" {
		g.wellKnownCheck(p, "text", quote(header))
	}
}

func (g *module) bytesInto(p *parts, f *schema.Field, c schema.Constraints) error {
	r := c.Rules.GetBytes()
	partsInto(p, quoteBytes(r.GetPrefix()), quoteBytes(r.GetSuffix()), quoteBytes(r.GetContains()), `b""`)
	for _, name := range flags(r, wellKnownBytes) {
		g.wellKnownCheck(p, "data", quote(name))
	}
	if r.HasPattern() {
		pattern, err := rustPattern(r.GetPattern())
		if err != nil {
			return refuse(c.Pos, f.Message.FullName+"."+f.Name, "pattern %q: %v", r.GetPattern(), err)
		}
		g.wellKnownCheck(p, "matches", quote(pattern))
	}
	return nil
}

// comparison is the condition of a range: between its bounds or, where they are the wrong way round, outside of them.
func comparison(value string, bounds [4]string, crossed bool) string {
	var terms []string
	for i, operator := range []string{">", ">=", "<", "<="} {
		if bounds[i] != "" {
			terms = append(terms, value+" "+operator+" "+bounds[i])
		}
	}
	if crossed {
		return strings.Join(terms, " or ")
	}
	return strings.Join(terms, " and ")
}

// durationsInto adds the rules of google.protobuf.Duration, in nanoseconds. unlessZero says that they do not hold of zero.
func (g *module) durationsInto(p *parts, r *validate.DurationRules, unlessZero bool) {
	if r == nil {
		return
	}
	add := func(condition, words string) {
		if unlessZero {
			condition = "d == 0 or (" + condition + ")"
		}
		g.wellKnownCheck(p, "duration", "lambda d: "+condition, quote(words))
	}
	literal := func(d *durationpb.Duration) string {
		if d == nil {
			return ""
		}
		return strconv.FormatInt(int64(d.AsDuration()), 10)
	}
	text := func(d *durationpb.Duration) string {
		return strconv.FormatFloat(d.AsDuration().Seconds(), 'f', -1, 64) + "s"
	}
	low, high := either(r.GetGt(), r.GetGte()), either(r.GetLt(), r.GetLte())
	crossed := low != nil && high != nil && low.AsDuration() > high.AsDuration()
	bounds := [4]string{literal(r.GetGt()), literal(r.GetGte()), literal(r.GetLt()), literal(r.GetLte())}
	if condition := comparison("d", bounds, crossed); condition != "" {
		add(condition, "must be "+boundWords(crossed, text, r.GetGt(), r.GetGte(), r.GetLt(), r.GetLte()))
	}
	if r.HasConst() {
		add("d == "+literal(r.GetConst()), "must equal "+text(r.GetConst()))
	}
	if in := r.GetIn(); len(in) > 0 {
		add("d in "+listOf(in, literal), "must be in list "+words(in, text))
	}
	if notIn := r.GetNotIn(); len(notIn) > 0 {
		add("d not in "+listOf(notIn, literal), "must not be in list "+words(notIn, text))
	}
}

// timesInto adds the rules of google.protobuf.Timestamp, in nanoseconds since 1970.
func (g *module) timesInto(p *parts, r *validate.TimestampRules, unlessZero bool) {
	if r == nil {
		return
	}
	add := func(condition, words string) {
		if unlessZero {
			condition = "t == 0 or (" + condition + ")"
		}
		g.wellKnownCheck(p, "time", "lambda t, now: "+condition, quote(words))
	}
	literal := func(t *timestamppb.Timestamp) string {
		if t == nil {
			return ""
		}
		return fmt.Sprintf("%d * 10**9 + %d", t.GetSeconds(), t.GetNanos())
	}
	text := func(t *timestamppb.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }
	low, high := either(r.GetGt(), r.GetGte()), either(r.GetLt(), r.GetLte())
	crossed := low != nil && high != nil && low.AsTime().After(high.AsTime())
	bounds := [4]string{literal(r.GetGt()), literal(r.GetGte()), literal(r.GetLt()), literal(r.GetLte())}
	if condition := comparison("t", bounds, crossed); condition != "" {
		add(condition, "must be "+boundWords(crossed, text, r.GetGt(), r.GetGte(), r.GetLt(), r.GetLte()))
	}
	if r.HasConst() {
		add("t == "+literal(r.GetConst()), "must equal "+text(r.GetConst()))
	}
	if r.GetLtNow() {
		add("t <= now", "must be less than now")
	}
	if r.GetGtNow() {
		add("t >= now", "must be greater than now")
	}
	if r.HasWithin() {
		within := int64(r.GetWithin().AsDuration())
		add(fmt.Sprintf("now - %d <= t <= now + %d", within, within), "must be within "+r.GetWithin().AsDuration().String()+" of now")
	}
}

// messagesInto adds the rules of protobuf's own messages.
func (g *module) messagesInto(p *parts, t *schema.Type, unlessZero bool) {
	r := t.Constraints.Rules
	add := func(call string, values []string) {
		if len(values) > 0 {
			quoted := make([]string, len(values))
			for i, value := range values {
				quoted[i] = quote(value)
			}
			g.wellKnownCheck(p, call, quoted...)
		}
	}
	switch wellKnown(t) {
	case "Duration":
		g.durationsInto(p, r.GetDuration(), unlessZero)
	case "Any":
		add("any_in", r.GetAny().GetIn())
		add("any_not_in", r.GetAny().GetNotIn())
	case "FieldMask":
		mask := r.GetFieldMask()
		if mask.HasConst() {
			quoted := []string{}
			for _, path := range mask.GetConst().GetPaths() {
				quoted = append(quoted, quote(path))
			}
			g.wellKnownCheck(p, "mask_equal", quoted...)
		}
		add("mask_in", mask.GetIn())
		add("mask_not_in", mask.GetNotIn())
	}
}

// either is that of two which is set.
func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func boundWords[T any](crossed bool, text func(*T) string, gt, gte, lt, lte *T) string {
	var list []string
	for i, bound := range []*T{gt, gte, lt, lte} {
		if bound != nil {
			list = append(list, []string{"greater than ", "greater than or equal to ", "less than ", "less than or equal to "}[i]+text(bound))
		}
	}
	if crossed {
		return strings.Join(list, " or ")
	}
	return strings.Join(list, " and ")
}

func listOf[T any](values []T, literal func(T) string) string {
	items := make([]string, len(values))
	for i, value := range values {
		items[i] = literal(value)
	}
	return "(" + strings.Join(items, ", ") + ",)"
}

func words[T any](values []T, text func(T) string) string {
	items := make([]string, len(values))
	for i, value := range values {
		items[i] = text(value)
	}
	return "[" + strings.Join(items, ", ") + "]"
}
