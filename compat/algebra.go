package compat

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// algebra asks package tools/values about both sides of a comparison. It keeps what was parsed and proved, and is what
// the finder of witnesses asks, too.
type algebra struct {
	old, new *schema.Set
	proof    *values.Prover
	sources  map[*schema.Set]*values.Documents
}

// Prover returns the prover that all questions of the comparison share.
func (a *algebra) Prover() *values.Prover {
	if a.proof == nil {
		a.proof = values.NewProver()
	}
	return a.proof
}

// Written returns the shape of the events that writers of a message write, and Read of those that its readers take.
func (a *algebra) Written(m *schema.Message, e schema.Encoding) (*values.Shape, error) {
	return a.message(a.setOf(m), m, values.Writer, e)
}

func (a *algebra) Read(m *schema.Message, e schema.Encoding) (*values.Shape, error) {
	return a.message(a.setOf(m), m, values.Reader, e)
}

// message returns the shape of a message's events.
func (a *algebra) message(set *schema.Set, m *schema.Message, role values.Role, e schema.Encoding) (*values.Shape, error) {
	if m.Language() == schema.Protobuf {
		return a.Prover().FromMessage(m, role, e), nil
	}
	if role == values.Writer {
		role = values.TypedWriter
	}
	return a.source(set, m.File, m.Pointer, role)
}

// source returns the shape of the JSON Schema at a pointer of a file, "" for the file as a whole, by its source.
func (a *algebra) source(set *schema.Set, f *schema.File, pointer string, role values.Role) (*values.Shape, error) {
	if typed := !f.JudgedBySource && rootMessage(f) != nil && pointer == ""; role == values.Writer && typed {
		role = values.TypedWriter
	}
	return a.part(set, f.Path, pointer, nil, role)
}

// part is source for some keywords of a schema; all of them where none are named.
func (a *algebra) part(set *schema.Set, path, pointer string, keywords []string, role values.Role) (*values.Shape, error) {
	all, err := a.parsed(set)
	if err != nil {
		return nil, err
	}
	return a.Prover().FromKeywords(all, nameOf(set), path, pointer, keywords, role)
}

// nameOf tells the documents of a set from others.
func nameOf(set *schema.Set) string { return fmt.Sprintf("%p", set) }

// describing is every value at a place that a schema is for which declares a property there.
func (a *algebra) describing(set *schema.Set, in []values.Spot, property string) (*values.Shape, error) {
	all, err := a.parsed(set)
	if err != nil {
		return nil, err
	}
	return a.Prover().Describing(all, nameOf(set), in, property)
}

// unread is the shape of a schema that is not looked into: the same where the schema, and all those that it can refer to,
// say the same.
func (a *algebra) unread(set *schema.Set, path, pointer string, why error) *values.Shape {
	id := sha256.New()
	for _, other := range jsonFiles(set) {
		fmt.Fprintf(id, "%s\n%d\n%s", other.Path, len(other.Source), other.Source)
	}
	return a.Prover().Opaque(values.AnyKind, fmt.Sprintf("%v (of %s#%s, %x)", why, path, pointer, id.Sum(nil)[:8]), nil)
}

// parsed returns the JSON Schemas of a set, which may refer to one another.
func (a *algebra) parsed(set *schema.Set) (*values.Documents, error) {
	if all := a.sources[set]; all != nil {
		return all, nil
	}
	all, err := values.DocumentsOf(set)
	if err != nil {
		return nil, err
	}
	if a.sources == nil {
		a.sources = map[*schema.Set]*values.Documents{}
	}
	a.sources[set] = all
	return all, nil
}

// accepts says whether readers of a message take what writers of another write, or what these write in place of one of
// the reader's protobuf fields.
func (a *algebra) accepts(writer, reader *schema.Message, field *schema.Field, e schema.Encoding) values.Inclusion {
	written, err := a.Written(writer, e)
	if err != nil {
		return values.Unknown
	}
	read, err := a.Read(reader, e)
	if err != nil {
		return values.Unknown
	}
	if field != nil && field.Message == reader {
		read = a.Prover().FieldAccepted(field, e)
	}
	return a.Prover().Includes(written, read).Inclusion
}

// setOf returns the side that a message is of.
func (a *algebra) setOf(m *schema.Message) *schema.Set {
	if slices.Contains(a.new.Packages, m.Package) {
		return a.new
	}
	return a.old
}

// wireAccepts says whether a reader's protobuf field takes what a writer's of another kind writes in binary, as far as
// their constraints go: sure is false where the algebra could not decide it.
func (a *algebra) wireAccepts(writer, reader *schema.Type) (accepts, sure bool) {
	p := a.Prover()
	written, read := p.OnWire(writer, values.Writer), p.OnWire(reader, values.Reader)
	if written == nil || read == nil {
		return true, true
	}
	answer := p.Includes(written, read)
	return answer.Inclusion == values.Included, answer.Inclusion != values.Unknown
}

// learnRule has the prover know how two versions of a rule relate that it cannot look into.
func learnRule(p *values.Prover, ch constraintChange, old, new *schema.Type, name string) {
	if ch.unknown {
		return
	}
	for _, binary := range []bool{false, true} {
		switch was, is := p.Rule(old, name, binary), p.Rule(new, name, binary); ch.relation {
		case tighter:
			p.Implies(is, was)
		case looser:
			p.Implies(was, is)
		}
	}
}

// learnKeys has the prover know how the keys of two maps relate.
func (a *algebra) learnKeys(old, new *schema.Type) {
	if old == nil || new == nil || values.Free(old) || values.Free(new) {
		return
	}
	p := a.Prover()
	was, okOld := p.FromType(old)
	is, okNew := p.FromType(new)
	if !okOld || !okNew {
		return
	}
	if p.Includes(was, is).Inclusion == values.Included {
		p.Implies(p.Keys(old), p.Keys(new))
	}
	if p.Includes(is, was).Inclusion == values.Included {
		p.Implies(p.Keys(new), p.Keys(old))
	}
}
