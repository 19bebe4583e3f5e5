package deadletter_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/wire"
)

func size(d *deadletter.DeadLetter) int {
	n := len(d.Original.Key) + len(d.AppendJSON(nil))
	for _, h := range d.Headers() {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// TestShrink leaves out what is large, in order, until letters with something large in every place have a few KiB; each can be
// read all along.
func TestShrink(t *testing.T) {
	t.Parallel()
	mib := strings.Repeat("é\"", 1<<19)
	many := make([]wire.Header, 20_000)
	for i := range many {
		many[i] = wire.Header{Key: fmt.Sprint("h", i), Value: []byte("some value")}
	}
	for name, d := range map[string]*deadletter.DeadLetter{
		"everything": {
			Original: deadletter.Original{Key: []byte(mib), Value: []byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), Headers: []wire.Header{
				{Key: "event-id", Value: []byte("an id")}, {Key: "x-large", Value: []byte(mib)},
			}},
			Error: deadletter.Error{Type: "HandlerError", Message: mib, StackTrace: mib},
		},
		"its event id":       {Original: deadletter.Original{Headers: []wire.Header{{Key: "event-id", Value: []byte(mib)}}}},
		"a header's name":    {Original: deadletter.Original{Headers: []wire.Header{{Key: mib}}}},
		"many small headers": {Original: deadletter.Original{Headers: many}},
		"bytes":              {Original: deadletter.Original{Key: bytes.Repeat([]byte{0xff}, 1<<20), Value: bytes.Repeat([]byte{0xfe}, 1<<20)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.SourceTopic = "orders"
			before := size(d)
			steps := 0
			for ; d.Shrink(); steps++ {
				after := size(d)
				if after >= before {
					t.Errorf("step %d: from %d to %d bytes", steps, before, after)
				}
				before = after
				if read, err := parse(d.AppendJSON(nil), d.Headers()...); err != nil || read.LeftOut != d.LeftOut || read.Original.Partial != d.Original.Partial {
					t.Errorf("step %d: read %+v, %v", steps, read, err)
				}
			}
			if before > 8<<10 {
				t.Errorf("it has %d bytes still", before)
			}
			if left := wire.HeaderValue(d.Headers(), deadletter.HeaderLeftOut); left == "" || len(left) > 2<<10 {
				t.Errorf("its header says %q", left)
			}
			if name == "everything" {
				if steps != 5 || d.EventID() != "an id" || d.Original.Omitted != 1<<20+8 || !strings.HasSuffix(d.Error.Message, "…") {
					t.Errorf("after %d steps: %+v", steps, d)
				}
			}
		})
	}
}
