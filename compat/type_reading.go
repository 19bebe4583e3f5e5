package compat

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// readOutcome is what a reader makes of a writer's values in one encoding, by the types of both: empty where it reads
// them all. Constraints count only where they bound what the writer writes; those of the reader are judged by the rules
// about constraints.
type readOutcome string

// The outcomes, as predicates of the reader.
const (
	readsAll readOutcome = ""
	rejects  readOutcome = "reject"
	misreads readOutcome = "misread"
	drops    readOutcome = "drop"
)

func readsAllIf(ok bool, otherwise readOutcome) readOutcome {
	if ok {
		return readsAll
	}
	return otherwise
}

// typeReading says what readers by either of two types make of what is written by the other: first new readers of old
// values, then old readers of new ones.
type typeReading struct {
	json, wire [2]readOutcome
	// wireSure is false where the algebra could not tell what constraints do to what is written in binary.
	wireSure [2]bool
}

// compareTypes works out how two types read each other's values and which of their constraints changed.
func (c *comparison) compareTypes(at *element, old, new *schema.Type) {
	if isOpaque(old) || isOpaque(new) {
		return // of which the rules know nothing
	}
	read := readsJSON
	if at.isKey {
		read = readsKey
	}
	at.reading.json = [2]readOutcome{read(old, new), read(new, old)}
	at.constraints = constraintChanges(c.prover(), old, new, at.reading.json)
	if cardinalityDiffers(old, new) {
		return // another rule judges that
	}
	for i, pair := range [][2]*schema.Type{{old, new}, {new, old}} {
		at.reading.wire[i], at.reading.wireSure[i] = c.algebra.readsWire(pair[0], pair[1])
	}
}

// readsJSON says what a reader makes of the writer's JSON. Types of elements are not looked at.
func readsJSON(w, r *schema.Type) readOutcome {
	switch r.Kind {
	case schema.JSONValue:
		return readsAll
	case schema.JSONObject:
		return readsAllIf(w.Kind == schema.JSONObject || w.Kind == schema.MessageKind || w.Kind == schema.Map, rejects)
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		if values.IsFloat(w.Kind) && !integral(w) || !values.IsNumber(w.Kind) {
			return rejects
		}
		return readsAllIf(values.Range(w).Within(values.KindRange(r.Kind)), rejects)
	case schema.Double:
		if values.IsInteger(w.Kind) {
			return readsAllIf(values.Range(w).Within(values.Exact53), misreads)
		}
		return readsAllIf(values.IsFloat(w.Kind), rejects)
	case schema.Float:
		if values.IsInteger(w.Kind) {
			return readsAllIf(values.Range(w).Within(values.Exact24), misreads)
		}
		if w.Kind == schema.Double {
			return misreads
		}
		return readsAllIf(w.Kind == schema.Float, rejects)
	case schema.String:
		if w.Kind == schema.Bytes {
			return readsAllIf(!w.HasBinary(), misreads) // in JSON Schemas, bytes are their text
		}
	case schema.MessageKind:
		if w.Kind == schema.MessageKind {
			return readsAllIf(sameForm(w.Message, r.Message), rejects)
		}
	}
	// What objects demand of each other's members is asked of the algebra, which knows JSON Schemas as a whole.
	if w.Proto == 0 && r.Proto == 0 && isObject(w.Kind) && isObject(r.Kind) {
		return readsAllIf(inexact(w, r, map[[2]*schema.Type]bool{}) == nil, misreads)
	}
	// What names, times and other strings demand of each other is judged as a constraint.
	if isText(w.Kind) && isText(r.Kind) {
		return readsAll
	}
	return readsAllIf(w.Kind == r.Kind, rejects)
}

// inexact returns a value of an object, of fields on one side and of entries on the other, that holds a number which
// the reader's type cannot hold; nil where there is none. As sets of JSON values the two types may be the same.
func inexact(w, r *schema.Type, seen map[[2]*schema.Type]bool) any {
	pair := [2]*schema.Type{w, r}
	if w == nil || r == nil || seen[pair] {
		return nil
	}
	seen[pair] = true
	member := func(name string, w, r *schema.Type) any {
		if v := inexact(w, r, seen); v != nil {
			return map[string]any{name: v}
		}
		return nil
	}
	switch {
	case w.Kind == schema.Map && r.Kind == schema.Map:
		return member("a", w.Elem, r.Elem)
	case w.Kind == schema.Map && r.Kind == schema.MessageKind:
		for _, f := range r.Message.Fields {
			if v := member(f.JSONName, w.Elem, f.Type); v != nil {
				return v
			}
		}
	case w.Kind == schema.MessageKind && (r.Kind == schema.Map || r.Kind == schema.MessageKind):
		for _, f := range w.Message.Fields {
			to := r.Elem
			if r.Kind == schema.MessageKind {
				field := r.Message.Field(f.JSONName)
				if field == nil {
					continue
				}
				to = field.Type
			}
			if v := member(f.JSONName, f.Type, to); v != nil {
				return v
			}
		}
	case w.Kind == schema.List && r.Kind == schema.List:
		if v := inexact(w.Elem, r.Elem, seen); v != nil {
			return []any{v}
		}
	case values.IsNumber(w.Kind) && values.IsNumber(r.Kind) && readsJSON(w, r) == misreads:
		if values.IsFloat(w.Kind) {
			return json.Number("0.1")
		}
		return json.Number("9007199254740993") // 2^53 + 1
	}
	return nil
}

