package jsonio_test

import (
	"testing"

	"github.com/omninode/trestle/runtime/jsonio"
)

func TestRawMembers(t *testing.T) {
	t.Parallel()
	for text, want := range map[jsonio.Raw]int{
		``: 0, `{}`: 0, `[1,2]`: 0, `{"a":1}`: 1, `{"a":{"x":1,"y":2},"b":[1]}`: 2, `{"a":1,"a":2}`: 1, `{"a":1,"\u0061":2}`: 1,
	} {
		if got := text.Members(); got != want {
			t.Errorf("%s: got %d members, want %d", text, got, want)
		}
	}
}
