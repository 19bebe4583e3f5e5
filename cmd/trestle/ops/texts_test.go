package ops

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitTexts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     []string
	}{
		{"one line", `{"a":1}`, []string{`- {"a":1}`}},
		{"one line with its end", "{\"a\":1}\n", []string{`- {"a":1}`}},
		{"one text over lines", "{\n\"a\":1\n}\n", []string{"- {\n\"a\":1\n}"}},
		{"a text a line", "{\"a\":1}\n\n{\"a\":2}\n", []string{`-:1 {"a":1}`, `-:3 {"a":2}`}},
		{"a broken line among others", "{\"a\":1}\n{\"a\":\n", []string{`-:1 {"a":1}`, `-:2 {"a":`}},
		{"broken as a whole", "{\"a\":\n1", []string{"- {\"a\":\n1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := splitTexts("-", strings.NewReader(tt.in), func(d EventText) error {
				got = append(got, d.Name+" "+strings.TrimSpace(string(d.Text)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEmptyInputIsAnError(t *testing.T) {
	t.Parallel()
	err := splitTexts("-", strings.NewReader(" \n"), func(EventText) error { return io.ErrUnexpectedEOF })
	if err == nil || !strings.Contains(err.Error(), "- is empty") {
		t.Fatalf("got %v", err)
	}
}

// TestLinesArriveAtOnce shows that a line is passed on before the next one was written.
func TestLinesArriveAtOnce(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	seen := make(chan string)
	done := make(chan error, 1)
	go func() {
		done <- splitTexts("-", r, func(d EventText) error {
			seen <- string(d.Text)
			return nil
		})
	}()
	for _, line := range []string{"1", "2", "3"} {
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if line == "1" {
			continue // whether it is the only line shows with the next
		}
		if line == "2" {
			if got := <-seen; got != "1" {
				t.Fatalf("got %s, want 1", got)
			}
		}
		if got := <-seen; got != line {
			t.Fatalf("got %s, want %s", got, line)
		}
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
