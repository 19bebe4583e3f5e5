package load

import (
	"slices"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// linkKeys gives fields that are sensitive the class of keys of their package's family where they name none.
func (l *linker) linkKeys(set *schema.Set) {
	set.EachMessage(func(m *schema.Message) {
		for _, f := range m.Fields {
			switch {
			case !f.Sensitive || f.EncryptionKey == draft.NoKey:
				f.EncryptionKey = ""
			case f.EncryptionKey == "" && m.Package.Family != nil:
				f.EncryptionKey = m.Package.Family.EncryptionKey
			}
			if f.Deterministic && f.EncryptionKey == "" && f.Sensitive && !l.partial {
				l.Fault(f.Pos, "%s is deterministic and not encrypted: name its encryption_key, or that of the family", f.Name)
			}
		}
	})
	for _, d := range l.Events {
		if path := d.Option.GetDataSubject(); path != "" {
			fields, fault := d.Event.SubjectPath(path)
			if fault != "" {
				l.Fault(d.At("data_subject", -1), "data_subject %s of event %s leads nowhere: %s: name a string field by its JSON name, with dots between the parts",
					path, d.Event.Type, fault)
			}
			d.Event.DataSubject = fields
		}
	}
}

// maxEncrypted is the greatest number that a field of protobuf may have which is encrypted: the number of the field with its text is greater.
const maxEncrypted = 1<<29 - 1 - schema.SealedNumbers

// checkEncryption finds fields that cannot be encrypted: what others must be able to read of an event, and what would be lost. What the set's messages hold
// is known by now.
func (l *linker) checkEncryption(set *schema.Set) {
	set.EachMessage(func(m *schema.Message) {
		for _, f := range m.Fields {
			if f.EncryptionKey != "" {
				l.checkEncrypted(f)
			} else if f.Sensitive && f.Type.HoldsEncrypted() && !l.partial {
				l.Fault(f.Pos, "%s is sensitive and not encrypted, and what it holds is encrypted in part: name an encryption_key for all of it, or do not mark it sensitive", f.Name)
			}
		}
	})
	for _, p := range set.Packages {
		for _, u := range p.Unions {
			for _, v := range u.Variants {
				if f := v.Message.Field(u.Property); f != nil && f.EncryptionKey != "" {
					l.Fault(f.Pos, "%s tells which of %s an object is, and is encrypted: say encryption_key none", f.Name, u.Name)
				}
			}
		}
	}
	for _, e := range set.Events() {
		l.checkReadable(e)
	}
}

// checkReadable finds fields of an event that must be there for those who cannot read what is encrypted.
func (l *linker) checkReadable(e *schema.Event) {
	for _, k := range e.KeyPaths() {
		for _, f := range k.Fields {
			if f.EncryptionKey != "" {
				l.Fault(f.Pos, "%s is encrypted, and key path %s of event %s reads it: a record's key is not encrypted, so make another field the key, or say encryption_key none",
					f.Name, k.Text, e.Type)
			}
		}
	}
	for _, f := range e.Message.Fields {
		if f.EncryptionKey != "" && e.SharesEnvelope(f) {
			l.Fault(f.Pos, "%s of event %s is encrypted, and the envelope has it too, which is not: say encryption_key none", f.Name, e.Type)
		}
	}
}

func (l *linker) checkEncrypted(f *schema.Field) {
	m := f.Message
	if f.Default != "" {
		l.Fault(f.Pos, "%s is encrypted and has a default, which would stand for it where it cannot be read: take the default away", f.Name)
	}
	if f.Deterministic && f.Type.SealedBeside() {
		l.Fault(f.Pos, "%s is deterministic and %s: only what is always a string in JSON can be", f.Name, draft.KindWords(f.Type))
	}
	if f.RequiredOnWire() {
		l.Fault(f.Pos, "%s is encrypted, and protobuf requires it: it is absent where it cannot be read, so make it optional", f.Name)
	}
	inBinary := m.HasBinary() && f.SealedBesideInBinary()
	name, number := f.Name+schema.SealedSuffix, f.Number+schema.SealedNumbers
	for _, other := range m.Fields {
		if f.Type.SealedBeside() && other.JSONName == f.JSONName+schema.SealedSuffix || inBinary && other.Name == name {
			l.Fault(other.Pos, "%s has the name of the text of %s (%s), which is encrypted: name it otherwise", other.Name, f.Name, f.Pos)
		}
		if inBinary && other.Number == number {
			l.Fault(other.Pos, "%s has the number of the text of %s (%s), which is encrypted: give it another", other.Name, f.Name, f.Pos)
		}
	}
	if !inBinary {
		return
	}
	if other := m.Proto.Oneofs().ByName(protoreflect.Name(name)); other != nil && !other.IsSynthetic() || m.Proto.Messages().ByName(protoreflect.Name(name)) != nil ||
		m.Proto.Enums().ByName(protoreflect.Name(name)) != nil {
		l.Fault(f.Pos, "%s is encrypted, and something else in %s has the name of its text, %s: name that otherwise", f.Name, m.Name, name)
	}
	reserved := slices.ContainsFunc(m.ReservedNumbers, func(r [2]int32) bool { return r[0] <= number && number <= r[1] })
	switch {
	case f.Number > maxEncrypted:
		l.Fault(f.Pos, "%s is encrypted and has number %d: such a field has at most %d, as its text has a number that is greater by %d", f.Name, f.Number, maxEncrypted, schema.SealedNumbers)
	case reserved || m.Proto.ExtensionRanges().Has(protoreflect.FieldNumber(number)) || slices.Contains(m.ReservedNames, name):
		l.Fault(f.Pos, "%s is encrypted, and the name or number of its text is taken or reserved in %s: %s, %d", f.Name, m.Name, name, number)
	}
}
