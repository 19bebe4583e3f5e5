package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"golang.org/x/term"
)

// pipedWidth is how wide a waterfall is where it goes to no terminal.
const pipedWidth = 100

// widthOf is how many columns the terminal has that out is.
func widthOf(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return pipedWidth
}

// writeWaterfall draws a conversation in plain ASCII: a line an event, indented below what led to it, with a bar of when it was and how long it went on.
// = is a request until its response, - one that has none, x a dead letter, * any other event.
func writeWaterfall(out io.Writer, c *ops.Chain, width int) error {
	label := 0
	for _, l := range c.Links {
		label = max(label, 2*l.Depth+utf8.RuneCountInString(plain(cmp.Or(l.EventType, "(unreadable)"))))
	}
	label = min(label, max(20, width/2))
	bar := max(10, width-label-len("  0000000 ms  ||"))
	_, err := fmt.Fprintf(out, "%s, %d events in %v\n", c.Begun.Format("2006-01-02 15:04:05.000"), len(c.Links), c.Lasted.Truncate(time.Millisecond))
	for _, l := range c.Links {
		indent := strings.Repeat("  ", l.Depth)
		fmt.Fprintf(out, "%*s  %s  |%s|\n", 10, fmt.Sprintf("%d ms", l.After.Milliseconds()), padded(indent+plain(cmp.Or(l.EventType, "(unreadable)")), label), drawBar(l, c.Lasted, bar))
		for _, says := range []string{summary(l.Traced), l.Note} {
			if says != "" {
				_, err = fmt.Fprintf(out, "%12s%s  %s\n", "", indent, plain(says))
			}
		}
	}
	return err
}

// padded is text of a width, cut where it is longer.
func padded(text string, width int) string {
	runes := []rune(text)
	if len(runes) > width {
		return string(runes[:width-1]) + "~"
	}
	return text + strings.Repeat(" ", width-len(runes))
}

func drawBar(l ops.ChainLink, lasted time.Duration, width int) string {
	at := func(d time.Duration) int {
		if lasted <= 0 {
			return 0
		}
		return int(float64(width-1) * min(1, float64(d)/float64(lasted)))
	}
	line := []byte(strings.Repeat(" ", width))
	first, last := at(l.After), at(l.After+l.For)
	mark := byte('*')
	switch {
	case l.EventType == ops.DeadLetterType:
		mark = 'x'
	case l.For > 0 && l.Gap:
		mark = '-'
	case l.For > 0:
		mark = '='
	}
	for i := first; i <= last; i++ {
		line[i] = mark
	}
	return string(line)
}
