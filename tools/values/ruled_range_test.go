package values_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/proto"
)

// ruled are types with rules on values that have an order: what their rules name, and how an event has the values.
var ruled = []struct {
	decl, rules string
	points      []string // in rules
	values      []string // as JSON, on and beside the points
}{
	{"optional int32", "int32", []string{"-3", "0", "1", "4"}, []string{"-4", "-3", "-2", "0", "1", "3", "4", "5"}},
	{"uint64", "uint64", []string{"0", "2", "18446744073709551615"}, []string{"0", "1", "2", "3", "18446744073709551615"}},
	{"optional float", "float", []string{"-1.5", "0.1", "2", "inf", "-inf", "nan"}, []string{"-2.0", "-1.5", "0.1", "0.5", "2.0", "3.0", `"NaN"`, `"Infinity"`, `"-Infinity"`}},
	{"double", "double", []string{"-1.5", "0.1", "2", "inf", "-inf"}, []string{"0.0", "-1.5", "0.1", "0.5", "2.0", "3.0", `"NaN"`, `"Infinity"`, `"-Infinity"`}},
	{"google.protobuf.Int32Value", "int32", []string{"-3", "0", "1", "4"}, []string{"-4", "-3", "0", "1", "3", "4", "5"}},
	{"google.protobuf.UInt64Value", "uint64", []string{"0", "2", "18446744073709551615"}, []string{`"0"`, `"1"`, `"2"`, `"18446744073709551615"`}},
	{"google.protobuf.DoubleValue", "double", []string{"-1.5", "0.1", "2", "inf", "-inf"}, []string{"-1.5", "0.1", "0.5", "2.0", "3.0", `"NaN"`, `"Infinity"`, `"-Infinity"`}},
	{"google.protobuf.Duration", "duration", []string{"{seconds: 1}", "{seconds: 2}", "{nanos: -1}"}, []string{`"0s"`, `"1s"`, `"1.500s"`, `"2s"`, `"3s"`, `"-0.000000001s"`, `"-1s"`}},
	{"google.protobuf.Timestamp", "timestamp", []string{"{seconds: 1}", "{seconds: 2}", "{seconds: -1}"}, []string{
		`"1970-01-01T00:00:01Z"`, `"1970-01-01T00:00:01.5Z"`, `"1970-01-01T00:00:02Z"`, `"1970-01-01T01:00:02+01:00"`, `"1969-12-31T23:59:59Z"`, `"1969-12-31T23:59:58Z"`,
	}},
}

// TestRuledRanges holds the algebra against protovalidate: random bounds, equal and reversed ones among them, constants
// and lists, on values on and beside them, in both encodings; and what it says of each being part of another.
func TestRuledRanges(t *testing.T) {
	t.Parallel()
	const each = 24
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	r := rand.New(rand.NewPCG(from, 2))
	var text strings.Builder
	text.WriteString(`syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
`)
	for i, of := range ruled {
		for j := range each {
			fmt.Fprintf(&text, "message M%d_%d { %s a = 1 [(buf.validate.field).%s = {%s}]; }\n", i, j, of.decl, of.rules, randomRules(r, of.rules, of.points))
		}
	}
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/event.proto": []byte(text.String())}))
	if err != nil {
		t.Fatalf("seed %d: %v", from, err)
	}
	messages := map[string]*schema.Message{}
	for _, m := range set.Packages[0].Messages {
		messages[m.Name] = m
	}
	readers := event.New(set)
	counts := map[string]int{}
	for i, of := range ruled {
		for _, e := range []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf} {
			p := values.NewProver()
			var read, written [each]*values.Shape
			var valid [each][]bool
			var declared [each]string
			for j := range each {
				m := messages[fmt.Sprintf("M%d_%d", i, j)]
				declared[j] = strings.Split(text.String(), "\n")[6+i*each+j]
				read[j], written[j] = p.FromMessage(m, values.Reader, e), p.FromMessage(m, values.Writer, e)
				for _, v := range of.values {
					got, value := accepts(t, readers, m, `{"a":`+v+`}`, e)
					valid[j] = append(valid[j], got)
					counts[fmt.Sprint(got)]++
					if in, sure := read[j].Contains(value); !sure || in != got {
						t.Errorf("seed %d: %s: %s in %s is valid: %t, the algebra says %t, sure %t", from, declared[j], v, e, got, in, sure)
					}
				}
			}
			for range 40 {
				w, o := r.IntN(each), r.IntN(each)
				answer := p.Includes(written[w], read[o])
				counts[fmt.Sprint(answer.Inclusion)]++
				switch answer.Inclusion {
				case values.Unknown:
					t.Errorf("seed %d: %s in %s, in %s: unknown: %s", from, declared[w], declared[o], e, answer.Why)
				case values.Included:
					for k, v := range of.values {
						if valid[w][k] && !valid[o][k] {
							t.Errorf("seed %d: %s is said to be in %s, in %s, but %s", from, declared[w], declared[o], e, v)
						}
					}
				}
			}
		}
	}
	t.Logf("seed %d: %v", from, counts)
}

// randomRules are rules that some points are in.
func randomRules(r *rand.Rand, rules string, points []string) string {
	point := func() string { return points[r.IntN(len(points))] }
	number := func() string { // a bound or a constant that is a number
		for {
			if p := point(); p != "nan" {
				return p
			}
		}
	}
	switch n := r.IntN(8); {
	case n == 0:
		return "const: " + point()
	case n == 1 && rules != "timestamp":
		return fmt.Sprintf("in: [%s, %s]", point(), point())
	case n == 2 && rules != "timestamp":
		return fmt.Sprintf("not_in: [%s, %s]", point(), point())
	case n == 3 && (rules == "float" || rules == "double"):
		return "finite: true"
	}
	low, high := []string{"gt", "gte"}[r.IntN(2)], []string{"lt", "lte"}[r.IntN(2)]
	switch r.IntN(6) {
	case 0:
		return low + ": " + number()
	case 1:
		return high + ": " + number()
	case 2:
		same := number()
		return fmt.Sprintf("%s: %s, %s: %s", low, same, high, same)
	}
	return fmt.Sprintf("%s: %s, %s: %s", low, number(), high, number())
}

// accepts says whether readers of a message take an event, and what it is to the algebra.
func accepts(t *testing.T, readers *event.Schemas, m *schema.Message, text string, e schema.Encoding) (bool, any) {
	t.Helper()
	v, err := values.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := readers.Type(m)
	if err != nil {
		t.Fatal(err)
	}
	if e == schema.EncodingJSON {
		_, err := typ.ReadJSON([]byte(text), values.Present)
		return err == nil, v
	}
	x, ok := typ.New().(event.Binary)
	if !ok {
		t.Fatalf("%s has no binary form", m.Name)
	}
	r := jsonio.NewReader([]byte(text))
	if x.DecodeBinaryJSON(r); r.Err() != nil || len(r.Faults()) > 0 {
		t.Fatalf("%s: %v %v", text, r.Err(), r.Faults())
	}
	data, err := proto.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	_, err = typ.ReadBinary(data, values.Present)
	return err == nil, values.InBinary(&schema.Type{Kind: schema.MessageKind, Message: m}, v)
}
