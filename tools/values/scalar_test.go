package values

import (
	"testing"

	"github.com/omninode/trestle/tools/schema"
)

func typeOf(k schema.Kind, c schema.Constraints) *schema.Type {
	return &schema.Type{Kind: k, Constraints: c}
}

func count(n uint64) *uint64 { return &n }

func TestAccepts(t *testing.T) {
	t.Parallel()
	atLeast1 := schema.Constraints{Min: &schema.Bound{Value: "1"}}
	above0 := schema.Constraints{Min: &schema.Bound{Value: "0", Exclusive: true}}
	tests := []struct {
		name     string
		t        *schema.Type
		text     string
		ok, sure bool
	}{
		{"at the bound", typeOf(schema.Int64, atLeast1), "1", true, true},
		{"below the bound", typeOf(schema.Int64, atLeast1), "0", false, true},
		{"exclusive, a fraction", typeOf(schema.Double, above0), "0.001", true, true},
		{"exclusive, the bound", typeOf(schema.Double, above0), "0", false, true},
		{"a fraction for an integer", typeOf(schema.Int64, schema.Constraints{}), "1.5", false, true},
		{"an integral float", typeOf(schema.Int64, schema.Constraints{}), "5.0", true, true},
		{"beyond int32", typeOf(schema.Int32, schema.Constraints{}), "2147483648", false, true},
		{"zero that is skipped", typeOf(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "1"}, SkipZero: true}), "0", true, true},
		{"crossed bounds", typeOf(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "9"}, Max: &schema.Bound{Value: "1"}}), "5", false, true},
		{"characters, not bytes", typeOf(schema.String, schema.Constraints{MaxLen: count(1)}), `"é"`, true, true},
		{"too long", typeOf(schema.String, schema.Constraints{MaxLen: count(1)}), `"ab"`, false, true},
		{"unanchored pattern", typeOf(schema.String, schema.Constraints{Pattern: "b"}), `"abc"`, true, true},
		{"no match", typeOf(schema.String, schema.Constraints{Pattern: "^b"}), `"abc"`, false, true},
		{"a pattern that is none", typeOf(schema.String, schema.Constraints{Pattern: "("}), `"a"`, true, false},
		{"a format", typeOf(schema.String, schema.Constraints{Format: "uuid"}), `"a"`, false, true},
		{"listed", typeOf(schema.Double, schema.Constraints{In: []string{"1"}}), "1.0", true, true},
		{"not listed", typeOf(schema.Double, schema.Constraints{In: []string{"1"}}), "2", false, true},
		{"forbidden", typeOf(schema.String, schema.Constraints{NotIn: []string{`"a"`}}), `"a"`, false, true},
		{"bytes are counted decoded", typeOf(schema.Bytes, schema.Constraints{MaxLen: count(3)}), `"YWFh"`, true, true},
		{"not base64", typeOf(schema.Bytes, schema.Constraints{}), `"a!"`, false, true},
		{"another kind", typeOf(schema.Bool, schema.Constraints{}), "1", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if ok, sure := Accepts(tt.t, tt.text); ok != tt.ok || sure != tt.sure {
				t.Errorf("got %v, %v, want %v, %v", ok, sure, tt.ok, tt.sure)
			}
		})
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		t    *schema.Type
		in   Interval
		want bool
	}{
		{"int32 in int64", typeOf(schema.Int32, schema.Constraints{}), KindRange(schema.Int64), true},
		{"int64 in int32", typeOf(schema.Int64, schema.Constraints{}), KindRange(schema.Int32), false},
		{"uint32 in int32", typeOf(schema.Uint32, schema.Constraints{}), KindRange(schema.Int32), false},
		{"bounded int64 in int32", typeOf(schema.Int64, schema.Constraints{
			Min: &schema.Bound{Value: "0"}, Max: &schema.Bound{Value: "2147483648", Exclusive: true},
		}), KindRange(schema.Int32), true},
		{"listed int64 in int32", typeOf(schema.Int64, schema.Constraints{In: []string{"1", "7"}}), KindRange(schema.Int32), true},
		{"half bounded", typeOf(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "0"}}), KindRange(schema.Int32), false},
		{"uint64 in a double", typeOf(schema.Uint64, schema.Constraints{}), Exact53, false},
		{"uint32 in a double", typeOf(schema.Uint32, schema.Constraints{}), Exact53, true},
	} {
		if got := Range(tt.t).Within(tt.in); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
