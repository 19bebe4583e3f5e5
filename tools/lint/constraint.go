package lint

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// allows says whether a type's constraints allow a value, given as JSON.
func allows(t *schema.Type, text string) bool {
	v, err := jsontree.Parse([]byte(text))
	return err == nil && refusal(t, v) == ""
}

// refusal says which constraint of a type a value of that type breaks, as what the value is: "is more than 20". It is
// empty when the constraints allow the value, and when they cannot tell: rules that the model has no member for.
func refusal(t *schema.Type, v *jsontree.Value) string {
	c := &t.Constraints
	if c.SkipZero && isZero(v) {
		return ""
	}
	var why string
	switch v.Kind {
	case jsontree.Number:
		why = refusalOfNumber(t, v.Text)
	case jsontree.String:
		why = refusalOfString(t, v.Text)
	case jsontree.Array:
		why = refusalOfList(t, v.Items)
	case jsontree.Object:
		why = refusalOfObject(t, v.Members)
	}
	switch {
	case why != "":
		return why
	case c.Const != "" && !sameValue(v, c.Const):
		return "is not " + c.Const
	case len(c.In) > 0 && !slices.ContainsFunc(c.In, func(text string) bool { return sameValue(v, text) }):
		return "is none of " + strings.Join(c.In, ", ")
	case slices.ContainsFunc(c.NotIn, func(text string) bool { return sameValue(v, text) }):
		return "is excluded"
	}
	return ""
}

// isZero says whether a value is the zero value of protobuf.
func isZero(v *jsontree.Value) bool {
	switch v.Kind {
	case jsontree.Null:
		return true
	case jsontree.Bool:
		return v.IsFalse()
	case jsontree.Number:
		n := rational(v.Text)
		return n != nil && n.Sign() == 0
	case jsontree.String:
		return v.Text == ""
	case jsontree.Array:
		return len(v.Items) == 0
	case jsontree.Object:
		return len(v.Members) == 0
	}
	return false
}

// sameValue compares a value with a JSON text, numbers by value.
func sameValue(v *jsontree.Value, text string) bool {
	other, err := jsontree.Parse([]byte(text))
	if err != nil || other.Kind != v.Kind {
		return false
	}
	if v.Kind == jsontree.Number {
		a, b := rational(v.Text), rational(other.Text)
		return a != nil && b != nil && a.Cmp(b) == 0
	}
	return v.JSON() == other.JSON()
}

// hugeExponent finds exponents that would make a rational number fill the memory.
var hugeExponent = regexp.MustCompile(`[eE][+-]?0*[0-9]{4,}$`)

// rational is the exact value of a number's text, nil where it is out of any reasonable range.
func rational(text string) *big.Rat {
	if hugeExponent.MatchString(text) {
		return nil
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return n
}

// kindRanges are the least and the greatest value of the integer kinds of protobuf.
var kindRanges = map[schema.Kind][2]string{
	schema.Int32:  {"-2147483648", "2147483647"},
	schema.Int64:  {"-9223372036854775808", "9223372036854775807"},
	schema.Uint32: {"0", "4294967295"},
	schema.Uint64: {"0", "18446744073709551615"},
}

func refusalOfNumber(t *schema.Type, text string) string {
	n := rational(text)
	if n == nil {
		return "is out of range"
	}
	c := &t.Constraints
	if r, ok := kindRanges[t.Kind]; ok && (n.Cmp(rational(r[0])) < 0 || n.Cmp(rational(r[1])) > 0) {
		return fmt.Sprintf("does not fit into %s", t.Kind)
	}
	if why := refusalOfBound(n, c.Min, -1, "less than"); why != "" {
		return why
	}
	if why := refusalOfBound(n, c.Max, 1, "more than"); why != "" {
		return why
	}
	if step := rational(c.MultipleOf); step != nil && step.Sign() != 0 && !new(big.Rat).Quo(n, step).IsInt() {
		return "is not a multiple of " + c.MultipleOf
	}
	return ""
}

// refusalOfBound compares with a bound; beyond is the order of numbers past it.
func refusalOfBound(n *big.Rat, b *schema.Bound, beyond int, words string) string {
	if b == nil {
		return ""
	}
	limit := rational(b.Value)
	if limit == nil {
		return ""
	}
	switch n.Cmp(limit) {
	case beyond:
		return fmt.Sprintf("is %s %s", words, b.Value)
	case 0:
		if b.Exclusive {
			return fmt.Sprintf("is %s, which is excluded", b.Value)
		}
	}
	return ""
}

func refusalOfString(t *schema.Type, s string) string {
	c := &t.Constraints
	length, unit := uint64(utf8.RuneCountInString(s)), "characters"
	if t.Kind == schema.Bytes {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "is not base64"
		}
		length, unit = uint64(len(b)), "bytes"
	}
	if t.Kind == schema.Timestamp && !isTimestamp(s) {
		return "is not an RFC 3339 timestamp"
	}
	switch {
	case c.MinLen != nil && length < *c.MinLen:
		return fmt.Sprintf("has fewer than %d %s", *c.MinLen, unit)
	case c.MaxLen != nil && length > *c.MaxLen:
		return fmt.Sprintf("has more than %d %s", *c.MaxLen, unit)
	}
	if c.Pattern != "" {
		if re, err := regexp.Compile(c.Pattern); err == nil && !re.MatchString(s) {
			return "does not match " + c.Pattern
		}
	}
	if valid := formats[c.Format]; valid != nil && !valid(s) {
		return "is not of format " + c.Format
	}
	return ""
}

