// Package load reads event schemas, protobuf and JSON Schema, into the model: from folders, files, git, images and
// registries.
//
// [Schemas] reads a [Source] and returns a [schema.Set] that nothing changes afterwards. What a language's syntax means
// is known to the packages below, protobuf and jsonschema; what packages say of each other (topics, replies, groups) is
// resolved here.
//
//	set, err := load.Schemas(ctx, load.Dir("schemas"))
//	if faults, ok := errors.AsType[schema.Errors](err); ok {
//		return faults // file:line:col of each, one a line
//	}
//	if err != nil {
//		return err // they could not be read
//	}
//	before, err := load.Schemas(ctx, load.Git{Ref: "main", Path: "schemas"}, load.WithoutComments())
//
// A program that stays, such as an editor that judges while somebody writes, loads with a [Shared] that it keeps: of a
// thousand messages in fifty .proto files, those of the one that was edited are read anew, and the others are there.
//
//	var shared load.Shared
//	old, err := load.Schemas(ctx, src, load.WithoutComments(), load.WithShared(&shared))
//	// … a file is edited
//	next, err := load.Schemas(ctx, src, load.WithoutComments(), load.WithShared(&shared))
//	report, err := compat.Compare(old, next, compat.Options{})
package load

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/load/jsonschema"
	"github.com/omninode/trestle/tools/load/protobuf"
	"github.com/omninode/trestle/tools/schema"
)

// Option changes how schemas are loaded.
type Option interface{ apply(*options) }

type options struct {
	goPrefix  string
	lean      bool // without comments
	shared    *Shared
	toCompare bool
	// undeclared: see WithUndeclared
	undeclared bool
}

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// WithGoPrefix sets the import path that packages without a go_package option are generated below, such as
// `example.org/events/gen`: a package in folder orders/v1 becomes `example.org/events/gen/orders/v1`. The default is
// none, so that the import path is the folder.
func WithGoPrefix(prefix string) Option {
	return optionFunc(func(o *options) { o.goPrefix = prefix })
}

// ToCompare is for schemas that are only compared: it takes older drafts of JSON Schema too, and keeps schemas that no types
// can be made of by their source alone, which they are judged by then. Without it both are faults.
func ToCompare() Option { return optionFunc(func(o *options) { o.toCompare = true }) }

// WithUndeclared lets a JSON Schema file that is asked for by its name, and those it refers to, name no $schema: it is one
// because somebody says so. Each is read as JSON Schema 2020-12.
func WithUndeclared() Option { return optionFunc(func(o *options) { o.undeclared = true }) }

// WithoutComments leaves comments out, in the model and in the descriptors, and places out of the descriptors: a
// comparison needs none of them, and they are most of what a loaded set takes in memory. The model's positions are there.
func WithoutComments() Option { return optionFunc(func(o *options) { o.lean = true }) }

// WithShared shares with the other loads that are given s.
func WithShared(s *Shared) Option { return optionFunc(func(o *options) { o.shared = s }) }

// Shared is what loads have in common: versions of the same schemas, of which most files are the same. A protobuf file
// with the same path and text is parsed once; one whose imports are the same too is compiled once, and its messages are
// read once; a JSON Schema with the same text is parsed once. The zero value is ready to use, by loads at the same time too. It
// keeps what it shares for as long as it is kept itself, every version of a file: who loads without end begins a new one now
// and then.
type Shared struct {
	protobuf protobuf.Shared
	json     jsonschema.Shared
}

// Schemas reads the schemas of a source and links them. What is wrong in them is returned as [schema.Errors], all of it
// that can be told at once; other errors say that they could not be read.
func Schemas(ctx context.Context, src Source, opts ...Option) (set *schema.Set, err error) {
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
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	sourceOnly := map[string]bool{}
	for {
		var unreadable map[string]bool
		set, unreadable, err = o.load(ctx, t, sourceOnly)
		if err != nil && o.shared != nil {
			alone := o
			alone.shared = nil // what others have compiled has no places for faults to name
			set, unreadable, err = alone.load(ctx, t, sourceOnly)
		}
		if err == nil || !o.toCompare || !addSourceOnly(sourceOnly, unreadable, err) {
			return set, err
		}
	}
}

// addSourceOnly notes the JSON Schemas that have faults, to be kept by their source; false where that does not help.
func addSourceOnly(sourceOnly, unreadable map[string]bool, err error) bool {
	faults, ok := errors.AsType[schema.Errors](err)
	if !ok {
		return false
	}
	before := len(sourceOnly)
	for _, f := range faults {
		if !strings.HasSuffix(f.Pos.File, ".json") || unreadable[f.Pos.File] {
			return false
		}
		sourceOnly[f.Pos.File] = true
	}
	return len(sourceOnly) > before
}

// load reads and links an opened source once. Of the JSON Schemas in sourceOnly no types are made; unreadable are those
// that are none.
func (o options) load(ctx context.Context, t *tree, sourceOnly map[string]bool) (set *schema.Set, unreadable map[string]bool, err error) {
	d := &draft.Draft{GoPrefix: o.goPrefix, Read: t.store.read, Targets: t.targets}
	compiler := protobuf.Options{Image: t.image, Lean: o.lean}
	if o.shared != nil {
		compiler.Shared = &o.shared.protobuf
	}
	if err := protobuf.Load(ctx, d, compiler); err != nil {
		return nil, nil, err
	}
	json := jsonschema.Options{
		Aliases: t.aliases, Loose: t.loose, Undeclared: o.undeclared && t.named, Beside: t.beside, ToCompare: o.toCompare, SourceOnly: sourceOnly,
	}
	if o.shared != nil {
		json.Shared = &o.shared.json
	}
	unreadable, err = jsonschema.Load(d, json)
	if err != nil {
		return nil, nil, err
	}
	if err := d.Err(); err != nil {
		return nil, unreadable, err
	}
	l := &linker{Draft: d, root: t.root, partial: t.partial}
	set = l.link()
	set.OnWire = t.onWire
	set.MarkSensitive()
	if !set.OnWire {
		l.checkEncryption(set)
	}
	set.Aliases, set.Compiled = t.aliases, d.Compiled
	set.Folder = t.folder
	if len(t.targets) == 1 {
		set.Main = t.targets[0]
	}
	if err := d.Err(); err != nil {
		return nil, unreadable, err
	}
	return set, unreadable, nil
}
