package compat

import (
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestEquality holds which edits of declarations make other events, with messages that are part of themselves among them.
func TestEquality(t *testing.T) {
	t.Parallel()
	const head = `syntax = "proto3"; package p.v1; import "buf/validate/validate.proto"; import "trestle/v1/options.proto"; `
	loadSet := func(body string) []*schema.Message {
		s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.proto": []byte(head + body)}))
		if err != nil {
			t.Fatal(err)
		}
		return s.Packages[0].Messages
	}
	const base = `message A { B b = 1; string s = 2 [(buf.validate.field).string.min_len = 1]; E e = 3; } message B { A a = 1; C c = 2; } message C { int32 n = 1; } enum E { E_A = 0; }`
	for name, tt := range map[string]struct {
		body string
		want []bool // of A, B and C
	}{
		"nothing":     {base, []bool{true, true, true}},
		"a comment":   {"// More.\n" + base, []bool{true, true, true}},
		"a field":     {`message A { B b = 1; string s = 2 [(buf.validate.field).string.min_len = 1]; E e = 3; } message B { A a = 1; C c = 2; } message C { int32 n = 1; int32 m = 2; } enum E { E_A = 0; }`, []bool{false, false, false}},
		"a rule":      {`message A { B b = 1; string s = 2 [(buf.validate.field).string.min_len = 2]; E e = 3; } message B { A a = 1; C c = 2; } message C { int32 n = 1; } enum E { E_A = 0; }`, []bool{false, false, true}},
		"a value":     {`message A { B b = 1; string s = 2 [(buf.validate.field).string.min_len = 1]; E e = 3; } message B { A a = 1; C c = 2; } message C { int32 n = 1; } enum E { E_A = 0; E_B = 1; }`, []bool{false, false, true}},
		"a JSON name": {`message A { B b = 1; string s = 2 [(buf.validate.field).string.min_len = 1]; E e = 3; } message B { A a = 1; C c = 2; } message C { int32 n = 1 [json_name = "x"]; } enum E { E_A = 0; }`, []bool{false, false, false}},
	} {
		old, new := loadSet(base), loadSet(tt.body)
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}} {
			a := newEquality()
			for _, i := range order {
				if got := a.messages(old[i], new[i]); got != tt.want[i] {
					t.Errorf("%s: %s, asked in the order %v: got %v", name, old[i].Name, order, got)
				}
			}
		}
	}
}
