package witness

import (
	"errors"
	"slices"
	"strings"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/schema"
)

// rejection says why a side does not take an event.
type rejection struct{ causes []trestle.Violation }

func (r *rejection) Error() string { return r.causes[0].String() }

// asRejection is an error of a reader, as a rejection where it names what is wrong with the event.
func asRejection(err error) error {
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		return &rejection{invalid.Violations}
	}
	return err
}

// blame returns the cause of a rejection that is about the element; ok is false when every cause is about another one,
// which has a finding of its own.
func (d direction) blame(err error) (detail string, ok bool) {
	r, ok := errors.AsType[*rejection](err)
	if !ok {
		return err.Error(), len(d.rules) == 0
	}
	if d.message || len(d.steps) == 0 {
		i := slices.IndexFunc(r.causes, d.concerns)
		if i < 0 {
			return "", false
		}
		return r.causes[i].String(), true
	}
	last := d.steps[len(d.steps)-1]
	for _, cause := range r.causes {
		text := cause.Path + ": " + cause.Message
		for _, f := range []*schema.Field{last.writer, last.reader} {
			if f != nil && d.concerns(cause) && (mentions(text, f.JSONName, d.inner) || mentions(text, f.Name, d.inner) ||
				f.Oneof != nil && mentions(text, f.Oneof.Name, false)) {
				return cause.String(), true
			}
		}
	}
	return "", false
}

// concerns says whether a cause names one of the rules that the trail is about.
func (d direction) concerns(cause trestle.Violation) bool {
	return len(d.rules) == 0 || slices.ContainsFunc(d.rules, func(r string) bool { return strings.Contains(cause.Rule, r) })
}

// mentions says whether a cause names a field, or with inner what is in the list or map that it holds.
func mentions(cause, field string, inner bool) bool {
	for rest := cause; ; {
		i := strings.Index(rest, field)
		if i < 0 || field == "" {
			return false
		}
		before, after := rest[:i], rest[i+len(field):]
		if !endsInName(before) && !beginsWithName(after) && inner == goesOn(after) {
			return true
		}
		rest = after
	}
}

// goesOn says whether a path goes on: `[0]`, `["a"]`, `.0`.
func goesOn(s string) bool { return strings.HasPrefix(s, "[") || strings.HasPrefix(s, ".") }

func endsInName(s string) bool { return s != "" && nameByte(s[len(s)-1]) }

func beginsWithName(s string) bool { return s != "" && nameByte(s[0]) }

func nameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
