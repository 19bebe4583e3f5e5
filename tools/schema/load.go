package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Option changes how schemas are loaded.
type Option interface{ apply(*loader) }

type optionFunc func(*loader)

func (f optionFunc) apply(l *loader) { f(l) }

// WithGoPrefix sets the import path that packages without a go_package option are generated below, such as
// `example.org/events/gen`: a package in folder orders/v1 becomes `example.org/events/gen/orders/v1`. The default is
// none, so that the import path is the folder.
func WithGoPrefix(prefix string) Option {
	return optionFunc(func(l *loader) { l.goPrefix = prefix })
}

// WithDocuments marks JSON Schemas that the model does not hold all of as documents, to be compared by their source, and
// keeps those that cannot be loaded at all (older drafts, documents of a registry) by their source, without types.
func WithDocuments() Option { return optionFunc(func(l *loader) { l.keepDocuments = true }) }

// WithoutComments leaves comments out, in the model and in the descriptors, and places out of the descriptors: a
// comparison needs none of them, and they are most of what a loaded set takes in memory. The model's positions are there.
func WithoutComments() Option { return optionFunc(func(l *loader) { l.lean = true }) }

// Load reads the schemas of a source and links them. What is wrong in them is returned as [Errors], all of it that can
// be told at once; other errors say that they could not be read.
func Load(ctx context.Context, src Source, opts ...Option) (set *Set, err error) {
	t, err := src.open(ctx)
	if err != nil {
		return nil, err
	}
	if t.close != nil {
		defer func() { err = errors.Join(err, t.close()) }()
	}
	defer func() {
		if r := recover(); r != nil {
			set, err = nil, fmt.Errorf("load schemas: internal fault: %v\n%s", r, debug.Stack())
		}
	}()
	documents := map[string]bool{}
	for {
		l := newLoader(t, opts)
		l.documents = documents
		set, err = l.load(ctx)
		if err != nil && l.shared != nil {
			l = newLoader(t, append(opts, WithShared(nil))) // what others have compiled has no places for faults to name
			l.documents = documents
			set, err = l.load(ctx)
		}
		if err == nil || !l.keepDocuments || !l.turnIntoDocuments(err) {
			return set, err
		}
	}
}

func newLoader(t *tree, opts []Option) *loader {
	l := &loader{
		tree:     t,
		packages: map[string]*Package{},
		messages: map[protoreflect.FullName]*Message{},
		enums:    map[protoreflect.FullName]*Enum{},
	}
	for _, o := range opts {
		o.apply(l)
	}
	return l
}

// turnIntoDocuments notes the JSON Schemas that have faults as documents; false where that does not help.
func (l *loader) turnIntoDocuments(err error) bool {
	faults, ok := errors.AsType[Errors](err)
	if !ok {
		return false
	}
	before := len(l.documents)
	for _, f := range faults {
		if !strings.HasSuffix(f.Pos.File, ".json") {
			return false
		}
		if l.unreadable[f.Pos.File] {
			return false
		}
		l.documents[f.Pos.File] = true
	}
	return len(l.documents) > before
}

// loader holds what is known while a source is loaded.
type loader struct {
	goPrefix string
	lean     bool // without comments
	shared   *Shared
	tree     *tree
	errs     Errors
	packages map[string]*Package // by name; those of libraries too
	listed   []*Package          // those that the Set holds
	messages map[protoreflect.FullName]*Message
	enums    map[protoreflect.FullName]*Enum
	families []familyDecl
	events   []eventDecl
	// documents are the JSON Schemas that are kept by their source; unreadable those that are none.
	keepDocuments bool
	documents     map[string]bool
	unreadable    map[string]bool
}

// familyDecl is a family as declared, eventDecl an event.
type familyDecl struct {
	pkg    *Package
	option *trestlev1.Family
	at     locator
}

type eventDecl struct {
	event  *Event
	option *trestlev1.Event
	at     locator
}

// locator finds where a part of an option stands: a member by its name in the vocabulary, or an item of a list. An
// empty name is the option itself; a place that is not known is that of the option.
type locator func(member string, index int) Position

func (l *loader) load(ctx context.Context) (*Set, error) {
	var protos, jsons []string
	for _, name := range l.tree.targets {
		if isProto(name) {
			protos = append(protos, name)
		} else {
			jsons = append(jsons, name)
		}
	}
	if err := l.loadProtos(ctx, protos); err != nil {
		return nil, err
	}
	if err := l.loadJSON(jsons); err != nil {
		return nil, err
	}
	if err := l.errs.err(); err != nil {
		return nil, err
	}
	set := l.link()
	set.Aliases = l.tree.aliases
	if err := l.errs.err(); err != nil {
		return nil, err
	}
	return set, nil
}

// text returns a file's text; a file that is too big is a fault, and nil is returned.
func (l *loader) text(name string) ([]byte, error) {
	text, err := l.tree.store.read(name)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxFileSize {
		return nil, &Error{
			Pos:     Position{File: name},
			Message: fmt.Sprintf("larger than %d MiB, which no schema is: move it out of the folder, or split it", MaxFileSize>>20),
		}
	}
	return text, nil
}

// readFault adds an error of text to the faults when it is one, or when the file is not there.
func (l *loader) readFault(pos Position, err error) error {
	if fault, ok := errors.AsType[*Error](err); ok {
		l.errs = append(l.errs, fault)
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		l.errs.add(pos, "no such file")
		return nil
	}
	return fmt.Errorf("read %s: %w", pos.File, err)
}

// addPackage returns the package of that name, made when it is not there yet.
func (l *loader) addPackage(name, dir string, lang Language, listed bool, pos Position) *Package {
	p, ok := l.packages[name]
	if !ok {
		p = &Package{Name: name, Dir: dir, Language: lang}
		l.packages[name] = p
		if listed {
			l.listed = append(l.listed, p)
		}
	}
	if p.Language != lang {
		l.errs.add(pos, "package %q holds both protobuf and JSON Schema (%s): put one of them into a folder and package of its own",
			name, p.Files[0].Path)
	}
	return p
}
