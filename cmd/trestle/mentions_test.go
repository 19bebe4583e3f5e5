package main

import (
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestMentionedCommandsExist holds every `trestle …` in the texts of this repository, errors, help, comments, pages and
// templates, to the commands that there are, with their flags.
func TestMentionedCommandsExist(t *testing.T) {
	t.Parallel()
	const top = "../.."
	listing, err := exec.Command("git", "-C", top, "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("this is no git repository: %v", err)
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	found := 0
	for _, name := range strings.Split(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		if strings.Contains(name, "testdata/") || strings.HasSuffix(name, "/mentions_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts(t, name, text) {
			for _, m := range mentions(text) {
				found++
				if wrong := m.wrong(root); wrong != "" {
					t.Errorf("%s: `%s`: %s", name, m.text, wrong)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands are mentioned: are the texts read?", found)
	}
}

// byteLiteral is what Python's programs read and write, and not people.
var byteLiteral = regexp.MustCompile(`\bb"[^"\n]*"`)

// texts returns what people read of a file: all of it, or the comments and strings of Go.
func texts(t *testing.T, name string, content []byte) []string {
	t.Helper()
	if !strings.HasSuffix(name, ".go") {
		switch filepath.Ext(name) {
		case ".md":
			return []string{linesApart(string(content))}
		case ".py":
			return []string{byteLiteral.ReplaceAllString(string(content), "")}
		case ".tmpl", ".yaml", ".yml", ".json", ".proto", "":
			return []string{string(content)}
		}
		return nil
	}
	var out []string
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Comments {
		out = append(out, group.Text())
	}
	var scan scanner.Scanner
	scan.Init(fset.AddFile(name, -1, len(content)), content, nil, 0)
	for {
		_, tok, literal := scan.Scan()
		switch tok {
		case token.EOF:
			return out
		case token.STRING:
			text, err := strconv.Unquote(literal)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
	}
}

// linesApart parts the lines of code blocks, which do not go on in the next.
func linesApart(page string) string {
	var out strings.Builder
	inCode := false
	for line := range strings.Lines(page) {
		out.WriteString(line)
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inCode = !inCode
		}
		if inCode {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// mention is a command that a text names: its words, and what follows them on the line.
type mention struct {
	text  string
	words []string // each may be several, a|b
	flags []string
}

var (
	// A command's words are in lower case; a line may end between them.
	mentioned = regexp.MustCompile(`\btrestle((?: |\n(?:[ \t]*# )?)[a-z][a-z|-]*\b)((?: |\n(?:[ \t]*# )?)[a-z][a-z|-]*\b)?([^\n` + "`" + `"';]*)`)
	// One that others are below is mentioned without its program, too.
	below   = regexp.MustCompile("`(topics|trace|acl|users) ([a-z|-]+)([^`\n]*)`")
	flagged = regexp.MustCompile(`(?:^|\s|\[)--([a-z][a-z-]*)`)
)

// prose are the words that follow the name of the program, its package or its folder in a sentence.
var prose = []string{"and", "command", "does", "has", "in", "is", "itself", "of", "publishes", "reads", "says", "the", "to"}

func mentions(text string) []mention {
	var out []mention
	for _, m := range mentioned.FindAllStringSubmatch(text, -1) {
		first, second := strings.Trim(m[1], " \t\n#"), strings.Trim(m[2], " \t\n#")
		if slices.Contains(prose, first) {
			continue
		}
		out = append(out, newMention(strings.TrimSpace(m[0]), first, second, m[3]))
	}
	for _, m := range below.FindAllStringSubmatch(text, -1) {
		out = append(out, newMention(m[0], m[1], m[2], m[3]))
	}
	return out
}

func newMention(text, first, second, rest string) mention {
	out := mention{text: text, words: []string{first}}
	if second != "" {
		out.words = append(out.words, second)
	}
	for _, end := range []string{", ", ": ", ". ", " && ", " # "} { // what follows is of another command, or of none
		rest, _, _ = strings.Cut(rest, end)
	}
	for _, f := range flagged.FindAllStringSubmatch(rest, -1) {
		out.flags = append(out.flags, f[1])
	}
	return out
}

// wrong says what of a mention is not there.
func (m mention) wrong(root *cobra.Command) string {
	at := []*cobra.Command{root}
	for i, words := range m.words {
		var next []*cobra.Command
		for _, parent := range at {
			if i > 0 && !parent.HasSubCommands() {
				continue // an argument, or the sentence goes on
			}
			for _, word := range strings.Split(strings.Trim(words, "|-"), "|") {
				child, _, err := parent.Find([]string{word})
				if err != nil || child == parent {
					return "`" + parent.CommandPath() + "` has no command " + word
				}
				next = append(next, child)
			}
		}
		if len(next) > 0 {
			at = next
		}
	}
	for _, command := range at {
		for _, flag := range m.flags {
			command.InitDefaultHelpFlag()
			if command.Flags().Lookup(flag) == nil && command.InheritedFlags().Lookup(flag) == nil {
				return "`" + command.CommandPath() + "` has no flag --" + flag
			}
		}
	}
	return ""
}

// TestMentions holds the test itself to what it is to find.
func TestMentions(t *testing.T) {
	t.Parallel()
	root := newRoot()
	for text, want := range map[string]string{
		"run trestle topics apply?":                           "",
		"run trestle topics plan|apply":                       "",
		"run trestle\ntopics rename":                          "`trestle topics` has no command rename",
		"`trestle check git#a --against git#b`, --no":         "",
		"run trestle spells apply?":                           "`trestle` has no command spells",
		"`trestle topics rename`":                             "`trestle topics` has no command rename",
		"what `acl rename S` does":                            "`trestle acl` has no command rename",
		"run trestle topics plan|rename":                      "`trestle topics` has no command rename",
		"what `topics rename T` does":                         "`trestle topics` has no command rename",
		"go run ./cmd/trestle spells list":                    "`trestle` has no command spells",
		"`trestle check --behind git#main`":                   "`trestle check` has no flag --behind",
		"`trestle check --against git#main --json`":           "",
		"`trestle generate` rewrites gen; package trestle is": "",
	} {
		var got string
		for _, m := range mentions(text) {
			if got == "" {
				got = m.wrong(root)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
