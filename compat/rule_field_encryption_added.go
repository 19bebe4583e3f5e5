package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldEncryptionAdded = Rule{
	ID:        "FIELD_ENCRYPTION_ADDED",
	Purpose:   "what readers read in the clear is not encrypted without them",
	Breaks:    Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Forward:   "consumers of %s with the old schema find a ciphertext in its place, or nothing",
	Fix:       "deploy every consumer with the new schema and with keys before the first producer, or leave %s as it is and encrypt a field of its own",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil && new != nil && old.EncryptionKey == "" && new.EncryptionKey != "" {
			c.Report(Problem{
				Change: fmt.Sprintf("%s is encrypted with keys of class %s, and was not", fieldText(new), new.EncryptionKey), Encrypted: true,
				Deploy: "if it must be, deploy every consumer, with keys, before the first producer",
			})
		}
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old != nil && new != nil && old.key == "" && new.key != "" {
			c.Report(Problem{
				Change: fmt.Sprintf("%s is encrypted with keys of class %s, and was not", new.name, new.key), Name: new.name, Encodings: jsonOnly, Encrypted: true,
				Deploy: "if it must be, deploy every consumer, with keys, before the first producer",
			})
		}
	},
}
