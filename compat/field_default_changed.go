package compat

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/omninode/trestle/compat/shape"
	"github.com/omninode/trestle/tools/schema"
)

var fieldDefaultChanged = Rule{
	ID:        "FIELD_DEFAULT_CHANGED",
	Purpose:   "an absent field keeps its meaning",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema misread old events that lack the field",
	Forward:   "consumers with the old schema misread new ones that lack it",
	Fix:       "keep the default of %s, and set the other value where events are made",
	Field: func(c *Check, old, new *schema.Field) {
		// A field that gains a default had none to mean anything; the minor step of schema_version is what a
		// compatible change asks for.
		if old == nil || new == nil || old.Default == "" || sameDefault(old.Default, new.Default) ||
			new.Name == schema.VersionField && minorStep(old.Default, new.Default) {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("default of %s changed from %s to %s", fieldText(new), old.Default, orNone(new.Default)),
		})
	},
}

func sameDefault(a, b string) bool {
	if a == b || a != "" && b != "" && shape.SameValue(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil &&
		fmt.Sprint(x) == fmt.Sprint(y) && fmt.Sprintf("%T", x) == fmt.Sprintf("%T", y)
}

// minorStep says whether a version, as JSON text, grew within its major part: "1.0" to "1.1".
func minorStep(old, new string) bool {
	oldMajor, oldMinor, ok1 := versionOf(old)
	newMajor, newMinor, ok2 := versionOf(new)
	return ok1 && ok2 && oldMajor == newMajor && newMinor > oldMinor
}

func versionOf(text string) (major, minor int, ok bool) {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return 0, 0, false
	}
	return cutSchemaVersion(s)
}

// cutSchemaVersion splits "1.0" into its parts.
func cutSchemaVersion(s string) (major, minor int, ok bool) {
	a, b, found := strings.Cut(s, ".")
	major, err1 := strconv.Atoi(a)
	minor, err2 := strconv.Atoi(b)
	return major, minor, found && err1 == nil && err2 == nil
}
