package integration_test

import (
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// What is sensitive is looked for in everything that is written: random values that stand nowhere else, canaries, are drawn for
// every sensitive field of the schemas in tools/gen/golang/testdata/secrets, driven through everything that reads, logs, measures,
// prints or fails, in Go and in Python, and searched in what came out, as they are and as they are commonly spelt. What is to hold them,
// such as a record's value, is left out, and each search is shown to find something there. So it is with the passwords of services' users.

var (
	canarySeed   = flag.Uint64("canary.seed", 0, "seed of the canary search; 0: a fresh one")
	canaryRounds = flag.Int("canary.rounds", 1, "how often the canary search draws all values anew")
)

// secretSchemas holds the schemas whose fields are sensitive in every place that a field may have.
const secretSchemas = project + "/tools/gen/golang/testdata/secrets/in"

// eachCanaryRound runs a search with canaries of its own in each round.
func eachCanaryRound(t *testing.T, search func(*testing.T, *canaries)) {
	for round := range *canaryRounds {
		seed := *canarySeed + uint64(round)
		if *canarySeed == 0 {
			seed = rand.Uint64()
		}
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			t.Logf("-canary.seed %d", seed)
			search(t, &canaries{random: rand.New(rand.NewPCG(seed, 0)), spellings: map[string]string{}, byStart: map[string][]string{}})
		})
	}
}

// canaries are the values that were drawn, by all their spellings.
type canaries struct {
	random    *rand.Rand
	mu        sync.Mutex
	spellings map[string]string   // the value by what may be written of it
	byStart   map[string][]string // the spellings by their first bytes, as many as the shortest has
}

// fill replaces what stands for a value in a template, each by another one.
//
//	@S  a text of capital letters      @Y  a text of four letters
//	@N  a negative integer             @D  a day
//	@T  a time                         @P  a time span
//	@B  bytes, in base64
func (c *canaries) fill(template string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(template, "@")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(c.draw(after[0]))
		template = after[1:]
	}
}

func (c *canaries) draw(kind byte) string {
	switch kind {
	case 'S':
		text := make([]byte, 16)
		for i := range text {
			text[i] = 'A' + byte(c.random.IntN(26))
		}
		c.note(string(text), string(text), string(text[:9]), string(text[7:]))
		return string(text)
	case 'Y': // letters of Yi, which stand nowhere else
		text := make([]rune, 4)
		for i := range text {
			text[i] = 0xA000 + rune(c.random.IntN(0x400))
		}
		c.note(string(text), string(text))
		return string(text)
	case 'N':
		n := -(1e12 + c.random.Int64N(8e12))
		mantissa := strconv.FormatFloat(float64(n), 'e', -1, 64)
		c.note(strconv.FormatInt(n, 10), strconv.FormatInt(-n, 10), mantissa[1:strings.IndexByte(mantissa, 'e')], strconv.FormatInt(-n, 16))
		return strconv.FormatInt(n, 10)
	case 'D', 'T':
		at := time.Date(2200+c.random.IntN(700), time.Month(1+c.random.IntN(12)), 1+c.random.IntN(28), 12, 34, 56, 0, time.UTC)
		day := at.Format(time.DateOnly)
		if kind == 'D' {
			c.note(day, day)
			return day
		}
		c.note(day, day, strconv.FormatInt(at.Unix(), 10), at.Format("Jan _2 15:04:05 2006"))
		return at.Format(time.RFC3339)
	case 'P':
		seconds := strconv.FormatInt(-(1e11 + c.random.Int64N(2e11)), 10)
		c.note(seconds, seconds[1:])
		return seconds + "s"
	case 'B':
		data := make([]byte, 15)
		for i := range data {
			data[i] = byte(c.random.Uint32())
		}
		c.note(base64.StdEncoding.EncodeToString(data), string(data))
		return base64.StdEncoding.EncodeToString(data)
	}
	panic("no such canary: @" + string(kind))
}

