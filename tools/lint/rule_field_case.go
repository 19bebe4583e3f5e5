package lint

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/omninode/trestle/tools/schema"
)

var fieldCase = Rule{
	ID:       "FIELD_CASE",
	Purpose:  "fields are named in lower_snake_case in JSON",
	Why:      "Envelopes are written so, and readers in several languages derive their names from it; a mixture has to be looked up field by field.",
	Severity: Warning,
	Field: func(c *Check, f *schema.Field) {
		if snakeCase.MatchString(f.JSONName) {
			return
		}
		c.Report(Problem{
			Message: fmt.Sprintf("%s is named %q in JSON, which is not lower_snake_case", f.Name, f.JSONName),
			Fix:     fmt.Sprintf("name it %q, before anybody has written such an event", toSnake(f.JSONName)),
		})
	},
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// toSnake turns a name of any style into snake case: "userID2" becomes "user_id2".
func toSnake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r):
			beginsWord := i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
			if beginsWord {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	parts := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	return strings.Join(parts, "_")
}
