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
	Shown:     Written,
	Backward:  "consumers of %s with the new schema cannot read old events",
	Forward:   "consumers with the old schema cannot read new ones",
	Fix:       "keep %s, and add a field of the new type",
	Type: func(c *Check, old, new *schema.Type) {
		if cardinalityDiffers(old, new) {
			return
		}
		read := c.at.reading
		jsonBack, jsonFore, wireBack, wireFore := read.json[0], read.json[1], read.wire[0], read.wire[1]
		if jsonBack == readsAll && jsonFore == readsAll && wireBack == readsAll && wireFore == readsAll {
			return
		}
		p := Problem{
			Change:   fmt.Sprintf("%s changed from %s to %s", c.Name(), typeName(old), typeName(new)),
			Backward: "consumers of %s with the new schema " + outcomeText("old", jsonBack, wireBack),
			Forward:  "consumers with the old schema " + outcomeText("new", jsonFore, wireFore),
			At:       new.Pos,
			Unknown:  jsonBack == readsAll && jsonFore == readsAll && !(read.wireSure[0] && read.wireSure[1]),
		}
		for _, pair := range [][2]*schema.Type{{old, new}, {new, old}} {
			if v := inexact(pair[0], pair[1], map[[2]*schema.Type]bool{}); v != nil {
				p.Members = append(p.Members, v)
			}
		}
		if jsonBack != readsAll || wireBack != readsAll {
			p.Breaks |= Backward
		}
		if jsonFore != readsAll || wireFore != readsAll {
			p.Breaks |= Forward
		}
		if jsonBack != readsAll || jsonFore != readsAll {
			p.Encodings = append(p.Encodings, schema.EncodingJSON)
		}
		if wireBack != readsAll || wireFore != readsAll {
			p.Encodings = append(p.Encodings, schema.EncodingProtobuf)
		}
		if p.Breaks == Forward {
			p.Forward = "consumers of %s with the old schema " + outcomeText("new", jsonFore, wireFore)
		}
		c.Report(p)
	},
}

// outcomeText says what a reader does with events of an age: "reject old JSON events, misread old protobuf records".
func outcomeText(age string, json, wire readOutcome) string {
	switch {
	case json != readsAll && json == wire:
		return fmt.Sprintf("%s %s events that carry it", json, age)
	case json != readsAll && wire != readsAll:
		return fmt.Sprintf("%s %s JSON events and %s it in %s protobuf records", json, age, wire, age)
	case json != readsAll:
		return fmt.Sprintf("%s %s JSON events that carry it", json, age)
	}
	return fmt.Sprintf("%s it in %s protobuf records", wire, age)
}
