package chain

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/chain/outside"
)

// difference is a way in which a judge differs from generated Go on purpose.
type difference struct {
	name, reason string
	judges       []string
	holds        func(h *hearing, i int, ours, theirs said) bool
}

// differences are all that are intended; any other fails the test.
var differences = []difference{
	{
		"numbers of 64 bits", "integers are held in 64 bits, or 32 where their format is int32, numbers as a double, or a float where theirs is float",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, ours, theirs said) bool {
			return theirs.Verdict == judge.Valid && outside64.MatchString(ours.Why) && onlyFaults(ours, outOfRange+`|`+ofItems) ||
				theirs.Verdict == judge.Valid && h.rounds(i) && onlyFaults(ours, `must be (less|greater) than|`+outOfRange) ||
				ours.Verdict == judge.Valid && onlyErrors(h.errorsBesideTimes(i), func(e outside.Error) bool { return h.ofRounded(i, e) })
		},
	},
	{
		"texts that are no addresses", "python-jsonschema takes everything with an @ for an email",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, _, _ said) bool {
			return h.misses(i, "email", func(s string) bool { return strings.Contains(s, "@") && !format.Mailbox(s) })
		},
	},
	{
		"base64", "a string with contentEncoding base64 is read as bytes: two ways to write the same are the same item twice",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, ours, theirs said) bool {
			return theirs.Verdict == judge.Valid && (onlyFaults(ours, `must be base64`) ||
				h.says(`"contentEncoding":"base64"`) && h.writesTwice(i) && onlyFaults(ours, `must not contain an item twice`))
		},
	},
	{
		"shapes of times", "a date-time is taken in the six shapes that producers write",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, ours, _ said) bool {
			zoned, there := h.zoned[i]
			return there && zoned.Verdict == ours.Verdict
		},
	},
	{
		"defaults are filled in", "what is absent and has a default is that default: it is judged with what is there",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, ours, _ said) bool {
			return ours.Text != nil && h.completed != nil && h.completed[i].Verdict == ours.Verdict
		},
	},
	{
		"IRIs and templates", "python-jsonschema has no check of IRIs without a library of another licence, and takes blanks in templates",
		[]string{pythonJSONSchema},
		func(h *hearing, i int, _, _ said) bool {
			return h.misses(i, "iri", func(s string) bool { return !format.IRI(s) }) ||
				h.misses(i, "iri-reference", func(s string) bool { return !format.IRIReference(s) }) ||
				h.misses(i, "uri-template", func(s string) bool { return !format.URITemplate(s) })
		},
	},
	{
		"names that stand twice", "in free-form objects, and where the schema has no such name and keeps none, the last value stands; elsewhere the record is refused",
		[]string{pythonJSONSchema},
		func(_ *hearing, _ int, _, theirs said) bool {
			return strings.Contains(theirs.Why, "a name is there twice")
		},
	},
	{
		"depth of what nobody keeps", "Go passes over values that no field keeps to twice the depth of others",
		[]string{generatedPython},
		func(_ *hearing, _ int, ours, theirs said) bool {
			return ours.Verdict == judge.Valid && theirs.Verdict == judge.Unreadable && strings.Contains(theirs.Why, "nested too deeply")
		},
	},
	{
		"bytes that are no text", "protovalidate fails at a pattern for bytes that are no UTF-8, where ours find them invalid",
		[]string{protovalidateGo, protovalidatePy},
		func(_ *hearing, _ int, ours, theirs said) bool {
			return ours.Verdict == judge.Invalid && theirs.Verdict == judge.Failed && noText.MatchString(theirs.Why)
		},
	},
	{
		"depth", "values are nested at most 512 deep",
		[]string{pythonJSONSchema},
		func(_ *hearing, _ int, ours, _ said) bool {
			return ours.Verdict == judge.Unreadable && strings.Contains(ours.Why, "nested too deeply")
		},
	},
	{
		"either refusal", "Python reads all of a record before it looks for what the schema says: of two reasons to refuse it tells the other",
		[]string{generatedPython},
		func(_ *hearing, _ int, ours, theirs said) bool {
			return ours.Verdict == judge.Unreadable && theirs.Verdict == judge.Invalid || ours.Verdict == judge.Invalid && theirs.Verdict == judge.Unreadable
		},
	},
	{
		"times finer than a microsecond", "a datetime of Python has microseconds: what is finer is cut off before rules see it",
		[]string{generatedPython},
		func(h *hearing, i int, _, theirs said) bool {
			cut, there := h.cut[i]
			return there && cut.Verdict == theirs.Verdict
		},
	},
	{
		"closed enums", "Go's protobuf keeps unknown numbers of closed enums; elsewhere their field is not set",
		[]string{protovalidatePy},
		func(h *hearing, i int, _, _ said) bool {
			return holdsUnknownOfClosed(h.asked(i), h.event.Message.Proto)
		},
	},
	{
		"varints beyond 64 bits", "Go's protobuf refuses a varint that does not fit, others cut it",
		[]string{protovalidatePy},
		func(h *hearing, i int, ours, _ said) bool {
			return ours.Verdict == judge.Unreadable && h.rules[protovalidateGo][i].Verdict == judge.Unreadable
		},
	},
	{
		"second keys of another wire type", "protobuf's messages without generated code panic at such a key in an entry of a map, others pass over it",
		[]string{protovalidateGo},
		func(h *hearing, i int, _, theirs said) bool {
			return theirs.Verdict == judge.Failed && strings.Contains(theirs.Why, "panic: type mismatch: cannot convert nil to map key") &&
				holdsOddEntry(h.asked(i), h.event.Message.Proto)
		},
	},
	{
		"entries with more in them", "an entry of a map that has other fields than key and value is an unknown field in Python",
		[]string{protovalidatePy},
		func(h *hearing, i int, _, _ said) bool {
			return holdsOddEntry(h.asked(i), h.event.Message.Proto)
		},
	},
	{
		"text of proto2", "a proto2 string that is not UTF-8 is bytes in Python, of which protovalidate knows nothing",
		[]string{protovalidatePy},
		func(h *hearing, _ int, _, theirs said) bool {
			return h.says(`syntax = "proto2"`) && theirs.Verdict == judge.Failed &&
				(strings.Contains(theirs.Why, "'bytes' object") || strings.Contains(theirs.Why, "UnicodeDecodeError"))
		},
	},
	{
		"wrappers in lists", "protovalidate for Go panics at rules for them or finds them broken, and passes over those of the list",
		[]string{protovalidateGo},
		func(h *hearing, i int, ours, theirs said) bool {
			return theirs.Verdict == judge.Failed && strings.Contains(theirs.Why, "panic: type mismatch") ||
				ours.Verdict == judge.Valid && wrappersInLists.Match(h.text) && h.rules[protovalidatePy][i].Verdict == judge.Valid ||
				theirs.Verdict == judge.Valid && onlyFaults(ours, `must contain (at least|no more than) \d+ item`)
		},
	},
	{
		"loose header values", "protovalidate for Go refuses an empty one, the rule's definition takes it",
		[]string{protovalidateGo},
		func(_ *hearing, _ int, ours, theirs said) bool {
			return ours.Verdict == judge.Valid && strings.Contains(theirs.Why, "must be a valid HTTP header value")
		},
	},
}

