package integration_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestOneConnection keeps connecting to Kafka and reading topics where it is done right: runtime/kafka, and the three
// that hold a client while they work.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	connects := regexp.MustCompile(`\b(NewClient|PollFetches|PollRecords)\b`)
	const client = "github.com/twmb/franz-go/pkg/kgo"
	allowed := []string{"runtime/publisher.go", "runtime/member.go", "runtime/replies.go"}
	ours(t, func(path string, p goPackage) {
		if isWithin("runtime/kafka", path) {
			return
		}
		for _, name := range p.GoFiles {
			if slices.Contains(allowed, path+"/"+name) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			if !connects.Match(text) {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			kgo := nameOf(file, client)
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				of, _ := s.X.(*ast.Ident)
				if s.Sel.Name == "NewClient" && (of == nil || kgo == "" || of.Name != kgo) {
					return true // somebody else's
				}
				if connects.MatchString(s.Sel.Name) {
					t.Errorf("%s/%s:%d: %s: use runtime/kafka", path, name, files.Position(s.Pos()).Line, s.Sel.Name)
				}
				return true
			})
		}
	})
}

// nameOf is the name under which a file imports a package whose own name ends its path; empty: it does not.
func nameOf(file *ast.File, path string) string {
	for _, imported := range file.Imports {
		if imported.Path.Value != strconv.Quote(path) {
			continue
		}
		if imported.Name != nil {
			return imported.Name.Name
		}
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	return ""
}
