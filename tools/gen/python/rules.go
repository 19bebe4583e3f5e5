package python

import (
	"math/big"
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
		header = "loose_" + header
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

// moment is a google.protobuf.Duration, or a Timestamp: how long after 1970.
type moment interface {
	comparable
	GetSeconds() int64
	GetNanos() int32
}

// momentRules are the rules that both have.
type momentRules[T moment] interface {
	GetGt() T
	GetGte() T
	GetLt() T
	GetLte() T
	HasConst() bool
	GetConst() T
}

// momentsInto adds those rules, in nanoseconds. name is the value's in a condition, and text writes a bound for people.
func momentsInto[T moment](r momentRules[T], name string, text func(T) string, add func(condition, words string)) {
	var none T
	bounds := []T{r.GetGt(), r.GetGte(), r.GetLt(), r.GetLte()}
	var conditions, said []string
	for i, operator := range []string{">", ">=", "<", "<="} {
		if bounds[i] != none {
			conditions = append(conditions, name+" "+operator+" "+nanoseconds(bounds[i]))
			said = append(said, operatorWords[operator]+" "+text(bounds[i]))
		}
	}
	// Bounds that are the wrong way round exclude what is between them.
	joined := " and "
	if low, high := either(bounds[0], bounds[1]), either(bounds[2], bounds[3]); low != none && high != none && before(high, low) {
		joined = " or "
	}
	if len(conditions) > 0 {
		add(strings.Join(conditions, joined), "must be "+strings.Join(said, joined))
	}
	if r.HasConst() {
		add(name+" == "+nanoseconds(r.GetConst()), "must equal "+text(r.GetConst()))
	}
}

var operatorWords = map[string]string{
	">": "greater than", ">=": "greater than or equal to", "<": "less than", "<=": "less than or equal to",
}

// nanoseconds is a moment as Python; there may be more of them than fit in 64 bits.
func nanoseconds[T moment](m T) string {
	n := new(big.Int).Mul(big.NewInt(m.GetSeconds()), big.NewInt(1e9))
	return n.Add(n, big.NewInt(int64(m.GetNanos()))).String()
}

func before[T moment](a, b T) bool {
	return a.GetSeconds() < b.GetSeconds() || a.GetSeconds() == b.GetSeconds() && a.GetNanos() < b.GetNanos()
}

// either is that of two which is set.
func either[T comparable](a, b T) T {
	var none T
	if a != none {
		return a
	}
	return b
}

// momentCheck adds conditions of a moment; unlessZero says that they do not hold of zero.
func (g *module) momentCheck(p *parts, call, parameters string, unlessZero bool) func(condition, words string) {
	return func(condition, words string) {
		if unlessZero {
			condition = parameters[:1] + " == 0 or (" + condition + ")"
		}
		g.wellKnownCheck(p, call, "lambda "+parameters+": "+condition, quote(words))
	}
}

// durationsInto adds the rules of google.protobuf.Duration.
func (g *module) durationsInto(p *parts, r *validate.DurationRules, unlessZero bool) {
	if r == nil {
		return
	}
	text := func(d *durationpb.Duration) string {
		return strconv.FormatFloat(d.AsDuration().Seconds(), 'f', -1, 64) + "s"
	}
	add := g.momentCheck(p, "duration", "d", unlessZero)
	momentsInto(r, "d", text, add)
	if in := r.GetIn(); len(in) > 0 {
		add("d in "+listOf(in, nanoseconds), "must be in list "+words(in, text))
	}
	if notIn := r.GetNotIn(); len(notIn) > 0 {
		add("d not in "+listOf(notIn, nanoseconds), "must not be in list "+words(notIn, text))
	}
}

// timesInto adds the rules of google.protobuf.Timestamp.
func (g *module) timesInto(p *parts, r *validate.TimestampRules, unlessZero bool) {
	if r == nil {
		return
	}
	add := g.momentCheck(p, "time", "t, now", unlessZero)
	momentsInto(r, "t", func(t *timestamppb.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }, add)
	if r.GetLtNow() {
		add("t <= now", "must be less than now")
	}
	if r.GetGtNow() {
		add("t >= now", "must be greater than now")
	}
	if r.HasWithin() {
		within := nanoseconds(r.GetWithin())
		add("now - "+within+" <= t <= now + "+within, "must be within "+r.GetWithin().AsDuration().String()+" of now")
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

// listOf and words are a list as Python, and for people.
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
