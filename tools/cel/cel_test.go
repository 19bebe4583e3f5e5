package cel_test

import (
	"testing"

	"github.com/omninode/trestle/tools/cel"
)

// TestSame holds which expressions are alike, and which only look so.
func TestSame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		same bool
	}{
		{"this > 0", "(this>0) // above zero", true},
		{"this > 0", "0 < this", true},
		{"this > 0", "this >= 0", false},
		{"this > 0", "this < 0", false},
		{"this > 0", "this > 0u", false},
		{"this == 1", "1 == this", true},
		{"this != 1", "!(this == 1)", true},
		{"this < 1", "!(this >= 1)", false}, // of what is no number, both are false
		{"this.a && this.b", "this.b && this.a", true},
		{"this.a && (this.b && this.c)", "(this.c && this.a) && this.b", true},
		{"this.a && this.b", "this.b || this.a", false},
		{"!(this.a && this.b)", "!this.b || !this.a", true},
		{"this.a || this.a", "this.a", true},
		{"this.f(x && y)", "this.f(y && x)", true},
		{"size(this) > 1", "this.size() > 1", true},
		{"this in [1, 2]", "this in [2, 1, 2]", true},
		{"this == [1, 2]", "this == [2, 1]", false},
		{"this.all(x, x > 0)", "this.all(y, 0 < y)", true},
		{"this.all(x, x.all(y, y != x))", "this.all(y, y.all(x, y != x))", true},
		{"this.all(x, x.all(y, y > x))", "this.all(x, x.all(y, x > y))", false},
		{"this.all(x, x.all(x, x > 0))", "this.all(x, x.all(y, x > 0))", false},
		{"this > 1 ? '' : 'too small'", "this > 1", true},
		{"this > 1 ? '' : 'too small'", "this > 1 ? '' : 'too little'", true},
		{"this > 1 ? '' : 'too small'", "this > 1 ? 'too large' : ''", false},
		{"this > 9 ? 'too large' : this > 1 ? '' : 'too small'", "!(this > 9) && this > 1", true},
		{"this.a ? this.b : false", "this.a && this.b", true},
		{"this + 'a' == 'b'", "'a' + this == 'b'", false},
		{`this == "a"`, "this == 'a'", true},
		{"this.b.a < this.a", "this.a < this.b.a", false},
		{"this == 1.0", "this == 1e0", true},
		{"true", "this.a || true", true},
		{"this >", "this > ", false},
	}
	for _, tt := range tests {
		if got := cel.Same(tt.a, tt.b); got != tt.same {
			t.Errorf("%s and %s are the same: %t", tt.a, tt.b, got)
		}
	}
}