// note keeps what may be written of a value: each part as it is, quoted by JSON and by Go, in hexadecimal digits, as a list of
// bytes, and in base64 wherever it stands in what is encoded.
func (c *canaries) note(value string, parts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, part := range parts {
		all := []string{part, strings.Trim(strconv.Quote(part), `"`), strings.Trim(strconv.QuoteToASCII(part), `"`)}
		if utf8.ValidString(part) {
			escaped := ""
			for _, r := range part {
				escaped += fmt.Sprintf(`\u%04x`, r)
			}
			all = append(all, escaped, strings.ToUpper(escaped))
		}
		if len(part) >= 9 {
			listed := strings.Trim(fmt.Sprint([]byte(part)), "[]")
			all = append(all, hex.EncodeToString([]byte(part)), strings.ToUpper(hex.EncodeToString([]byte(part))), listed, strings.ReplaceAll(listed, " ", ", "),
				fmt.Sprintf("% x", part), strings.ReplaceAll(fmt.Sprintf("% #x", part), " ", ", "))
			for shift := range 3 { // what stands before it moves it
				text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), part...))
				from := []int{0, 2, 3}[shift]
				to := (shift + len(part)) / 3 * 4
				inner := text[from:to]
				all = append(all, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
			}
		}
		for _, spelling := range all {
			if _, known := c.spellings[spelling]; !known {
				c.byStart[spelling[:shortestSpelling]] = append(c.byStart[spelling[:shortestSpelling]], spelling)
			}
			c.spellings[spelling] = value
		}
	}
}

// search fails the test where a canary stands in what was written by somebody.
func (c *canaries) search(t *testing.T, by, written string) {
	t.Helper()
	if spelling, value, found := c.find(written); found {
		at := strings.Index(written, spelling)
		t.Errorf("%s: %s is shown, as %q:\n\t%q", by, value, spelling, written[max(0, at-300):min(len(written), at+len(spelling)+100)])
	}
}

// find returns a canary that stands in a text, by the spelling that it has there.
func (c *canaries) find(text string) (spelling, value string, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := range len(text) - shortestSpelling + 1 {
		for _, s := range c.byStart[text[at:at+shortestSpelling]] {
			if strings.HasPrefix(text[at:], s) && !withinNumber(text, at, at+len(s)) {
				return s, c.spellings[s], true
			}
		}
	}
	return "", "", false
}

// withinNumber says whether digits are part of a longer number, as they may be by chance.
func withinNumber(text string, from, to int) bool {
	isDigit := func(at int) bool { return at >= 0 && at < len(text) && '0' <= text[at] && text[at] <= '9' }
	return isDigit(from) && isDigit(from-1) || isDigit(to-1) && isDigit(to)
}

// shortestSpelling bounds from below how many bytes a spelling has.
const shortestSpelling = 8

// secretMember is one member of a payload: its name, a template of its value, and whether it holds what is sensitive, and is not
// as a whole.
type secretMember struct {
	name, value string
	holds       bool
}

// mayBe says whether what is planted in a value for members that hold what is sensitive would stand in a sensitive field: a map's
// values are objects, of ways to pay only the number is sensitive, and what schemas do not name is shown.
func (m secretMember) mayBe(value string) bool {
	if way := strings.HasPrefix(m.name, "way"); way != strings.Contains(value, "number") && strings.Contains(value, "{") {
		return false
	}
	if strings.HasPrefix(m.value, "[") && strings.Contains(value, `:{"@S"`) && !strings.HasPrefix(value, "[") {
		return false // an object in place of a list is taken for a map, whose values have members that schemas do not name
	}
	return strings.HasPrefix(value, `{"k"`) == strings.HasPrefix(m.value, `{"k"`) || !strings.HasPrefix(value, "{")
}

// secretEvent is a type of events: templates of all its members. Each is valid.
type secretEvent struct {
	eventType, topic string
	members          []secretMember
}