// sameForm says whether fields tell what two messages are in JSON, or both are the same one of protobuf's own.
func sameForm(a, b *schema.Message) bool {
	return !values.OwnForm(a) && !values.OwnForm(b) || a.FullName == b.FullName
}

// readsKey says what a reader makes of the names that a writer's map has in JSON, where every key is a text.
func readsKey(w, r *schema.Type) readOutcome {
	switch {
	case r.Kind == schema.String:
		return readsAll
	case values.IsNumber(w.Kind) && values.IsNumber(r.Kind):
		return readsAllIf(values.Range(w).Within(values.KindRange(r.Kind)), rejects)
	}
	return readsAllIf(w.Kind == r.Kind, rejects)
}

// integral says whether constraints make a type of numbers one of integers.
func integral(t *schema.Type) bool {
	if m, ok := new(big.Rat).SetString(t.Constraints.MultipleOf); ok && m.IsInt() && m.Sign() > 0 {
		return true
	}
	values := values.Allowed(t)
	for _, v := range values {
		if r, ok := new(big.Rat).SetString(v); !ok || !r.IsInt() {
			return false
		}
	}
	return len(values) > 0
}

// readsWire says what a reader makes of the writer's protobuf field. It is readsAll where a side is not protobuf.
func readsWire(w, r *schema.Type) readOutcome {
	if w.Proto == 0 || r.Proto == 0 || w.Kind == schema.List && r.Kind == schema.List {
		return readsAll // elements are judged on their own
	}
	wf, rf := wireForm(w.Proto), wireForm(r.Proto)
	if wf.wire != rf.wire {
		return drops
	}
	if wf.family != rf.family {
		if wf.family == familyText && rf.family == familyMessage {
			return rejects
		}
		return misreads
	}
	switch wf.family {
	case familyText:
		return readsAllIf(r.Proto != protoreflect.StringKind || r.RawText || w.Proto == protoreflect.StringKind, rejects)
	case familyMessage:
		return readsAllIf(w.Kind == r.Kind && (w.Kind != schema.MessageKind || sameForm(w.Message, r.Message)), misreads)
	case familyVarint, familyZigzag, familyFixed:
		return readsAllIf(values.Range(w).Within(values.KindRange(r.Kind)), misreads)
	}
	return readsAll
}

// readsWire is what types alone tell of protobuf fields, and where they are written alike, what constraints do; sure is
// false where these might.
func (a *algebra) readsWire(w, r *schema.Type) (out readOutcome, sure bool) {
	out = readsWire(w, r)
	if out != readsAll || w.Kind == r.Kind || w.Proto == 0 || r.Proto == 0 {
		return out, true
	}
	accepts, sure := a.wireAccepts(w, r)
	return readsAllIf(accepts, rejects), sure
}

// A family is a set of types that write alike: what one writes another reads, as far as it can hold it.
type family uint8

const (
	familyVarint family = iota
	familyZigzag
	familyFixed
	familyFloat
	familyText
	familyMessage
	familyGroup
)

type form struct {
	wire   uint8 // protobuf's wire type
	family family
}

func wireForm(k protoreflect.Kind) form {
	switch k {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return form{0, familyZigzag}
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return form{5, familyFixed}
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return form{1, familyFixed}
	case protoreflect.FloatKind:
		return form{5, familyFloat}
	case protoreflect.DoubleKind:
		return form{1, familyFloat}
	case protoreflect.StringKind, protoreflect.BytesKind:
		return form{2, familyText}
	case protoreflect.MessageKind:
		return form{2, familyMessage}
	case protoreflect.GroupKind:
		return form{3, familyGroup}
	}
	return form{0, familyVarint}
}

// typeName renders a type for a finding: "int64", "list of string", "enum codegen.v1.NodeType".
func typeName(t *schema.Type) string {
	switch t.Kind {
	case schema.List:
		return "list of " + typeName(t.Elem)
	case schema.Map:
		return "map to " + typeName(t.Elem)
	case schema.MessageKind:
		return "message " + t.Message.FullName
	case schema.EnumKind:
		return "enum " + t.Enum.FullName
	case schema.JSONObject:
		if t.Union != nil {
			var names []string
			for _, v := range t.Union.Variants {
				names = append(names, v.Message.FullName)
			}
			return "one of " + strings.Join(names, ", ")
		}
		return "free-form object"
	case schema.JSONValue:
		return "any value"
	}
	if t.HasBinary() && values.IsNumber(t.Kind) {
		return t.Proto.String() // tells sint32 from int32
	}
	if !t.HasBinary() {
		switch t.Kind {
		case schema.Int64:
			return "integer"
		case schema.Double:
			return "number"
		}
	}
	return string(t.Kind)
}