const (
	outOfRange = `must be a ((64|32)-bit integer|number in the range of a (double|float))`
	// ofItems is what lists break whose items could not be read.
	ofItems = `must not contain an item twice|must contain an item of the kind`
)

// noText is protovalidate's word on bytes that are no UTF-8.
var noText = regexp.MustCompile(`must be valid UTF-8 to apply regexp|bytes\.pattern: invalid UTF-8`)

// wrappersInLists are fields that protovalidate for Go cannot judge.
var wrappersInLists = regexp.MustCompile(`repeated google\.protobuf\.\w+Value f\d+ = \d+ \[.*items:`)

var outside64 = regexp.MustCompile(outOfRange)

// says says whether the schema has a text.
func (h *hearing) says(text string) bool { return strings.Contains(string(h.text), text) }

// rounds says whether a value has a number that is another as a double, or as a float where the schema has one.
func (h *hearing) rounds(i int) bool {
	return slices.ContainsFunc(numbersIn(h.texts[i]), func(n json.Number) bool {
		exact, ok := new(big.Rat).SetString(n.String())
		return ok && (rounded(exact, 64) || h.says(`"format":"float"`) && rounded(exact, 32))
	})
}

// ofRounded says whether what python-jsonschema finds wrong is a number that is another as a double or a float, or a list
// with one in which it looks for an item. Integers of 64 bits are held as they are.
func (h *hearing) ofRounded(i int, e outside.Error) bool {
	rounds := func(v any) bool {
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		exact, ok := new(big.Rat).SetString(n.String())
		return ok && (rounded(exact, 64) && !(exact.IsInt() && exact.Num().IsInt64()) || h.says(`"format":"float"`) && rounded(exact, 32))
	}
	pointer := ""
	for _, step := range e.Path {
		pointer += "/" + escaped(step)
	}
	at, found := find(parse(h.texts[i]), pointer)
	if list, ok := at.([]any); ok && found && e.Keyword == "contains" {
		return slices.ContainsFunc(list, rounds)
	}
	return found && rounds(at)
}

