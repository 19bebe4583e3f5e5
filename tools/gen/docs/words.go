package docs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
)

// kindWords are the kinds as people call them.
var kindWords = map[schema.Kind]string{
	schema.Bool: "boolean", schema.Int32: "integer (32 bits)", schema.Int64: "integer", schema.Uint32: "integer (32 bits, not negative)",
	schema.Uint64: "integer (not negative)", schema.Float: "number (single precision)", schema.Double: "number", schema.String: "string",
	schema.Bytes: "bytes (base64)", schema.Timestamp: "timestamp", schema.JSONObject: "JSON object, free-form", schema.JSONValue: "any JSON",
}

// kindPlurals are several of a kind.
var kindPlurals = map[schema.Kind]string{
	schema.Bool: "booleans", schema.Int64: "integers", schema.Double: "numbers", schema.String: "strings", schema.Timestamp: "timestamps",
	schema.JSONObject: "JSON objects, free-form", schema.JSONValue: "any JSON values",
}

// typeWords says what a type is. Records lead to their section, enums to their page.
func (s *site) typeWords(t *schema.Type) inline {
	switch t.Kind {
	case schema.MessageKind:
		return s.messageWords(t.Message)
	case schema.JSONObject:
		if t.Union != nil {
			var choices []inline
			for _, v := range t.Union.Variants {
				choices = append(choices, s.messageWords(v.Message))
			}
			return and(joined(choices, " or "), plain(", by "), code(t.Union.Property))
		}
	case schema.EnumKind:
		return inline{{text: t.Enum.Name, to: link{page: enumsPage, anchor: s.enumAnchors[t.Enum]}}}
	case schema.List:
		if several := kindPlurals[t.Elem.Kind]; several != "" && t.Elem.Union == nil {
			return plain("list of " + several)
		}
		return and(plain("list of "), s.typeWords(t.Elem))
	case schema.Map:
		return and(plain("map of "), s.typeWords(t.Key), plain(" to "), s.typeWords(t.Elem))
	}
	return plain(kindWords[t.Kind])
}

// messageWords leads to a message's section.
func (s *site) messageWords(m *schema.Message) inline {
	if s.sections[m] == "" {
		return plain(m.Name)
	}
	return inline{{text: m.Name, to: link{anchor: s.sections[m]}}}
}

// unmodelledWords are the keywords of JSON Schema that there are no other words for.
func unmodelledWords(r *schema.Unmodelled) []inline {
	if r == nil {
		return nil
	}
	var out []inline
	for _, k := range r.Texts() {
		out = append(out, and(plain(k.Keyword+" "), code(k.JSON)))
	}
	return out
}

// formatWords are formats with an article.
var formatWords = map[string]string{
	"uuid": "a UUID", "tuuid": "a UUID without hyphens", "ulid": "a ULID", "email": "an email address", "idn-email": "an email address",
	"hostname": "a host name", "idn-hostname": "a host name", "address": "a host name or IP address", "host_and_port": "a host and port",
	"ip": "an IP address", "ipv4": "an IPv4 address", "ipv6": "an IPv6 address", "uri": "a URI", "uri-reference": "a URI reference",
	"iri": "an IRI", "iri-reference": "an IRI reference", "uri-template": "a URI template", "date": "a date", "time": "a time of day", "date-time": "a date and time", "duration": "an ISO 8601 duration",
	"regex": "a regular expression", "json-pointer": "a JSON pointer", "relative-json-pointer": "a relative JSON pointer",
}

