package compat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// compared says what of both sides was compared with one another.
type compared struct {
	// schemas counts what no event carries: messages that stand on their own, and JSON Schemas that are compared as sets of
	// values.
	schemas int
	// paired says that something of one side was found on the other, and allNew that the old one holds nothing.
	paired, allNew bool
	// old and new say what each side holds.
	old, new string
}

// countCompared notes what is compared, by the pairs that were found.
func (c *comparison) countCompared(p rootPairs, whole *wholeSchemas) {
	of := compared{old: holdings(c.old, c.oldUse), new: holdings(c.new, c.newUse)}
	of.allNew = of.old == "" && of.new != ""
	for _, e := range p.events {
		of.paired = of.paired || e[0] != nil && e[1] != nil
	}
	for _, f := range whole.compared {
		of.paired = of.paired || f[0] != nil && f[1] != nil && f[0].Language() == f[1].Language()
	}
	for _, m := range p.messages {
		if m[0] == nil || m[1] == nil {
			continue
		}
		of.paired = true
		if !whole.hold(m[0], m[1]) && c.oldUse.standsAlone(m[0]) && c.newUse.standsAlone(m[1]) {
			of.schemas++
		}
	}
	for _, s := range whole.pairs {
		if s[0] != nil && s[1] != nil && len(c.eventsOf(schemaElement(s[0], s[1]))) == 0 {
			of.schemas++
		}
	}
	c.compared = of
}

// holdings says what a set holds that can be compared: its events, or else its messages, or else its files; empty where it
// holds nothing.
func holdings(s *schema.Set, use *usage) string {
	var events, messages, files []string
	for _, e := range s.Events() {
		events = append(events, e.Type)
	}
	for _, m := range allMessages(s) {
		if use.standsAlone(m) {
			messages = append(messages, m.FullName)
		}
	}
	for _, f := range s.Files() {
		if f.Language() == schema.JSONSchema || f.Proto.Messages().Len()+f.Proto.Enums().Len() > 0 {
			files = append(files, f.Path)
		}
	}
	switch {
	case len(events) > 0:
		return firstOf(events, "event")
	case len(messages) > 0:
		return firstOf(messages, "message")
	case len(files) > 0:
		return firstOf(files, "schema file")
	}
	return ""
}

// firstOf counts things and names the first few.
func firstOf(names []string, noun string) string {
	const most = 3
	text := fmt.Sprintf("%d %s", len(names), noun)
	if len(names) > 1 {
		text += "s"
	}
	if len(names) > most {
		return text + " (" + strings.Join(names[:most], ", ") + ", …)"
	}
	return text + " (" + strings.Join(names, ", ") + ")"
}

// ErrNothingCompared says that both sides of a comparison hold schemas, and nothing of one is on the other.
var ErrNothingCompared = errors.New("nothing to compare")

// nothingCompared is the error of a comparison that found nothing of one side on the other; nil where it found something, or
// a side holds nothing.
func (c compared) nothingCompared() error {
	if c.paired || c.old == "" || c.new == "" {
		return nil
	}
	return fmt.Errorf("%w: the old side holds %s, the new one %s, and none of them is on both: are they versions of the same schemas?",
		ErrNothingCompared, c.old, c.new)
}
