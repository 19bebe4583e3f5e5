package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/reporter"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// builtin holds the descriptors of what a schema may import without having the file.
var builtin = map[string]protoreflect.FileDescriptor{
	"buf/validate/validate.proto": validate.File_buf_validate_validate_proto,
	"trestle/v1/json.proto":       trestlev1.File_trestle_v1_json_proto,
	"trestle/v1/options.proto":    trestlev1.File_trestle_v1_options_proto,
}

// protoCompiler compiles the protobuf files of a tree. Its methods are called from the compiler's goroutines.
type protoCompiler struct {
	l     *loader
	image map[string]*descriptorpb.FileDescriptorProto

	mu    sync.Mutex
	texts map[string][]byte
	fatal error
}

// compile compiles and links the files of those names. It returns nil when there were faults.
func (l *loader) compile(ctx context.Context, names []string) (linker.Files, map[string][]byte, error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	pc := &protoCompiler{l: l, image: map[string]*descriptorpb.FileDescriptorProto{}, texts: map[string][]byte{}}
	for _, fd := range l.tree.image {
		pc.image[fd.GetName()] = fd
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(protocompile.ResolverFunc(pc.find)),
		SourceInfoMode: protocompile.SourceInfoStandard | protocompile.SourceInfoExtraOptionLocations,
		Reporter:       reporter.NewReporter(pc.report, nil),
	}
	files, err := compiler.Compile(ctx, names...)
	if pc.fatal != nil {
		return nil, nil, pc.fatal
	}
	if err == nil {
		return files, pc.texts, nil
	}
	return nil, nil, pc.failed(err, len(names))
}

// failed turns what the compiler ended with into a fault, unless it was reported already.
func (pc *protoCompiler) failed(err error, files int) error {
	var panicked protocompile.PanicError
	var placed reporter.ErrorWithPos
	switch {
	case errors.As(err, &panicked):
		pc.l.errs.add(Position{File: panicked.File}, "cannot be compiled: the compiler failed on it (%v); is there an unusual construct in it?", panicked.Value)
	case errors.As(err, &placed):
		pc.add(placed)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if len(pc.l.errs) == 0 {
		return fmt.Errorf("compile %d protobuf files: %w", files, err)
	}
	return nil
}

// find is the compiler's resolver. A file that was found to be too big or too deep is given to it as an empty one,
// the fault being noted.
func (pc *protoCompiler) find(name string) (protocompile.SearchResult, error) {
	if fd, ok := pc.image[name]; ok {
		return protocompile.SearchResult{Proto: fd}, nil
	}
	result, err := pc.source(name)
	if fd, ok := builtin[name]; ok && errors.Is(err, fs.ErrNotExist) {
		return protocompile.SearchResult{Desc: fd}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		pc.mu.Lock()
		pc.fatal = fmt.Errorf("read %s: %w", name, err)
		pc.mu.Unlock()
	}
	return result, err
}

func (pc *protoCompiler) source(name string) (protocompile.SearchResult, error) {
	text, err := pc.l.text(name)
	if fault, ok := errors.AsType[*Error](err); ok {
		pc.fault(fault)
		return protocompile.SearchResult{Source: strings.NewReader("")}, nil
	}
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	if line, col, deep := tooDeep(text); deep {
		pc.fault(&Error{
			Pos:     Position{File: name, Line: line, Col: col},
			Message: fmt.Sprintf("nested more than %d deep: move the inner messages or values out", maxDepth),
		})
		return protocompile.SearchResult{Source: strings.NewReader("")}, nil
	}
	pc.mu.Lock()
	pc.texts[name] = text
	pc.mu.Unlock()
	return protocompile.SearchResult{Source: bytes.NewReader(text)}, nil
}

func (pc *protoCompiler) fault(fault *Error) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.l.errs = append(pc.l.errs, fault)
}

// report takes the compiler's errors one by one; returning nil lets it go on to find more.
func (pc *protoCompiler) report(err reporter.ErrorWithPos) error {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.add(err)
	const enough = 100
	if len(pc.l.errs) >= enough {
		return err
	}
	return nil
}

func (pc *protoCompiler) add(err reporter.ErrorWithPos) {
	at := err.GetPosition()
	message := strings.Join(strings.Fields(err.Unwrap().Error()), " ")
	if errors.Is(err, fs.ErrNotExist) {
		message = fmt.Sprintf("cannot find %s: imports count from the root of the schemas", strings.TrimSuffix(message, ": "+fs.ErrNotExist.Error()))
	}
	pc.l.errs.add(Position{File: at.Filename, Line: at.Line, Col: at.Col}, "%s", message)
}
