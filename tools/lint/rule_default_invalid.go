package lint

import (
	"errors"
	"strings"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/schema"
)

var defaultInvalid = Rule{
	ID:       "DEFAULT_INVALID",
	Purpose:  "a default keeps the rules of its own field",
	Why:      "An event that leaves the field out is filled in with the default, and is then refused by the field's own rules.",
	Severity: Error,
	Fix:      "give %s a default that its rules allow, or change the rules",
	Field: func(c *Check, f *schema.Field) {
		if f.Default == "" || f.Default == "now" {
			return
		}
		invalid, ok := errors.AsType[*trestle.ValidationError](c.run.schemas.CheckField(f, []byte(f.Default)))
		switch {
		case !ok: // it is valid, or the schema is one that no reader can use
		case f.Sensitive:
			c.Reportf("the default of %s breaks a rule of its own field; the field is sensitive, so that neither is shown", f.Name)
		default:
			c.Reportf("default %s of %s %s", f.Default, f.Name, breaks(f, invalid.Violations[0]))
		}
	},
}

// breaks tells of a violation, with its place in the value where it is not the value as a whole.
func breaks(f *schema.Field, v trestle.Violation) string {
	at := strings.TrimPrefix(v.Path, f.Name)
	if at == v.Path {
		at = strings.TrimPrefix(v.Path, f.JSONName)
	}
	if at = strings.TrimPrefix(at, "."); at != "" {
		at = " at " + at
	}
	return "breaks " + v.Rule + at + ": " + v.Message
}
