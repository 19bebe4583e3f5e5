package lint

import (
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// alwaysThere says whether every valid event has a value at a path of its key.
func alwaysThere(schemas *event.Schemas, k *schema.KeyPath) bool {
	if k.EnvelopeHas {
		return true
	}
	if k.Fields == nil {
		return false
	}
	for _, f := range k.Fields[:len(k.Fields)-1] {
		if !f.Required || f.Nullable {
			return false
		}
	}
	return neverEmpty(schemas, k.Fields[len(k.Fields)-1])
}

// neverEmpty says whether a string field of a valid event has a value that is not absent. A required field of JSON
// Schema may be "": that it is not is for the schema's constraints.
func neverEmpty(schemas *event.Schemas, f *schema.Field) bool {
	if f.Required && !f.Nullable {
		return true
	}
	if f.Default != "" && f.Default != `""` {
		return true
	}
	// A field of protobuf without presence is checked when it is empty too.
	return !f.Explicit && !f.Type.Constraints.SkipZero && schemas.CheckField(f, []byte(`""`)) != nil
}
