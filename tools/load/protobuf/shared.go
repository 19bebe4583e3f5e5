package protobuf

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"weak"

	"github.com/bufbuild/protocompile/ast"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Shared is what loads have in common, and what package load says of it. The zero value is ready to use.
type Shared struct {
	mu       sync.Mutex
	parsed   map[string]*sharedTree
	compiled map[string]*sharedFile
	imports  map[string][]string // of texts that were compiled
	read     map[any]any         // what was read of descriptors, which are those of every load that has the same file
}

// readBefore returns what another load has read and kept under a key, nil for nothing.
func (s *Shared) readBefore(key any) any {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[key]
}

// keep keeps what was read, for other loads. Nothing changes it afterwards.
func (s *Shared) keep(key, read any) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == nil {
		s.read = map[any]any{}
	}
	s.read[key] = read
}

// optionKey is the key of an option of a descriptor's options.
type optionKey struct {
	options protoreflect.ProtoMessage
	name    protoreflect.FullName
}

// foundOption is an option as its Go type.
type foundOption[T any] struct {
	value T
	found bool
}

// fieldsKey is the key of the fields of a message, and valuesKey that of the values of an enum.
type (
	fieldsKey struct{ protoreflect.MessageDescriptor }
	valuesKey struct{ protoreflect.EnumDescriptor }
)

// importsOf returns what a text imports that another load has compiled, with whatever its imports were then.
func (s *Shared) importsOf(name string, text []byte) (imports []string, known bool) {
	if s == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	imports, known = s.imports[textKey(name, text)]
	return imports, known
}

func (s *Shared) noteImports(u *protoUnit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.imports == nil {
		s.imports = map[string][]string{}
	}
	names := make([]string, len(u.imports))
	for i, other := range u.imports {
		names[i] = other.name
	}
	s.imports[textKey(u.name, u.text)] = names
}

// sharedTree is a file's syntax tree, for as long as somebody has a use for it.
type sharedTree struct {
	mu   sync.Mutex
	tree weak.Pointer[ast.FileNode]
}

// sharedFile is a compiled file; without a file when it could not be compiled.
type sharedFile struct {
	once    sync.Once
	file    linker.File
	sources *protoSources
}

// tree returns a file's syntax tree: another load's, or what parse returns.
func (s *Shared) tree(name string, text []byte, parse func() (*ast.FileNode, error)) (*ast.FileNode, error) {
	if s == nil {
		return parse()
	}
	t := entry(s, &s.parsed, textKey(name, text))
	t.mu.Lock()
	defer t.mu.Unlock()
	if tree := t.tree.Value(); tree != nil {
		return tree, nil
	}
	tree, err := parse()
	if err == nil {
		t.tree = weak.Make(tree)
	}
	return tree, err
}

// compile has a unit compiled, or finds that another load has compiled the same text with the same imports, and returns
// that.
func (s *Shared) compile(u *protoUnit, lean bool, compile func() error) (*sharedFile, error) {
	if s == nil || u.text == nil {
		return nil, compile()
	}
	key := fmt.Sprint(lean, textKey(u.name, u.text))
	for _, other := range u.imports {
		if other.library {
			key += " " + other.name
		} else {
			key += fmt.Sprintf(" %p", other.file)
		}
	}
	f := entry(s, &s.compiled, key)
	mine := false
	var err error
	f.once.Do(func() {
		mine = true
		if err = compile(); err == nil {
			f.file, f.sources = u.file, u.sources
			s.noteImports(u)
		}
	})
	switch {
	case mine:
		return nil, err
	case f.file == nil:
		return nil, compile()
	}
	return f, nil
}

func textKey(name string, text []byte) string {
	sum := sha256.Sum256(text)
	return name + "\x00" + string(sum[:])
}

// entry returns what is under a key, made when it is not there yet.
func entry[T any](s *Shared, all *map[string]*T, key string) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *all == nil {
		*all = map[string]*T{}
	}
	e := (*all)[key]
	if e == nil {
		e = new(T)
		(*all)[key] = e
	}
	return e
}