var secretEvents = []secretEvent{
	{"account.opened", "acme.accounts", []secretMember{
		{"id", `"a"`, false}, {"pin", `@N`, false}, {"iban", `"@S"`, false}, {"born", `"@D"`, false}, {"tier", `"gold"`, false}, {"owner", `{"id":"@S","name":"bo"}`, true},
		{"others", `[{"id":"@S"},{"id":"@S"}]`, true}, {"by_role", `{"k":{"id":"@S"}}`, true}, {"way", `{"kind":"card","number":"@Y"}`, true},
		{"ways", `[{"kind":"cash"},{"kind":"card","number":"@Y"}]`, true}, {"answers", `{"@Y":"@Y"}`, false}, {"codes", `["@Y","@Y"]`, false},
		{"notes", `{"@S":{"@S":@N}}`, false}, {"vault", `{"door":"@Y","rooms":{"@S":{"key":"@Y"}}}`, false},
	}},
	{"VaultOpened", "acme_vault_v1", []secretMember{
		{"id", `"a"`, false}, {"text", `"@S"`, false}, {"number", `@N`, false}, {"quoted", `"@Y"`, false}, {"data", `"@B"`, false}, {"mood", `"MOOD_ODD"`, false}, {"at", `"@T"`, false}, {"took", `"@P"`, false},
		{"wrapped", `"@S"`, false}, {"free", `{"@S":"@S","n":@N}`, false}, {"texts", `["@S","@S"]`, false}, {"by_name", `{"@S":"@S"}`, false}, {"person", `{"id":"@S","name":"bo"}`, true},
		{"persons", `[{"id":"@S"}]`, true}, {"persons_by_name", `{"k":{"id":"@S"}}`, true}, {"safe", `{"door":"@S","owners":{"@S":{"id":"@S"}}}`, false},
		{"safes", `[{"door":"@S"}]`, false}, {"card", `"@S"`, false}, {"maybe", `"@S@example.org"`, false},
	}},
	{"VaultSealed", "acme_vault_sealed_v1", []secretMember{
		{"id", `"a"`, false}, {"text", `"@S"`, false}, {"number", `@N`, false}, {"data", `"@B"`, false}, {"mood", `"MOOD_ODD"`, false}, {"free", `{"@S":"@S"}`, false}, {"texts", `["@S","@S"]`, false},
		{"by_name", `{"@S":"@S"}`, false}, {"person", `{"id":"@S","name":"bo"}`, true}, {"persons", `[{"id":"@S"}]`, true}, {"safe", `{"door":"@S","owners":{"@S":{"id":"@S"}}}`, false},
		{"payer", `{"id":"@S"}`, true},
	}},
}

// wrongValues are of the wrong type, too long, or not as a rule has it, for one sensitive member or another.
var wrongValues = []string{
	`"@S"`, `"@S@S@S"`, `@N`, `@N.5`, `["@S"]`, `[["@S"]]`, `{"@S":"@S"}`, `{"@S":@N}`, `{"@S":["@S"]}`, `{"@S@S@S":"@S"}`, `"@S\ud800"`, `["@S@S@S"]`,
	`{"door":"@S","rooms":{"@S":{"@S":1}},"owners":{"@S":{"id":"@S","name":"far too long"}}}`, `{"door":"@S@S@S"}`, `[{"door":@N}]`, `"@P"`, `"@T"`,
	`"@Y@Y@Y"`, `true`, `null`,
}

// wrongHolders are so for members that hold what is sensitive and are not: names in them are shown.
var wrongHolders = []string{
	`"@S"`, `@N`, `["@S"]`, `[["@S"]]`, `[@N]`, `{"id":@N}`, `{"id":["@S"]}`, `{"id":{"@S":"@S"}}`, `{"id":"@S","name":"far too long"}`, `{"id":"@S","id":"@S"}`,
	`[{"id":@N}]`, `[{"id":["@S"],"name":7}]`, `{"k":"@S"}`, `{"k":{"id":["@S"]}}`, `{"k":{"id":"@S","name":"far too long"}}`, `{"kind":"club","number":"@S"}`,
	`{"kind":"card","number":"@S"}`, `{"number":"@S"}`, `[{"kind":"card","number":@N}]`, `[{"kind":"card","number":{"@S":1}}]`, `null`,
}

