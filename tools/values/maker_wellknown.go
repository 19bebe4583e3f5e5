package values

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// wellKnownSamples are values of messages of protobuf's own in their JSON forms, small ones.
var wellKnownSamples = map[protoreflect.Name][]any{
	"Duration": {"1s", "2s"}, "FieldMask": {"a"}, "Struct": {map[string]any{}}, "ListValue": {[]any{}},
	"Value": {"a"},
}

// borderTimes returns times on and beside those that the rules of both types name, and far from the present.
func borderTimes(t, other *schema.Type) []any {
	times := []time.Time{Present}
	for _, x := range []*schema.Type{t, other} {
		r := rulesOf(x).GetTimestamp()
		for _, end := range []*timestamppb.Timestamp{r.GetConst(), r.GetLt(), r.GetLte(), r.GetGt(), r.GetGte()} {
			if end != nil {
				times = append(times, end.AsTime(), end.AsTime().Add(time.Second), end.AsTime().Add(-time.Second))
			}
		}
		if within := r.GetWithin().AsDuration(); within > 0 {
			times = append(times, Present.Add(within), Present.Add(within+time.Second))
		}
	}
	times = append(times, Present.AddDate(1, 0, 0), Present.AddDate(-1, 0, 0), Present.AddDate(100, 0, 0), time.Unix(0, 0))
	var out []any
	for _, v := range times {
		out = append(out, v.UTC().Format(time.RFC3339Nano))
	}
	return out
}

// borderWellKnown returns values of protobuf's own messages that have a form of their own in JSON, on and beside what
// the rules of both types name; none for those that have no rules.
func borderWellKnown(t, other *schema.Type) []any {
	switch t.Message.FullName {
	case "google.protobuf.Duration":
		return borderDurations(t, other)
	case "google.protobuf.FieldMask":
		return ruledMasks(t, other)
	case "google.protobuf.Any":
		return ruledAnys(t, other)
	}
	return nil
}

func borderDurations(t, other *schema.Type) []any {
	lengths := []time.Duration{time.Second, 0}
	for _, x := range []*schema.Type{t, other} {
		r := rulesOf(x).GetDuration()
		ends := append([]*durationpb.Duration{r.GetConst(), r.GetLt(), r.GetLte(), r.GetGt(), r.GetGte()}, r.GetIn()...)
		for _, end := range append(ends, r.GetNotIn()...) {
			if end != nil {
				lengths = append(lengths, end.AsDuration(), end.AsDuration()+time.Second, end.AsDuration()-time.Second)
			}
		}
	}
	var out []any
	for _, d := range append(lengths, 100*time.Hour, -time.Second) {
		if v := durationForm(d); v != nil {
			out = append(out, v)
		}
	}
	return out
}

func ruledMasks(t, other *schema.Type) []any {
	out := []any{"a"}
	for _, x := range []*schema.Type{t, other} {
		r := rulesOf(x).GetFieldMask()
		out = append(out, strings.Join(r.GetConst().GetPaths(), ","))
		for _, path := range append(r.GetIn(), r.GetNotIn()...) {
			out = append(out, path)
		}
	}
	return append(out, "b", "z")
}

// ruledAnys returns messages of the types that rules name, those of which a reader knows without their schemas.
func ruledAnys(t, other *schema.Type) []any {
	var out []any
	add := func(url string, value any) { out = append(out, map[string]any{"@type": url, "value": value}) }
	for _, x := range []*schema.Type{t, other} {
		r := rulesOf(x).GetAny()
		for _, url := range append(r.GetIn(), r.GetNotIn()...) {
			if strings.HasSuffix(url, "google.protobuf.Duration") {
				add(url, "1s")
			} else {
				add(url, json.Number("1"))
			}
		}
	}
	add("type.googleapis.com/google.protobuf.BoolValue", true)
	return out
}
