package deadletter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// small is what a part may have, in bytes, to be kept however little fits.
const small = 1 << 10

// Shrink leaves out of a letter that is too large for its topic what is next in order: the stack trace, headers of more than
// 1 KiB, the end of the error's message, the value (see Original.Omitted), and at last all other headers and a key of more
// than 1 KiB. What was left out its record's header [HeaderLeftOut] says. It says false when nothing is left to leave out:
// then the letter has a few KiB.
func (d *DeadLetter) Shrink() bool {
	for _, step := range []func(*DeadLetter) bool{
		(*DeadLetter).dropStack, (*DeadLetter).dropLargeHeaders, (*DeadLetter).cutMessage, (*DeadLetter).dropValue, (*DeadLetter).dropRest,
	} {
		if step(d) {
			return true
		}
	}
	return false
}

func (d *DeadLetter) leaveOut(what string, bytes int) {
	what = fmt.Sprintf("%s (%d bytes)", what, bytes)
	switch {
	case d.LeftOut == "":
		d.LeftOut = what
	case len(d.LeftOut)+len(what) < small:
		d.LeftOut += ", " + what
	}
}

// leftOutParts says whether headers or the key are among what was left out. Their entries come early enough to be there.
func leftOutParts(leftOut string) bool {
	for entry := range strings.SplitSeq(leftOut, ", ") {
		if strings.HasPrefix(entry, "header ") || strings.HasPrefix(entry, "key (") {
			return true
		}
	}
	return false
}

func (d *DeadLetter) dropStack() bool {
	if d.Error.StackTrace == "" {
		return false
	}
	d.leaveOut("stack trace", len(d.Error.StackTrace))
	d.Error.StackTrace = ""
	return true
}

func (d *DeadLetter) dropLargeHeaders() bool {
	return d.dropHeaders(func(h wire.Header) bool { return len(h.Key)+len(h.Value) > small })
}

func (d *DeadLetter) dropHeaders(large func(wire.Header) bool) bool {
	if !slices.ContainsFunc(d.Original.Headers, large) {
		return false
	}
	d.Original.Headers = slices.DeleteFunc(slices.Clone(d.Original.Headers), func(h wire.Header) bool {
		if !large(h) {
			return false
		}
		d.leaveOut("header "+firstBytes(h.Key, 64), len(h.Key)+len(h.Value))
		d.Original.Partial = true
		return true
	})
	return true
}

func (d *DeadLetter) cutMessage() bool {
	if len(d.Error.Message) <= small {
		return false
	}
	d.leaveOut("error message", len(d.Error.Message))
	d.Error.Message = firstBytes(d.Error.Message, small-len(cutMark)) + cutMark
	return true
}

const cutMark = "…"

// firstBytes is the beginning of a text, of at most n bytes.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// RefuseOversized says that the original was not read because of its size, or a batch of which the original is the
// last record.
func (d *DeadLetter) RefuseOversized(o *event.OversizedError) {
	d.Original.Omitted, d.Original.Value = o.Bytes, nil
	if !o.Batch {
		d.leaveOut("record", o.Bytes)
		d.dropLargeHeaders()
		if len(d.Original.Key) > small {
			d.leaveOut("key", len(d.Original.Key))
			d.Original.Key, d.Original.Partial = nil, true
		}
		return
	}
	d.Original.Batch = &Batch{FirstOffset: o.FirstOffset, SHA256: o.SHA256}
	d.leaveOut(fmt.Sprintf("batch of records %d to %d", o.FirstOffset, o.LastOffset), o.Bytes)
}

func (d *DeadLetter) dropValue() bool {
	if d.Original.Value == nil {
		return false
	}
	d.leaveOut("value", len(d.Original.Value))
	d.Original.Omitted, d.Original.Value = len(d.Original.Value), nil
	return true
}

func (d *DeadLetter) dropRest() bool {
	dropped := d.dropHeaders(func(h wire.Header) bool {
		switch h.Key {
		case HeaderEventID, HeaderTraceparent, HeaderAttempt, wire.HeaderReplaySource, wire.HeaderReplayOrigin:
			return false
		}
		return true
	})
	if len(d.Original.Key) > small {
		d.leaveOut("key", len(d.Original.Key))
		d.Original.Key, d.Original.Partial = nil, true
		dropped = true
	}
	return dropped
}
