package protobuf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/reporter"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/schema"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// builtin holds the descriptors of what a schema may import without having the file.
var builtin = map[string]protoreflect.FileDescriptor{
	"buf/validate/validate.proto": validate.File_buf_validate_validate_proto,
	"trestle/v1/json.proto":       trestlev1.File_trestle_v1_json_proto,
	"trestle/v1/options.proto":    trestlev1.File_trestle_v1_options_proto,
}

const descriptorProto = "google/protobuf/descriptor.proto"

// protoCompiler compiles the protobuf files of a tree: it parses all that is asked for and imported, then links each
// file after those that it imports. It works on many files at a time, and keeps of each only what the model is made of:
// the syntax tree of a file is let go as soon as the file is linked.
type protoCompiler struct {
	l        *loader
	image    map[string]*descriptorpb.FileDescriptorProto
	standard protocompile.Resolver // the files that come with every compiler
	handler  *reporter.Handler
	symbols  linker.Symbols

	mu    sync.Mutex
	fatal error
	units map[string]*protoUnit
}

// compile compiles and links the files of those names, and returns them in that order. What is wrong in them is added
// to the faults.
func (l *loader) compile(ctx context.Context, names []string) ([]*protoUnit, error) {
	if len(names) == 0 {
		return nil, nil
	}
	pc := &protoCompiler{
		l: l, image: map[string]*descriptorpb.FileDescriptorProto{}, units: map[string]*protoUnit{},
		standard: protocompile.WithStandardImports(protocompile.ResolverFunc(func(name string) (protocompile.SearchResult, error) {
			return protocompile.SearchResult{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		})),
	}
	pc.handler = reporter.NewHandler(reporter.NewReporter(pc.report, nil))
	for _, fd := range l.options.Image {
		pc.image[fd.GetName()] = fd
	}
	asked := make([]*protoUnit, len(names))
	for i, name := range names {
		asked[i] = pc.unit(name)
	}
	own := pc.unit(descriptorProto)
	pc.parseAll(ctx, append(asked[:len(asked):len(asked)], own))
	if own.parsed == nil {
		own = nil // the one that comes with every compiler
	}
	pc.linkAll(ctx, pc.inOrder(own, asked), own)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return asked, pc.fatal
}

// unit returns the file of that name, made when it is not there yet.
func (pc *protoCompiler) unit(name string) *protoUnit {
	u := pc.units[name]
	if u == nil {
		u = &protoUnit{name: name, done: make(chan struct{})}
		pc.units[name] = u
	}
	return u
}

// parseAll parses files, then those that they import, until there is none left.
func (pc *protoCompiler) parseAll(ctx context.Context, units []*protoUnit) {
	for len(units) > 0 {
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0))
		for _, u := range units {
			g.Go(func() error { return pc.guard(ctx, u, u.parse) })
		}
		_ = g.Wait() // faults are noted where they are found
		var more []*protoUnit
		for _, u := range units {
			for _, name := range u.importNames() {
				if pc.units[name] == nil {
					more = append(more, pc.unit(name))
				}
				u.imports = append(u.imports, pc.units[name])
			}
		}
		units = more
	}
}

// inOrder returns the files such that each stands after those that it imports. An import that leads nowhere, and one
// that leads back, are faults.
func (pc *protoCompiler) inOrder(own *protoUnit, asked []*protoUnit) []*protoUnit {
	var order, path []*protoUnit
	const unseen, open, closed = 0, 1, 2
	state := map[*protoUnit]int{}
	var add func(u *protoUnit)
	add = func(u *protoUnit) {
		state[u] = open
		path = append(path, u)
		for _, other := range u.imports {
			switch {
			case other.missing:
				pc.l.Fault(u.importPos(other.name), "cannot find %s: imports count from the root of the schemas", other.name)
				u.broken = true
			case state[other] == open:
				pc.l.Fault(u.importPos(other.name), "files import each other in a circle: %s", circle(path, other))
				u.broken = true
			case state[other] == unseen:
				add(other)
			}
		}
		path = path[:len(path)-1]
		state[u] = closed
		order = append(order, u)
	}
	for _, u := range append([]*protoUnit{own}, asked...) {
		if u != nil && state[u] == unseen {
			add(u)
		}
	}
	return order
}

// circle names the files from the end of a path of imports back to the one it leads to.
func circle(path []*protoUnit, to *protoUnit) string {
	names := []string{to.name}
	for i := len(path) - 1; i >= 0 && path[i] != to; i-- {
		names = append([]string{path[i].name}, names...)
	}
	return strings.Join(append([]string{to.name}, names...), " imports ")
}

// linkAll links files, which are in order: what a file waits for was begun before it.
func (pc *protoCompiler) linkAll(ctx context.Context, units []*protoUnit, own *protoUnit) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	ownFirst := false
	for _, u := range units {
		var override *protoUnit
		if ownFirst {
			override = own
		}
		ownFirst = ownFirst || u == own
		g.Go(func() error {
			defer close(u.done)
			return pc.guard(ctx, u, func(pc *protoCompiler) error { return u.link(pc, override) })
		})
	}
	_ = g.Wait() // as above
}

// guard runs a step of a file, and notes what it fails with.
func (pc *protoCompiler) guard(ctx context.Context, u *protoUnit, step func(*protoCompiler) error) (err error) {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	defer func() {
		if r := recover(); r != nil {
			err = &schema.Error{Pos: schema.Position{File: u.name}, Message: fmt.Sprintf(
				"cannot be compiled: the compiler failed on it (%v); is there an unusual construct in it?", r)}
		}
		if err == nil {
			return
		}
		pc.mu.Lock()
		defer pc.mu.Unlock()
		u.broken = true
		var placed reporter.ErrorWithPos
		if fault, ok := errors.AsType[*schema.Error](err); ok {
			pc.l.Errs = append(pc.l.Errs, fault)
		} else if errors.As(err, &placed) {
			pc.add(placed)
		} else if !errors.Is(err, reporter.ErrInvalidSource) && pc.fatal == nil {
			pc.fatal = fmt.Errorf("read %s: %w", u.name, err)
		}
	}()
	return step(pc)
}

// report takes the compiler's errors one by one; returning nil lets it go on to find more.
func (pc *protoCompiler) report(err reporter.ErrorWithPos) error {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.add(err)
	const enough = 100
	if len(pc.l.Errs) >= enough {
		return err
	}
	return nil
}

func (pc *protoCompiler) add(err reporter.ErrorWithPos) {
	at := err.GetPosition()
	message := strings.Join(strings.Fields(err.Unwrap().Error()), " ")
	pc.l.Fault(schema.Position{File: at.Filename, Line: at.Line, Col: at.Col}, "%s", message)
}