// payload renders members of an event, those of the oneof's other choices left out.
func (e secretEvent) payload(c *canaries, replace string, with ...string) string {
	var parts []string
	for _, m := range e.members {
		value := m.value
		if m.name == replace && len(with) > 0 {
			value = with[0]
		}
		parts = append(parts, fmt.Sprintf("%q:%s", m.name, c.fill(strings.ReplaceAll(value, "@example", "\x00"))))
	}
	return strings.ReplaceAll("{"+strings.Join(parts, ",")+"}", "\x00", "@example")
}

// wrong returns payloads with every kind of fault in every member: another type, a rule broken, a rule about the whole, a member
// twice, an object that ends early.
func (e secretEvent) wrong(c *canaries) []string {
	var out []string
	for _, m := range e.members[1:] { // the first is the id, which is not sensitive
		values := wrongValues
		if m.holds {
			values = wrongHolders
		}
		for _, value := range values {
			if m.holds && !m.mayBe(value) {
				continue
			}
			out = append(out, e.payload(c, m.name, value))
		}
		twice := e.payload(c, "")
		out = append(out, strings.TrimSuffix(twice, "}")+c.fill(fmt.Sprintf(`,%q:"@S"}`, m.name)))
	}
	for _, id := range []string{`"bad"`, `"closed"`, `"far too long"`, `7`} {
		out = append(out, e.payload(c, "id", id))
	}
	whole := e.payload(c, "")
	for at := 1; at < len(whole); at += 1 + c.random.IntN(max(1, len(whole)/60)) {
		out = append(out, whole[:at], whole[:at]+"\x01"+whole[at:], whole[:at]+`"`+whole[at:])
	}
	return append(out, c.fill(`"@S"`), c.fill(`["@S"]`), c.fill(`@N`), c.fill(`@S`), "")
}

// enveloped is the JSON of a record with that payload.
func (e secretEvent) enveloped(payload string) string {
	if e.eventType == "account.opened" {
		return `{"event_id":"` + servicesEventID + `","event_type":"` + e.eventType + `","timestamp":"2025-10-16T12:34:56Z","correlation_id":"` + servicesCorrelation +
			`","source":{"service_name":"a","service_version":"1","instance_id":"b"},"payload":` + payload + `}`
	}
	return `{"correlation_id":"` + servicesCorrelation + `","session_id":"` + servicesSession + `","event_type":"` + e.eventType + `","timestamp":"2025-10-16T12:34:56Z","payload":` + payload + `}`
}

// TestCanaryIsFound holds that the search finds each spelling, and nothing where there is nothing.
func TestCanaryIsFound(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		text := c.fill("@S")
		letters, data := c.fill("@Y"), c.fill("@B")
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, written := range []string{
			text, "..." + text[5:] + "...", fmt.Sprintf("%q", text), fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprint([]byte(text)), fmt.Sprintf("%#v", []byte(text)),
			base64.StdEncoding.EncodeToString([]byte("a" + text)), base64.URLEncoding.EncodeToString([]byte(`{"a":"` + text + `"}`)),
			letters, fmt.Sprintf("%+q", letters), fmt.Sprintf("%x", letters), data, string(raw), fmt.Sprintf("%x", raw),
			c.fill("@N"), c.fill("@D"), c.fill("@T"), c.fill("@P"), fmt.Sprintf("%v", map[string]any{"a": letters}),
		} {
			if _, _, found := c.find("before " + written + " behind"); !found {
				t.Errorf("not found in %q", written)
			}
		}
		nothing := strings.Repeat("the quick brown fox, 2025-10-16T12:34:56Z, 1234567890123, deadbeefdeadbeef; ", 1000)
		if spelling, _, found := c.find(nothing); found {
			t.Errorf("%q is found in a text that has none", spelling)
		}
		if shortest := slices.MinFunc(spellingsOf(c), func(a, b string) int { return len(a) - len(b) }); len(shortest) < shortestSpelling {
			t.Errorf("spelling %q is too short to stand nowhere by chance", shortest)
		}
	})
}

func spellingsOf(c *canaries) []string {
	var out []string
	for s := range c.spellings {
		out = append(out, s)
	}
	return out
}
