package python_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// records makes the text of random records: valid but for what odds let slip in.
type records struct {
	rng  *rand.Rand
	odds float64 // how often a value is of any kind, out of bounds, or oddly written
}

func (g *records) odd() bool              { return g.rng.Float64() < g.odds }
func (g *records) pick(s []string) string { return s[g.rng.IntN(len(s))] }

// anything are values of all kinds, some of them at the edge of what JSON is.
var anything = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1.0", "5e0", "0.5", "1e400", "1e-400", "9007199254740993.0",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1e18", "1e19", "123.456e3",
	`""`, `"x"`, `"5"`, `"null"`, `"full"`, `"FULL"`, `"failed"`, `"failed\n"`, `"550e8400-e29b-41d4-a716-446655440000"`,
	`"550e8400e29b41d4a716446655440000"`, `"{550e8400-e29b-41d4-a716-446655440000}"`,
	`"1.2.3"`, `"1.2.3\n"`, `"v1.2.3"`, `"1.2"`, `"١.٢.٣"`, `"2025-10-16T12:34:56Z"`, `"2025-10-16"`,
	"[]", "{}", "[null]", `[""]`, "[{}]", `{"a":null}`, `{"step":"s"}`, `{"a":1,"b":[true,{"c":"d"}]}`,
}

// breakage replaces a text by one that is hardly JSON.
var breakage = []string{"", " ", "NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "tru", `"\ud800"`, `"\udc00x"`, "\"\x01\"", "\"\xff\"",
	`"\x"`, "{", "[1,]", `{"a":1,}`, `{'a':1}`, "\ufeff1", "1 2", `"\u00g0"`}

// record is the value of a record.
func (g *records) record(e *schema.Event) string {
	payload := g.object(e.Message, 0)
	id, session := g.uuid(), g.uuid()
	switch e.Envelope {
	case schema.EnvelopeOnexV1:
		payload = withMember(payload, "correlation_id", e.Message, g.sometimes(id))
		payload = withMember(payload, "session_id", e.Message, g.sometimes(session))
		return g.space(g.members([]member{
			{"envelope_version", g.either(`"1.0"`, g.text)},
			{"correlation_id", g.either(id, g.anything)},
			{"session_id", g.sometimes(g.either(session, g.anything))},
			{"event_type", g.either(quoted(e.Type), g.anything)},
			{"timestamp", g.either(g.time(), g.anything)},
			{"payload", g.either(payload, g.anything)},
		}, nil))
	case schema.EnvelopeBaseEvent:
		source := g.members([]member{{"service_name", g.text()}, {"service_version", g.text()}, {"instance_id", g.either(`"i-1"`, g.text)}}, nil)
		return g.space(g.members([]member{
			{"event_id", g.either(`"`+recordID+`"`, g.anything)},
			{"event_type", g.either(quoted(e.Type), g.anything)},
			{"timestamp", g.sometimes(g.either(g.time(), g.anything))},
			{"version", g.sometimes(g.either(`"1.0.0"`, g.anything))},
			{"source", g.either(source, g.anything)},
			{"correlation_id", g.sometimes(g.either(id, g.anything))},
			{"trace_id", g.sometimes(g.either(g.text(), g.anything))},
			{"metadata", g.sometimes(g.either(g.free(0), g.anything))},
			{"payload", g.either(payload, g.anything)},
		}, nil))
	}
	return g.space(payload)
}

// space puts white space around, and seldom breaks the text.
func (g *records) space(text string) string {
	if g.odds > 0 && g.rng.IntN(100) == 0 {
		return text[:g.rng.IntN(len(text))]
	}
	if g.rng.IntN(10) == 0 {
		return " \t\r\n" + text + "\n"
	}
	return text
}

func (g *records) anything() string {
	if g.rng.IntN(40) == 0 {
		return g.pick(breakage)
	}
	return g.pick(anything)
}

// either is the text, and seldom another.
func (g *records) either(text string, other func() string) string {
	if g.odd() {
		return other()
	}
	return text
}

// sometimes is the text, null, or nothing.
func (g *records) sometimes(text string) string {
	switch g.rng.IntN(6) {
	case 0:
		return "null"
	case 1:
		return ""
	}
	return text
}

type member struct{ name, text string }