// rounded says whether a number is not what is written of it as a floating-point number.
func rounded(exact *big.Rat, bits int) bool {
	f, _ := exact.Float64()
	if bits == 32 {
		single, _ := exact.Float32()
		f = float64(single)
	}
	written, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, bits))
	return !ok || written.Cmp(exact) != 0
}

// misses says whether python-jsonschema may see a format otherwise: the schema has it, and the value a string that is none of
// it, which python-jsonschema takes for one.
func (h *hearing) misses(i int, name string, takes func(string) bool) bool {
	return h.says(`"format":"`+name+`"`) && slices.ContainsFunc(stringsIn(h.texts[i]), takes)
}

// writesTwice says whether two strings of a value are the same bytes, written in two ways.
func (h *hearing) writesTwice(i int) bool {
	as := map[string]string{}
	for _, s := range stringsIn(h.texts[i]) {
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
		if other, known := as[string(b)]; err == nil && known && other != s {
			return true
		}
		as[string(b)] = s
	}
	return false
}

// stringsIn are the strings in a JSON text, names too, as far as it can be read.
func stringsIn(text []byte) []string { return tokensIn[string](text) }

// numbersIn are its numbers.
func numbersIn(text []byte) []json.Number { return tokensIn[json.Number](text) }

func tokensIn[T any](text []byte) (out []T) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return out
		}
		if v, ok := token.(T); ok {
			out = append(out, v)
		}
	}
}

var violation = regexp.MustCompile(`; `)

// unseen are the faults that python-jsonschema does not see.
var unseen = regexp.MustCompile(outOfRange + `|` + unseenFormat.String() + `|must be base64`)

// unseenFormat is what is wrong by a format of which it does not see all.
var unseenFormat = regexp.MustCompile(`must be a valid (email|iri|iri-reference|uri-template)(?:$|[ ,;])`)

// onlyFaults says whether what is wrong by our judge is of one kind, but for what is not seen elsewhere either.
func onlyFaults(ours said, pattern string) bool {
	one, found := regexp.MustCompile(pattern), false
	for _, v := range violation.Split(ours.Why, -1) {
		found = found || one.MatchString(v)
		if !one.MatchString(v) && !unseen.MatchString(v) {
			return false
		}
	}
	return ours.Verdict == judge.Invalid && found
}

// combining are the keywords whose errors have others inside.
var combining = []string{"anyOf", "oneOf", "allOf", "not", "if", "contains", "propertyNames"}

// errorsBesideTimes are what python-jsonschema finds wrong with a value beside the shapes of its times.
func (h *hearing) errorsBesideTimes(i int) []outside.Error {
	if zoned, there := h.zoned[i]; there {
		return zoned.Errors
	}
	return h.schemas[i].Errors
}

// onlyErrors says whether all that python-jsonschema finds wrong is of one kind, or comes of it in an alternative.
func onlyErrors(errors []outside.Error, kind func(outside.Error) bool) bool {
	inside := slices.ContainsFunc(errors, func(e outside.Error) bool { return e.Inside && kind(e) })
	for _, e := range errors {
		if !e.Inside && !kind(e) && !(inside && slices.Contains(combining, e.Keyword)) {
			return false
		}
	}
	return len(errors) > 0
}
