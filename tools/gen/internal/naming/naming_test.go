package naming_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/gen/internal/naming"
)

func TestDistinct(t *testing.T) {
	t.Parallel()
	d := naming.NewDistinct("Id", "Id_3")
	var got []string
	for _, want := range []string{"Id", "Id", "Id", "Other", "Other", "Id_"} {
		got = append(got, d.Name(want))
	}
	if diff := cmp.Diff([]string{"Id_", "Id_4", "Id_5", "Other", "Other_", "Id__"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSpelled(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"<=": "LessEqual", "+1": "Plus1", "-1": "Minus1", "+": "Plus", "a-b": "a-b", "1-2": "1-2", "": "", "_": "", "-é": "-é", "🙂": "",
	} {
		if got := naming.Spelled(name); got != want {
			t.Errorf("Spelled(%q) = %q, want %q", name, got, want)
		}
	}
}
