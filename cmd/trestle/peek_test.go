package main

import "testing"

// What others wrote can't move a terminal's cursor, change its colours or turn its text around.
func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"order \"7\" für 3 €": "order \"7\" für 3 €", "\x1b[2Jgone": `\x1b[2Jgone`, "a\u009b31mb": `a\u009b31mb`, "a\u202eb": `a\u202eb`, "a\xffb": `a\xffb`, "a\nb": `a\nb`,
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