// members joins what has a text, in an order of its own, with unknown members between and seldom one twice.
func (g *records) members(list []member, m *schema.Message) string {
	var out []string
	for _, member := range list {
		if member.text == "" || g.odd() {
			continue
		}
		colon := ":"
		if g.rng.IntN(20) == 0 {
			colon = " :\n "
		}
		name := quoted(member.name)
		if g.rng.IntN(30) == 0 { // the same name, written with an escape
			name = fmt.Sprintf(`"\u%04x%s"`, member.name[0], member.name[1:])
		}
		out = append(out, name+colon+member.text)
		if g.odd() && g.rng.IntN(8) == 0 {
			out = append(out, quoted(member.name)+":"+member.text)
		}
	}
	for n := range g.rng.IntN(3) {
		if g.rng.IntN(3) == 0 {
			out = append(out, fmt.Sprintf(`"unknown %d \u00e9":%s`, n, g.value(2)))
		}
	}
	if m != nil && g.rng.IntN(5) == 0 {
		out = append(out, `"model_extra":`+g.value(2), `"_private":`+g.value(2), `"copy":`+g.value(2))
	}
	g.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return "{" + strings.Join(out, ",") + "}"
}

// withMember replaces or adds a member of an object that has one; an empty text takes it away.
func withMember(object, name string, m *schema.Message, text string) string {
	if m.Field(name) == nil {
		return object
	}
	rest := strings.ReplaceAll(object, quoted(name), quoted("was_"+name))
	switch {
	case !strings.HasPrefix(rest, "{") || text == "":
		return rest
	case rest == "{}":
		return "{" + quoted(name) + ":" + text + "}"
	}
	return "{" + quoted(name) + ":" + text + "," + rest[1:]
}

func (g *records) object(m *schema.Message, depth int) string {
	var list []member
	for _, f := range m.Fields {
		if !f.Required && !f.JSONRequired && g.rng.IntN(3) == 0 {
			continue
		}
		text := g.typed(f.Type, depth+1)
		seldom := 10
		if f.KnowsNull() && !f.Nullable {
			seldom = 60 // it makes the event invalid
		}
		if !f.Required && !f.JSONRequired && g.rng.IntN(seldom) == 0 {
			text = "null"
		}
		list = append(list, member{f.JSONName, text})
	}
	return g.members(list, m)
}

// typed is a value of a type.
func (g *records) typed(t *schema.Type, depth int) string {
	if g.odd() {
		return g.anything()
	}
	c := t.Constraints
	switch t.Kind {
	case schema.Bool:
		return g.pick([]string{"true", "false"})
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return g.number(c, []string{"0", "1", "2", "7", "20", "-3", "9223372036854775807", "-9223372036854775808", "9007199254740993", "4.0", "3e2", "1e18", "250e-1"})
	case schema.Float, schema.Double:
		return g.number(c, []string{"0", "1", "0.0", "-0.0", "0.1", "45.5", "1e-7", "1e16", "1e15", "0.00001", "1.7976931348623157e308", "5e-324",
			"0.1234567890123456789", "9007199254740993", "123456789012345678901234567890", "1E+5", "1e-400"})
	case schema.String:
		return g.string(c)
	case schema.Bytes:
		return g.pick([]string{`""`, `"AA=="`, `"AA"`, `"AAE"`, `"_-8"`, `"+/8="`, `"AB=="`})
	case schema.EnumKind:
		return quoted(t.Enum.Values[g.rng.IntN(len(t.Enum.Values))].JSONName)
	case schema.Timestamp:
		return g.time()
	case schema.MessageKind:
		return g.object(t.Message, depth)
	case schema.List:
		var items []string
		for range g.rng.IntN(4) {
			items = append(items, g.typed(t.Elem, depth+1))
		}
		return "[" + strings.Join(items, ",") + "]"
	case schema.Map:
		var list []member
		for n := range g.rng.IntN(4) {
			list = append(list, member{fmt.Sprintf("%c%d", 'z'-n, n), g.typed(t.Elem, depth+1)})
		}
		var out []string
		for _, m := range list {
			out = append(out, quoted(m.name)+":"+m.text)
		}
		return "{" + strings.Join(out, ",") + "}"
	case schema.JSONObject:
		return g.free(0)
	}
	return g.value(0)
}

// number is one of the values, a bound, or beside a bound.
func (g *records) number(c schema.Constraints, values []string) string {
	edges := []string{}
	for _, b := range []*schema.Bound{c.Min, c.Max} {
		if b != nil {
			edges = append(edges, b.Value, b.Value, b.Value+".0")
			if g.odd() {
				edges = append(edges, b.Value+".0000001", "-"+b.Value, b.Value+"0", b.Value+".5")
				edges = append(edges, fmt.Sprint(mustInt(b.Value)+1), fmt.Sprint(mustInt(b.Value)-1))
			}
		}
	}
	if len(edges) > 0 {
		if c.Min != nil && c.Max != nil && mustInt(c.Max.Value)-mustInt(c.Min.Value) >= 1 && g.rng.IntN(2) == 0 {
			return fmt.Sprint(mustInt(c.Min.Value) + g.rng.Int64N(mustInt(c.Max.Value)-mustInt(c.Min.Value)))
		}
		return g.pick(edges)
	}
	return g.pick(values)
}

