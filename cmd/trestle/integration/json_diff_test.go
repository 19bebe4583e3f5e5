package integration_test

import "testing"

// TestDiffJSON is a test of the tests: what they call equal, and what they find.
func TestDiffJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		same      bool
	}{
		{`{"a":1,"b":[1.0,null]}`, `{"b":[1.0,null],"a":1}`, true},
		{`1e-07`, `1e-7`, true},
		{`1.0`, `1.00`, true},
		{`1.0`, `1`, false},
		{`9007199254740993`, `9007199254740992`, false},
		{`123456789012345678901234567890`, `123456789012345678901234567890`, true},
		{`123456789012345678901234567890`, `1.2345678901234568e+29`, false},
		{`{"a":null}`, `{}`, false},
		{`{}`, `{"a":null}`, false},
		{`[1,2]`, `[1]`, false},
		{`"1"`, `1`, false},
		{`{"at":"2025-10-16 12:34:56.790123"}`, `{"at":"2025-10-16T12:34:56.790123Z"}`, true},
		{`{"at":"2025-10-16 12:34:56.789+00:00"}`, `{"at":"2025-10-16T12:34:56.789Z"}`, true},
		{`{"at":"2025-10-16 12:34:56.790123"}`, `{"at":"2025-10-16T12:34:56.790124Z"}`, false},
		{`{"to":"2025-10-16 12:34:56"}`, `{"to":"2025-10-16T12:34:56Z"}`, false},
	} {
		diff := diffJSON(parseJSON(t, []byte(c.want)), parseJSON(t, []byte(c.got)), "at")
		if same := diff == ""; same != c.same {
			t.Errorf("%s and %s: same is %v, want %v (%s)", c.want, c.got, same, c.same, diff)
		}
	}
}
