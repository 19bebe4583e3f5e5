package values

import "testing"

func TestMatches(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^\d+\.\d+\.\d+`: "1.1.1", `^(success|failed)$`: "success", `^[A-Z]{3}$`: "AAA", `a*b+c?`: "b", `^[^a]$`: "1",
		`(`: "",
	} {
		got := ""
		if all := borderMatches(pattern); len(all) > 0 {
			got = all[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}