// ruleWords says what limits a type's values, a line each.
func (s *site) ruleWords(t *schema.Type) []inline {
	c := t.Constraints
	var out []inline
	add := func(parts ...inline) { out = append(out, and(parts...)) }
	if t.Kind == schema.EnumKind {
		var names []string
		for _, v := range t.Enum.Values {
			if v.JSONName != "" && allows(c, strconv.Quote(v.JSONName)) {
				names = append(names, v.JSONName)
			}
		}
		if len(names) <= 8 {
			add(plain("one of "), codes(names))
		}
	}
	if c.Const != "" && t.Kind != schema.EnumKind {
		add(plain("always "), code(c.Const))
	}
	if len(c.In) > 0 && t.Kind != schema.EnumKind {
		add(plain("one of "), codes(c.In))
	}
	if len(c.NotIn) > 0 && t.Kind != schema.EnumKind {
		add(plain("not "), codes(c.NotIn))
	}
	if text := between(c.Min, c.Max); text != "" {
		add(plain(text))
	}
	if c.MultipleOf != "" {
		add(plain("a multiple of " + c.MultipleOf))
	}
	if text := counted(c.MinLen, c.MaxLen, lengthUnit(t.Kind)); text != "" {
		add(plain(text))
	}
	if c.Format != "" {
		text, ok := formatWords[c.Format]
		if !ok {
			text = "in the format " + c.Format
		}
		add(plain(text))
	}
	if c.Pattern != "" {
		add(plain("matches "), code(c.Pattern))
	}
	if text := counted(c.MinItems, c.MaxItems, "item"); text != "" {
		add(plain(text))
	}
	if c.Unique {
		add(plain("no item twice"))
	}
	if text := counted(c.MinPairs, c.MaxPairs, "entry"); text != "" {
		add(plain(text))
	}
	out = append(append(out, otherRules(t)...), unmodelledWords(c.Unmodelled)...)
	if c.SkipZero && len(out) > 0 {
		add(plain("or empty"))
	}
	each := func(name string, t *schema.Type) {
		for _, line := range s.ruleWords(t) {
			add(plain(name), line)
		}
	}
	switch t.Kind {
	case schema.List:
		each("each ", t.Elem)
	case schema.Map:
		each("each key ", t.Key)
		each("each value ", t.Elem)
	}
	return out
}

func allows(c schema.Constraints, name string) bool {
	return (c.Const == "" || c.Const == name) && (len(c.In) == 0 || slices.Contains(c.In, name)) && !slices.Contains(c.NotIn, name)
}

func codes(texts []string) inline {
	var parts []inline
	for _, t := range texts {
		parts = append(parts, code(t))
	}
	return joined(parts, ", ")
}

func between(low, high *schema.Bound) string {
	switch {
	case low != nil && high != nil && !low.Exclusive && !high.Exclusive:
		return low.Value + " to " + high.Value
	case low != nil && high != nil:
		return lower(low) + ", " + upper(high)
	case low != nil:
		return lower(low)
	case high != nil:
		return upper(high)
	}
	return ""
}

func lower(b *schema.Bound) string {
	if b.Exclusive {
		return "more than " + b.Value
	}
	return "at least " + b.Value
}

func upper(b *schema.Bound) string {
	if b.Exclusive {
		return "less than " + b.Value
	}
	return "at most " + b.Value
}

func lengthUnit(k schema.Kind) string {
	if k == schema.Bytes {
		return "byte"
	}
	return "character"
}

func counted(low, high *uint64, unit string) string {
	switch {
	case low != nil && high != nil && *low == *high:
		return "exactly " + plural(*low, unit)
	case low != nil && high != nil && *low > 0:
		return fmt.Sprintf("%d to %s", *low, plural(*high, unit))
	case high != nil:
		return "at most " + plural(*high, unit)
	case low != nil && *low == 1:
		return "not empty"
	case low != nil && *low > 0:
		return "at least " + plural(*low, unit)
	}
	return ""
}