// formats are the formats that defaults are checked for.
var formats = map[string]func(string) bool{
	"uuid":      func(s string) bool { _, err := uuid.Parse(s); return err == nil && len(s) == 36 },
	"date-time": isTimestamp,
	"email":     func(s string) bool { a, err := mail.ParseAddress(s); return err == nil && a.Address == s },
	"ip":        func(s string) bool { _, err := netip.ParseAddr(s); return err == nil },
	"ipv4":      func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() },
	"ipv6":      func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() },
	"hostname":  regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$`).MatchString,
	"uri":       func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() },
	"uri-reference": func(s string) bool {
		_, err := url.Parse(s)
		return err == nil
	},
}

func isTimestamp(s string) bool { _, err := time.Parse(time.RFC3339Nano, s); return err == nil }

func refusalOfList(t *schema.Type, items []*jsontree.Value) string {
	c := &t.Constraints
	if why := refusalOfCount(len(items), c.MinItems, c.MaxItems, "items"); why != "" {
		return why
	}
	for i, item := range items {
		if t.Elem != nil {
			if why := refusal(t.Elem, item); why != "" {
				return fmt.Sprintf("has an item %s that %s", item.JSON(), why)
			}
		}
		if c.Unique && slices.ContainsFunc(items[:i], func(other *jsontree.Value) bool { return sameValue(item, other.JSON()) }) {
			return fmt.Sprintf("has %s twice", item.JSON())
		}
	}
	return ""
}

func refusalOfObject(t *schema.Type, members []jsontree.Member) string {
	c := &t.Constraints
	if why := refusalOfCount(len(members), c.MinPairs, c.MaxPairs, "members"); why != "" {
		return why
	}
	if t.Kind == schema.MessageKind {
		return refusalOfRecord(t.Message, members)
	}
	for _, m := range members {
		if t.Key != nil && t.Key.Kind == schema.String {
			if why := refusal(t.Key, &jsontree.Value{Kind: jsontree.String, Text: m.Name}); why != "" {
				return fmt.Sprintf("has a key %q that %s", m.Name, why)
			}
		}
		if t.Elem != nil {
			if why := refusal(t.Elem, m.Value); why != "" {
				return fmt.Sprintf("has a value %s that %s", m.Value.JSON(), why)
			}
		}
	}
	return ""
}

// refusalOfRecord looks for fields that are missing, unknown or wrong.
func refusalOfRecord(record *schema.Message, members []jsontree.Member) string {
	given := map[string]bool{}
	for _, m := range members {
		given[m.Name] = true
		f := record.Field(m.Name)
		switch {
		case f == nil && record.Closed:
			return fmt.Sprintf("has %q, which %s has not", m.Name, record.Name)
		case f == nil || m.Value.Kind == jsontree.Null:
			continue
		}
		if why := refusal(f.Type, m.Value); why != "" {
			return fmt.Sprintf("has %s in %s that %s", m.Value.JSON(), m.Name, why)
		}
	}
	for _, f := range record.Fields {
		if f.Required && f.Default == "" && !given[f.JSONName] {
			return fmt.Sprintf("lacks %s, which is required", f.JSONName)
		}
	}
	return ""
}

func refusalOfCount(n int, least, most *uint64, words string) string {
	switch {
	case least != nil && uint64(n) < *least:
		return fmt.Sprintf("has fewer than %d %s", *least, words)
	case most != nil && uint64(n) > *most:
		return fmt.Sprintf("has more than %d %s", *most, words)
	}
	return ""
}