func mustInt(s string) int64 {
	var n int64
	if _, err := fmt.Sscan(s, &n); err != nil {
		panic(err)
	}
	return n
}

func (g *records) uuid() string {
	text := fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", g.rng.Uint32(), g.rng.UintN(1<<16), g.rng.UintN(1<<16), g.rng.UintN(1<<16), g.rng.Uint64N(1<<48))
	if g.rng.IntN(5) == 0 {
		text = strings.ToUpper(text)
	}
	return quoted(text)
}

func (g *records) string(c schema.Constraints) string {
	switch {
	case c.Format == "uuid":
		return g.uuid()
	case strings.Contains(c.Pattern, "success"):
		return g.either(g.pick([]string{`"success"`, `"failed"`, `"warning"`}), func() string {
			return g.pick([]string{`"Success"`, `"success "`, `"failed\n"`, `"xfailed"`, `""`})
		})
	case c.Pattern != "":
		return g.either(g.pick([]string{`"1.2.3"`, `"10.20.30-rc1"`, `"0.0.0\n"`}), func() string { return g.pick([]string{`"1.2"`, `" 1.2.3"`, `"1.2.x"`, `"٣.٣.٣"`}) })
	case c.MaxLen != nil:
		n := int(*c.MaxLen)
		lengths := []int{1, 2, n - 1, n}
		if g.odd() {
			lengths = []int{0, n + 1, 2 * n}
		}
		return quoted(strings.Repeat(g.pick([]string{"n", "ü", "日", "😀"}), lengths[g.rng.IntN(len(lengths))]))
	}
	return g.text()
}

func (g *records) text() string {
	return g.pick([]string{
		`"x"`, `"plain text"`, `""`, `"ü日😀"`, `"\ud83d\ude00\u00e9"`, `"\"\\\/\b\f\n\r\t\u0000\u001f\u007f"`, `"a\u2028b<&>"`, `"\u00E9"`,
	})
}

func (g *records) time() string {
	return quoted(g.either(g.pick([]string{
		"2025-10-16 12:34:56.790123", "2025-10-16 12:34:57", "2025-10-16 12:34:56.789012+00:00", "2025-10-16T12:34:56.789012+00:00",
		"2025-10-16T12:34:56.790123", "2025-10-16T12:34:56.789012Z", "2025-10-16T12:34:56Z", "2025-10-16T12:34:56.7Z",
		"2025-10-16T12:34:56.1234567891234Z", "2024-02-29t23:59:59z", "2025-10-16T12:34:56-07:30", "2025-12-31T23:59:59.9999999-00:01",
		"1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z", "0001-01-02T00:00:00Z", "2025-10-16T12:34:56.100000Z",
	}), func() string {
		return g.pick([]string{
			"2025-02-29T00:00:00Z", "2025-10-16T24:00:00Z", "2025-10-16T12:34:60Z", "2025-10-16T12:34Z", "2025-10-16T12:34:56.Z",
			"2025-10-16T12:34:56+0000", "2025-10-16T12:34:56+24:00", "2025-10-16T12:34:56 Z", "9999-12-31T23:59:59-01:00",
			"0000-01-01T00:00:00Z", "2025-10-16_12:34:56Z", "1760618096", "2025-10-16T12:34:56,5Z", "٢٠٢٥-10-16T12:34:56Z", "",
		})
	}))
}

// free is a free-form object, value any value.
func (g *records) free(depth int) string {
	var out []string
	for n := range g.rng.IntN(4) {
		out = append(out, fmt.Sprintf("\"k%d\":%s", n, g.value(depth+1)))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (g *records) value(depth int) string {
	kinds := 4
	if depth < 3 {
		kinds = 6
	}
	switch g.rng.IntN(kinds) {
	case 0:
		return g.pick([]string{"null", "true", "false", g.uuid(), g.time()})
	case 1:
		return g.text()
	case 2:
		return fmt.Sprintf("%d", g.rng.Int64()-g.rng.Int64())
	case 3:
		return g.pick([]string{
			"9007199254740993", "123456789012345678901234567890", "1.0", "1e-07", "1e-7", "-0", "-0.0", "0.1234567890123456789", "1E400", "1e-400",
			"1e16", "100000000000000000000000.5", "0.30000000000000004", "1.50", "-1.7976931348623157e+308",
		})
	case 4:
		return g.free(depth)
	default:
		return "[" + g.value(depth+1) + ", " + g.value(depth+1) + "]"
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}