func plural[N uint64 | int64 | int](n N, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	if stem, ok := strings.CutSuffix(unit, "y"); ok && unit != "day" {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// told are protovalidate's rules that the model holds, so that they are told already.
var told = map[protoreflect.Name]bool{
	"const": true, "in": true, "not_in": true, "len": true, "min_len": true,
	"max_len": true, "pattern": true, "min_items": true, "max_items": true, "unique": true, "items": true, "min_pairs": true,
	"max_pairs": true, "keys": true, "values": true, "defined_only": true, "example": true, "email": true, "hostname": true, "ip": true,
	"ipv4": true, "ipv6": true, "uri": true, "uri_ref": true, "address": true, "uuid": true, "tuuid": true, "ulid": true,
	"host_and_port": true,
}

// boundNames are the rules that the model holds as bounds, except where they are no interval.
var boundNames = map[protoreflect.Name]string{"gt": "more than ", "gte": "at least ", "lt": "less than ", "lte": "at most "}

// ruleNames are rules in words; the value of one that is not a boolean completes them.
var ruleNames = map[protoreflect.Name]string{
	"prefix": "begins with ", "suffix": "ends with ", "contains": "contains ", "not_contains": "does not contain ",
	"lt_now": "in the past", "gt_now": "in the future", "within": "from now at most ",
	"min_bytes": "bytes at least ", "max_bytes": "bytes at most ", "len_bytes": "bytes exactly ",
}

// otherRules are protovalidate's rules that the model has no word for, CEL included.
func otherRules(t *schema.Type) []inline {
	rules := t.Constraints.Rules
	if rules == nil {
		return nil
	}
	var out, bounds []inline
	m := rules.ProtoReflect()
	if typed := m.WhichOneof(m.Descriptor().Oneofs().ByName("type")); typed != nil && typed.Message() != nil {
		inside := m.Get(typed).Message()
		fields := typed.Message().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			switch name := f.Name(); {
			case !inside.Has(f) || told[name]:
			case boundNames[name] != "":
				bounds = append(bounds, and(plain(boundNames[name]), ruleValue(f, inside.Get(f))))
			case f.Kind() == protoreflect.BoolKind && ruleNames[name] != "":
				out = append(out, plain(ruleNames[name]))
			case f.Kind() == protoreflect.BoolKind:
				out = append(out, plain(strings.ReplaceAll(string(name), "_", " ")))
			default:
				words, ok := ruleNames[name]
				if !ok {
					words = strings.ReplaceAll(string(name), "_", " ") + " "
				}
				out = append(out, and(plain(words), ruleValue(f, inside.Get(f))))
			}
		}
	}
	switch {
	case t.Constraints.Min != nil || t.Constraints.Max != nil:
	case t.Kind == schema.Timestamp || t.Kind == schema.MessageKind:
		out = append(out, bounds...)
	case len(bounds) > 0:
		out = append(out, joined(bounds, " or ")) // the lower above the upper: what is outside
	}
	for _, rule := range rules.GetCel() {
		out = append(out, celWords(rule.GetMessage(), rule.GetExpression()))
	}
	for _, expression := range rules.GetCelExpression() {
		out = append(out, celWords("", expression))
	}
	return out
}

func ruleValue(f protoreflect.FieldDescriptor, v protoreflect.Value) inline {
	switch {
	case f.IsList():
		var parts []inline
		for i := range v.List().Len() {
			item := v.List().Get(i)
			if f.Message() != nil {
				parts = append(parts, code(spanOf(item.Message())))
			} else {
				parts = append(parts, code(item.String()))
			}
		}
		return joined(parts, ", ")
	case f.Message() != nil && !f.IsMap():
		return code(spanOf(v.Message()))
	}
	return code(v.String())
}

func celWords(message, expression string) inline {
	if message != "" {
		return plain(message)
	}
	return code(expression)
}

// spanOf writes a duration or timestamp of a rule.
func spanOf(m protoreflect.Message) string {
	fields := m.Descriptor().Fields()
	seconds, nanos := fields.ByName("seconds"), fields.ByName("nanos")
	if seconds == nil || nanos == nil {
		return "{…}"
	}
	if m.Descriptor().Name() == "Timestamp" {
		return time.Unix(m.Get(seconds).Int(), m.Get(nanos).Int()).UTC().Format(time.RFC3339Nano)
	}
	return (time.Duration(m.Get(seconds).Int())*time.Second + time.Duration(m.Get(nanos).Int())).String()
}

// retention writes how long records are kept.
func retention(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "for ever"
	case d == 0:
		return "as the broker says"
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d%unit.size == 0 {
			return plural(int64(d/unit.size), unit.name)
		}
	}
	return plural(d.Milliseconds(), "millisecond")
}

// size writes a number of bytes.
func size(n int32) string {
	for _, unit := range []struct {
		size int32
		name string
	}{{1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n%unit.size == 0 {
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
	}
	return plural(int64(n), "byte")
}
