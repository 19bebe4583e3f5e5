package lint

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var commentMissing = Rule{
	ID:       "COMMENT_MISSING",
	Purpose:  "everything in a schema says what it means",
	Why:      "The comments are the documentation of the generated types and of the event catalog: who reads an event has nothing else.",
	Severity: Error,
	Message: func(c *Check, m *schema.Message) {
		if isEvent(m) {
			reportUndocumented(c, m.Doc, m.Package, "event", "say what has happened or is asked for, who publishes it and who consumes it")
			return
		}
		reportUndocumented(c, m.Doc, m.Package, "message", "say what it describes")
	},
	Field: func(c *Check, f *schema.Field) {
		reportUndocumented(c, f.Doc, f.Message.Package, "field", "say what it holds, in which unit, and what its absence means")
	},
	Enum: func(c *Check, e *schema.Enum) {
		reportUndocumented(c, e.Doc, e.Package, "enum", "say what it tells apart")
	},
	EnumValue: func(c *Check, e *schema.Enum, v *schema.EnumValue) {
		// A plain enum of JSON Schema has no place for comments on its values; a oneOf of consts has.
		if e.Language() == schema.JSONSchema && !slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Doc != "" }) {
			return
		}
		reportUndocumented(c, v.Doc, e.Package, "enum value", "say when it is used")
	},
}

func isEvent(m *schema.Message) bool {
	return slices.ContainsFunc(m.Package.Events, func(e *schema.Event) bool { return e.Message == m })
}

func reportUndocumented(c *Check, doc string, p *schema.Package, kind, fix string) {
	// Without a line the schema came from an image that has no comments for anything.
	if strings.TrimSpace(doc) != "" || c.pos.Line == 0 {
		return
	}
	place := "a comment above it"
	if p.Language == schema.JSONSchema {
		place = "a description"
	}
	c.Report(Problem{
		Message: kind + " " + c.name + " has no documentation",
		Fix:     "give it " + place + ": " + fix,
	})
}
