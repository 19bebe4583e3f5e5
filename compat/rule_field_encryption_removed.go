package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldEncryptionRemoved = Rule{
	ID:        "FIELD_ENCRYPTION_REMOVED",
	Purpose:   "what is encrypted stays so",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema find a ciphertext in its place in old events, or nothing, and new events have it in the clear",
	Fix:       "keep %s encrypted; else deploy its consumers last, once no record is left in which it is encrypted",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil && new != nil && old.EncryptionKey != "" && new.EncryptionKey == "" {
			c.Report(Problem{Change: fmt.Sprintf("%s is no longer encrypted (it was with keys of class %s)", fieldText(new), old.EncryptionKey), Encrypted: true})
		}
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old != nil && new != nil && old.key != "" && new.key == "" {
			c.Report(Problem{
				Change: fmt.Sprintf("%s is no longer encrypted (it was with keys of class %s)", new.name, old.key), Name: new.name, Encodings: jsonOnly, Encrypted: true,
			})
		}
	},
}
