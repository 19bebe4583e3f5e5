package protobuf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/options"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/sourceinfo"
	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
)

// protoUnit is a protobuf file on its way through the compiler.
type protoUnit struct {
	name    string
	text    []byte // nil for what is compiled already
	imports []*protoUnit

	missing bool          // there is no such file
	library bool          // it comes with the program
	broken  bool          // it has faults
	parsed  parser.Result // between parsing and linking
	known   []string      // imports of a text that another load has compiled: it is parsed when that cannot be taken
	unread  bool          // known is what there is, in place of parsed
	file    linker.File   // once it is linked
	sources *protoSources // likewise; nil for libraries
	done    chan struct{} // closed when linking has ended, well or not
}

// parse finds the file and parses it, unless it is compiled already.
func (u *protoUnit) parse(pc *protoCompiler) error {
	if fd, ok := pc.image[u.name]; ok {
		u.parsed = parser.ResultWithoutAST(proto.CloneOf(fd))
		return nil
	}
	text, err := pc.l.Text(u.name)
	if errors.Is(err, fs.ErrNotExist) {
		return u.takeLibrary(pc)
	}
	if err != nil {
		return err
	}
	if line, col, ok := notUTF8(text); ok {
		return &schema.Error{
			Pos:     schema.Position{File: u.name, Line: line, Col: col},
			Message: "a byte that is not UTF-8: save the file as UTF-8",
		}
	}
	if line, col, deep := tooDeep(text); deep {
		return &schema.Error{
			Pos:     schema.Position{File: u.name, Line: line, Col: col},
			Message: fmt.Sprintf("nested more than %d deep: move the inner messages or values out", draft.MaxDepth),
		}
	}
	u.text = text
	if u.name != descriptorProto { // whose options others are read by
		if u.known, u.unread = pc.l.options.Shared.importsOf(u.name, text); u.unread {
			return nil
		}
	}
	return u.parseText(pc)
}

// parseText parses the text.
func (u *protoUnit) parseText(pc *protoCompiler) error {
	handler := pc.handler.SubHandler()
	tree, err := pc.l.options.Shared.tree(u.name, u.text, func() (*ast.FileNode, error) {
		return parser.Parse(u.name, bytes.NewReader(u.text), handler)
	})
	if err != nil {
		return err
	}
	u.parsed, err = parser.ResultFromAST(tree, true, handler)
	return err
}

// takeLibrary takes a file that need not be there to be imported.
func (u *protoUnit) takeLibrary(pc *protoCompiler) error {
	found, err := pc.standard.FindFileByPath(u.name)
	if fd := builtin[u.name]; fd != nil {
		found.Desc = fd
	} else if err != nil {
		u.missing = true
		return nil
	}
	u.library = true
	u.file, err = linker.NewFileRecursive(found.Desc)
	return err
}

// importNames are the files that a parsed file imports.
func (u *protoUnit) importNames() []string {
	if u.unread {
		return u.known
	}
	if u.parsed == nil {
		return nil
	}
	return u.parsed.FileDescriptorProto().GetDependency()
}

// importPos is the place of an import.
func (u *protoUnit) importPos(name string) schema.Position {
	pos := schema.Position{File: u.name}
	if u.parsed == nil || u.parsed.AST() == nil {
		return pos // the fault is told by a load that shares nothing
	}
	tree := u.parsed.AST()
	for _, d := range tree.Decls {
		if imp, ok := d.(*ast.ImportNode); ok && imp.Name.AsString() == name {
			start := tree.NodeInfo(imp.Name).Start()
			pos.Line, pos.Col = start.Line, start.Col
			break
		}
	}
	return pos
}

// link links a parsed file once those that it imports are; it is broken where one of them is. Its options are read as
// those of override, the tree's own descriptor.proto, where there is one.
func (u *protoUnit) link(pc *protoCompiler, override *protoUnit) error {
	if u.broken {
		return nil // it may import what never gets here
	}
	var deps linker.Files
	for _, other := range u.imports {
		<-other.done
		u.broken = u.broken || other.broken
		deps = append(deps, other.file)
	}
	if u.broken || u.parsed == nil && !u.unread {
		u.parsed = nil
		return nil
	}
	var opts []options.InterpreterOption
	compile := func() error {
		if u.parsed == nil {
			if err := u.parseText(pc); err != nil {
				return err
			}
		}
		return u.compile(pc, deps, opts)
	}
	if override != nil {
		if <-override.done; override.file != nil {
			opts = append(opts, options.WithOverrideDescriptorProto(override.file))
		}
		return compile() // what its options mean is not in its text and imports alone
	}
	same, err := pc.l.options.Shared.compile(u, pc.l.options.Lean, compile)
	if same == nil {
		return err
	}
	u.file, u.sources, u.parsed = same.file, same.sources, nil
	return pc.symbols.Import(u.file, pc.handler.SubHandler())
}

// compile compiles a parsed file.
func (u *protoUnit) compile(pc *protoCompiler, deps linker.Files, opts []options.InterpreterOption) error {
	handler := pc.handler.SubHandler()
	file, err := linker.Link(u.parsed, deps, &pc.symbols, handler)
	if err != nil {
		return err
	}
	index, err := options.InterpretOptions(file, handler, opts...)
	if err != nil {
		return err
	}
	if err := file.ValidateOptions(handler, &pc.symbols); err != nil {
		return err
	}
	if err := handler.Error(); err != nil {
		return err
	}
	u.locate(pc, file, index)
	file.RemoveAST()
	u.file, u.parsed = file, nil
	return nil
}

// locate notes where the elements of a linked file stand.
func (u *protoUnit) locate(pc *protoCompiler, file linker.Result, index sourceinfo.OptionIndex) {
	fd := file.FileDescriptorProto()
	switch {
	case pc.l.options.Lean && file.AST() != nil:
		u.sources = placesOf(file, index)
		return
	case file.AST() != nil:
		fd.SourceCodeInfo = sourceinfo.GenerateSourceInfo(file.AST(), index, sourceinfo.WithExtraOptionLocations())
	}
	u.sources = newProtoSources(fd)
	if pc.l.options.Lean {
		fd.SourceCodeInfo = nil
	} else {
		file.PopulateSourceCodeInfo()
	}
}
