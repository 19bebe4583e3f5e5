// Package draft is a set of schemas while it is filled: what the loaders of both languages add to before it is linked.
package draft

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/schema"
)

// MaxFileSize is the largest schema file that is read, in bytes.
const MaxFileSize = 16 << 20

// MaxDepth is how deep messages, option values and JSON may nest in a schema.
const MaxDepth = 200

// Draft holds what is known while a source is loaded.
type Draft struct {
	// GoPrefix is the import path that packages without a go_package option are generated below.
	GoPrefix string
	// Read returns the text of a file by its slash-separated path from the root; fs.ErrNotExist where there is none.
	Read func(path string) ([]byte, error)
	// Targets are the paths of the files asked for, sorted; what they import is read besides.
	Targets []string

	Errs     schema.Errors
	Packages []*schema.Package // those that the set holds: without those of libraries
	Families []Family
	Events   []Event
	Compiled any // what the set is to have as that

	byName map[string]*schema.Package // those of libraries too
}

// Family is a family as declared.
type Family struct {
	Package *schema.Package
	Option  *trestlev1.Family
	At      Places
}

// Event is an event, and what its schema declares of it.
type Event struct {
	Event  *schema.Event
	Option *trestlev1.Event
	At     Places
}

// Places finds where a part of an option stands: a member by its name in the vocabulary, or an item of a list. An
// empty name is the option itself; a place that is not known is that of the option.
type Places func(member string, index int) schema.Position

// Fault adds a fault at a place.
func (d *Draft) Fault(pos schema.Position, format string, args ...any) {
	d.Errs = append(d.Errs, &schema.Error{Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// Err returns the faults as [schema.Errors], sorted and each once, and nil when there is none.
func (d *Draft) Err() error {
	if len(d.Errs) == 0 {
		return nil
	}
	slices.SortStableFunc(d.Errs, func(a, b *schema.Error) int {
		return cmp.Or(comparePositions(a.Pos, b.Pos), strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(d.Errs, func(a, b *schema.Error) bool { return *a == *b })
}

func comparePositions(a, b schema.Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}

// Text returns a file's text. That of a file that is too big is not read: the error is a *[schema.Error].
func (d *Draft) Text(name string) ([]byte, error) {
	text, err := d.Read(name)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxFileSize {
		return nil, &schema.Error{
			Pos:     schema.Position{File: name},
			Message: fmt.Sprintf("larger than %d MiB, which no schema is: move it out of the folder, or split it", MaxFileSize>>20),
		}
	}
	return text, nil
}

// ReadFault adds an error of Text to the faults when it is one, or when the file is not there; it returns any other.
func (d *Draft) ReadFault(pos schema.Position, err error) error {
	if fault, ok := errors.AsType[*schema.Error](err); ok {
		d.Errs = append(d.Errs, fault)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.Fault(pos, "no such file")
		return nil
	}
	return fmt.Errorf("read %s: %w", pos.File, err)
}

// AddPackage returns the package of that name, made when it is not there yet. One that is not listed is a library's,
// which the set does not hold.
func (d *Draft) AddPackage(name, dir string, lang schema.Language, listed bool, pos schema.Position) *schema.Package {
	p, ok := d.byName[name]
	if !ok {
		p = &schema.Package{Name: name, Dir: dir, Language: lang}
		if d.byName == nil {
			d.byName = map[string]*schema.Package{}
		}
		d.byName[name] = p
		if listed {
			d.Packages = append(d.Packages, p)
		}
	}
	if p.Language != lang {
		d.Fault(pos, "package %q holds both protobuf and JSON Schema (%s): put one of them into a folder and package of its own",
			name, p.Files[0].Path)
	}
	return p
}

// AddEvent notes a message that is an event.
func (d *Draft) AddEvent(m *schema.Message, option *trestlev1.Event, at Places) {
	e := &schema.Event{
		Type: cmp.Or(option.GetType(), m.Name), Message: m, Package: m.Package, Key: option.GetKey(),
		Encoding:    cmp.Or(schema.Encoding(ShortName(option.GetEncoding().Descriptor(), option.GetEncoding().Number())), schema.EncodingJSON),
		Role:        cmp.Or(schema.Role(ShortName(option.GetRole().Descriptor(), option.GetRole().Number())), schema.RoleEvent),
		PublishedBy: option.GetPublishedBy(), ConsumedBy: option.GetConsumedBy(), Pos: at("", -1),
	}
	m.Package.Events = append(m.Package.Events, e)
	d.Events = append(d.Events, Event{Event: e, Option: option, At: at})
}

// DescribeField takes over what the vocabulary says of a field. Its class of keys is the one that is declared until the package's family is known.
func (d *Draft) DescribeField(f *schema.Field, option *trestlev1.Field, at Places) {
	if option.GetSensitive() && option.GetNotSensitive() {
		d.Fault(at("not_sensitive", -1), "%s is both sensitive and not_sensitive: keep one", f.Name)
	}
	f.Default = option.GetDefault()
	f.Sensitive, f.NotSensitive = option.GetSensitive(), option.GetNotSensitive()
	f.EncryptionKey, f.Deterministic = option.GetEncryptionKey(), option.GetDeterministic()
	switch {
	case f.Sensitive:
		d.CheckKeyClass(f.EncryptionKey, at("encryption_key", -1))
	case f.EncryptionKey != "":
		d.Fault(at("encryption_key", -1), "%s has an encryption_key and is not sensitive: only what is sensitive is encrypted, so mark it sensitive too", f.Name)
	case f.Deterministic:
		d.Fault(at("deterministic", -1), "%s is deterministic and not sensitive: only what is sensitive is encrypted, so mark it sensitive too", f.Name)
	}
	f.JSONRequired = f.JSONRequired || option.GetJsonRequired()
	if f.Deprecated != nil || option.GetDeprecatedSince() != "" || option.GetDeprecatedReason() != "" {
		f.Deprecated = &schema.Deprecation{Since: option.GetDeprecatedSince(), Reason: option.GetDeprecatedReason()}
	}
}
