package golang

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// durationText renders a duration as CEL does: "1.5s".
func durationText(d *durationpb.Duration) string {
	return strconv.FormatFloat(d.AsDuration().Seconds(), 'f', -1, 64) + "s"
}

func timestampText(t *timestamppb.Timestamp) string { return t.AsTime().Format(time.RFC3339Nano) }

// durationRules are the rules of google.protobuf.Duration.
func (g *file) durationRules(r valueRule) []string {
	rules := r.rules.GetDuration()
	if rules == nil {
		return nil
	}
	literal := func(d *durationpb.Duration) string { return strconv.FormatInt(int64(d.AsDuration()), 10) }
	found := g.format("Duration") + "(d)"
	b := bounded{name: "duration", found: found}
	b.compare = func(op, literal string) string { return "d " + op + " " + literal }
	switch {
	case rules.HasGt():
		b.setLow("gt", literal(rules.GetGt()), durationText(rules.GetGt()))
	case rules.HasGte():
		b.setLow("gte", literal(rules.GetGte()), durationText(rules.GetGte()))
	}
	switch {
	case rules.HasLt():
		b.setHigh("lt", literal(rules.GetLt()), durationText(rules.GetLt()))
	case rules.HasLte():
		b.setHigh("lte", literal(rules.GetLte()), durationText(rules.GetLte()))
	}
	if b.low != nil && b.high != nil {
		b.crossed = duration(rules.GetGt(), rules.GetGte()) > duration(rules.GetLt(), rules.GetLte())
	}
	var lines []string
	add := func(cond, rule, text string) {
		lines = append(lines, g.check(cond, r, finding{"duration." + rule, "duration." + rule, text, found}))
	}
	if rules.HasConst() {
		add("d != "+literal(rules.GetConst()), "const", "must equal "+durationText(rules.GetConst()))
	}
	if line := b.check(g, r); line != "" {
		lines = append(lines, line)
	}
	if in := rules.GetIn(); len(in) > 0 {
		add(noneOf("d", in, literal), "in", "must be in list "+list(in, durationText))
	}
	if notIn := rules.GetNotIn(); len(notIn) > 0 {
		add(oneOf("d", notIn, literal), "not_in", "must not be in list "+list(notIn, durationText))
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"d := " + r.expr + ".AsDuration()"}, lines...)
}

// duration is that of two which is set.
func duration(a, b *durationpb.Duration) time.Duration {
	if a != nil {
		return a.AsDuration()
	}
	return b.AsDuration()
}

// timestampRules are the rules of google.protobuf.Timestamp.
func (g *file) timestampRules(r valueRule) []string {
	rules := r.rules.GetTimestamp()
	if rules == nil {
		return nil
	}
	literal := func(t *timestamppb.Timestamp) string {
		return fmt.Sprintf("%s(%d, %d)", g.std("time", "Unix"), t.GetSeconds(), t.GetNanos())
	}
	found := g.format("Time") + "(t)"
	b := bounded{name: "timestamp", found: found}
	b.compare = func(op, literal string) string { return "t.Compare(" + literal + ") " + op + " 0" }
	var low, high *timestamppb.Timestamp
	switch {
	case rules.HasGt():
		low = rules.GetGt()
		b.setLow("gt", literal(low), timestampText(low))
	case rules.HasGte():
		low = rules.GetGte()
		b.setLow("gte", literal(low), timestampText(low))
	}
	switch {
	case rules.HasLt():
		high = rules.GetLt()
		b.setHigh("lt", literal(high), timestampText(high))
	case rules.HasLte():
		high = rules.GetLte()
		b.setHigh("lte", literal(high), timestampText(high))
	}
	b.crossed = low != nil && high != nil && low.AsTime().After(high.AsTime())
	var lines []string
	add := func(cond, rule, text string) {
		lines = append(lines, g.check(cond, r, finding{"timestamp." + rule, "timestamp." + rule, text, found}))
	}
	if rules.HasConst() {
		add("!t.Equal("+literal(rules.GetConst())+")", "const", "must equal "+timestampText(rules.GetConst()))
	}
	if line := b.check(g, r); line != "" {
		lines = append(lines, line)
	}
	if rules.GetLtNow() {
		add("t.After(v.Now())", "lt_now", "must be less than now")
	}
	if rules.GetGtNow() {
		add("t.Before(v.Now())", "gt_now", "must be greater than now")
	}
	if rules.HasWithin() {
		within := int64(rules.GetWithin().AsDuration())
		add(fmt.Sprintf("t.Before(v.Now().Add(-%d)) || t.After(v.Now().Add(%d))", within, within), "within",
			"must be within "+durationText(rules.GetWithin())+" of now")
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"t := " + r.expr + ".AsTime()"}, lines...)
}

// anyRules are the rules of google.protobuf.Any.
func (g *file) anyRules(r valueRule) []string {
	rules := r.rules.GetAny()
	url := r.expr + ".GetTypeUrl()"
	var lines []string
	if in := rules.GetIn(); len(in) > 0 {
		lines = append(lines, g.check(noneOf(url, in, goString), r, finding{"any.in", "any.in", "type URL must be in the allow list", g.format("String") + "(" + url + ")"}))
	}
	if notIn := rules.GetNotIn(); len(notIn) > 0 {
		lines = append(lines, g.check(oneOf(url, notIn, goString), r, finding{"any.not_in", "any.not_in", "type URL must not be in the block list", g.format("String") + "(" + url + ")"}))
	}
	return lines
}

// maskRules are the rules of google.protobuf.FieldMask.
func (g *file) maskRules(r valueRule) []string {
	rules := r.rules.GetFieldMask()
	paths := r.expr + ".GetPaths()"
	texts := func(values []string) string { return "[" + strings.Join(values, ", ") + "]" }
	literals := func(values []string) string {
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = goString(value)
		}
		return strings.Join(quoted, ", ")
	}
	var lines []string
	add := func(cond, rule, text string) {
		lines = append(lines, g.check(cond, r, finding{rule: "field_mask." + rule, at: "field_mask." + rule, text: text}))
	}
	if rules.HasConst() {
		want := rules.GetConst().GetPaths()
		add("!"+g.std("slices", "Equal")+"("+paths+", []string{"+literals(want)+"})", "const", "must equal paths "+texts(want))
	}
	if in := rules.GetIn(); len(in) > 0 {
		add("!"+g.format("Within")+"("+paths+", "+literals(in)+")", "in", "must only contain paths in "+texts(in))
	}
	if notIn := rules.GetNotIn(); len(notIn) > 0 {
		add("!"+g.format("Without")+"("+paths+", "+literals(notIn)+")", "not_in", "must not contain any paths in "+texts(notIn))
	}
	return lines
}

// bytesFormats are the well-known forms of bytes: what they are called and their lengths.
var bytesFormats = []struct {
	name, words string
	has         func(*validate.BytesRules) bool
	sizes       []int
}{
	{"ip", "a valid IP address", (*validate.BytesRules).GetIp, []int{4, 16}},
	{"ipv4", "a valid IPv4 address", (*validate.BytesRules).GetIpv4, []int{4}},
	{"ipv6", "a valid IPv6 address", (*validate.BytesRules).GetIpv6, []int{16}},
	{"uuid", "a valid UUID", (*validate.BytesRules).GetUuid, []int{16}},
}

// joinedBytes renders a list of bytes as protovalidate's messages do.
func joinedBytes(values [][]byte) string { return "[" + string(bytes.Join(values, []byte(", "))) + "]" }
