package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var enumZero = Rule{
	ID:       "ENUM_ZERO",
	Purpose:  "the zero value of a protobuf enum means \"not set\", every other value has its own JSON name",
	Why:      "A field that was never set holds the zero value: with a JSON name it would be written as if somebody had chosen it. A value without a JSON name cannot be written at all.",
	Severity: Error,
	EnumValue: func(c *Check, e *schema.Enum, v *schema.EnumValue) {
		if !e.HasNumbers() {
			return
		}
		switch {
		case v.Number == 0 && v.JSONName != "":
			c.Report(Problem{
				Message: fmt.Sprintf("%s is the zero value and is written as %q: a field that nobody has set cannot be told from one that is", v.Name, v.JSONName),
				Fix:     "begin the enum with a value named …_UNSPECIFIED that has no json_name, and move this one to a number of its own",
			})
		case v.Number != 0 && v.JSONName == "":
			c.Report(Problem{
				Message: v.Name + " has no JSON name: an event that holds it cannot be written as JSON",
				Fix:     "set json_name in its enum_value option",
			})
		case v.Number != 0 && v.JSONName == v.Name:
			c.Report(Problem{
				Severity: Warning,
				Message:  fmt.Sprintf("%s names no JSON name and is written as %q", v.Name, v.Name),
				Fix:      "set json_name in its enum_value option: the short name in lower case, as readers of the JSON expect it",
			})
		default:
			reportSharedName(c, e, v)
		}
	},
}

// reportSharedName finds aliases, two names of one number: those that JSON has one name for cannot be told apart. The
// loader refuses a JSON name for two numbers.
func reportSharedName(c *Check, e *schema.Enum, v *schema.EnumValue) {
	for _, other := range e.Values {
		if other == v {
			return
		}
		if v.JSONName != "" && other.JSONName == v.JSONName {
			c.Report(Problem{
				Message: fmt.Sprintf("%s has the JSON name %q of %s", v.Name, v.JSONName, other.Name),
				Fix:     "remove the alias, or give it a JSON name of its own",
			})
			return
		}
	}
}
