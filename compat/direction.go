package compat

import (
	"fmt"
	"strings"
)

// Direction says who breaks; a set of bits.
type Direction uint8

// The directions.
const (
	// Backward: a new reader reads old data.
	Backward Direction = 1 << iota
	// Forward: an old reader reads new data.
	Forward
)

// Names returns "backward" and "forward", those that are in d, in this order; never nil.
func (d Direction) Names() []string {
	out := []string{}
	if d&Backward != 0 {
		out = append(out, "backward")
	}
	if d&Forward != 0 {
		out = append(out, "forward")
	}
	return out
}

// each returns the directions that are in d, backward first.
func (d Direction) each() []Direction {
	var out []Direction
	for _, one := range []Direction{Backward, Forward} {
		if d&one != 0 {
			out = append(out, one)
		}
	}
	return out
}

// writer is whose events break one direction, and reader who does not take them: "old" or "new".
func (d Direction) writer() string {
	if d == Forward {
		return "new"
	}
	return "old"
}

func (d Direction) reader() string { return (d ^ (Backward | Forward)).writer() }

// String joins the names with a plus sign.
func (d Direction) String() string { return strings.Join(d.Names(), "+") }

// MarshalJSON writes the names as a list.
func (d Direction) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('[')
	for i, n := range d.Names() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q", n)
	}
	b.WriteByte(']')
	return []byte(b.String()), nil
}
