package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldTypeChanged = Rule{
	ID:        "FIELD_TYPE_CHANGED",
	Purpose:   "a field keeps its type",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema cannot read old events",
	Forward:   "consumers with the old schema cannot read new ones",
	Fix:       "keep %s, and add a field of the new type",
	Type: func(c *Check, old, new *schema.Type) {
		if cardinalityDiffers(old, new) {
			return
		}
		read := readsJSON
		if c.at.key {
			read = readsKey
		}
		jsonBack, jsonFore := read(old, new), read(new, old)
		wireBack, sureBack := c.readsWire(old, new)
		wireFore, sureFore := c.readsWire(new, old)
		if jsonBack == fine && jsonFore == fine && wireBack == fine && wireFore == fine {
			return
		}
		p := Problem{
			Change:   fmt.Sprintf("%s changed from %s to %s", c.Name(), typeName(old), typeName(new)),
			Backward: "consumers of %s with the new schema " + troubleText("old", jsonBack, wireBack),
			Forward:  "consumers with the old schema " + troubleText("new", jsonFore, wireFore),
			At:       new.Pos,
			Unknown:  jsonBack == fine && jsonFore == fine && !(sureBack && sureFore),
		}
		for _, pair := range [][2]*schema.Type{{old, new}, {new, old}} {
			if v := inexact(pair[0], pair[1], map[[2]*schema.Type]bool{}); v != nil {
				p.Members = append(p.Members, v)
			}
		}
		if jsonBack != fine || wireBack != fine {
			p.Breaks |= Backward
		}
		if jsonFore != fine || wireFore != fine {
			p.Breaks |= Forward
		}
		if jsonBack != fine || jsonFore != fine {
			p.Encodings = append(p.Encodings, schema.EncodingJSON)
		}
		if wireBack != fine || wireFore != fine {
			p.Encodings = append(p.Encodings, schema.EncodingProtobuf)
		}
		if p.Breaks == Forward {
			p.Forward = "consumers of %s with the old schema " + troubleText("new", jsonFore, wireFore)
		}
		c.Report(p)
	},
}

// troubleText says what a reader does with events of an age: "reject old JSON events, misread old protobuf records".
func troubleText(age string, json, wire trouble) string {
	switch {
	case json != fine && json == wire:
		return fmt.Sprintf("%s %s events that carry it", json, age)
	case json != fine && wire != fine:
		return fmt.Sprintf("%s %s JSON events and %s it in %s protobuf records", json, age, wire, age)
	case json != fine:
		return fmt.Sprintf("%s %s JSON events that carry it", json, age)
	}
	return fmt.Sprintf("%s it in %s protobuf records", wire, age)
}
