package compat

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// cases are what the rules are tested on, and what their pages show.
//
//go:embed all:testdata
var cases embed.FS

// WritePage writes a rule's page in Markdown: what it keeps, whom a change breaks, how to go about it, an edit that
// breaks and its neighbour that does not.
func (r Rule) WritePage(b *strings.Builder) error {
	fmt.Fprintf(b, "## %s\n\nKeeps: %s.\n\n", r.ID, r.Purpose)
	var encodings []string
	for _, e := range r.Encodings {
		encodings = append(encodings, string(e))
	}
	fmt.Fprintf(b, "- breaks: %s, in %s\n- severity: %s\n", r.Breaks, strings.Join(encodings, " and "), r.Severity)
	if r.Breaks&Backward != 0 {
		fmt.Fprintf(b, "- backward: %s\n", general(r.Backward, "the topic"))
	}
	if r.Breaks&Forward != 0 {
		fmt.Fprintf(b, "- forward: %s\n", general(r.Forward, "the topic"))
	}
	fmt.Fprintf(b, "- instead: %s\n", general(r.Fix, "it"))
	if r.Policy {
		b.WriteString("- no event can show it: it guards an agreement\n")
	}
	b.WriteByte('\n')
	languages, err := cases.ReadDir(path.Join("testdata", r.ID))
	if err != nil {
		return nil // a rule of a profile that has no cases of its own
	}
	// One language shows it; protobuf, where it has cases.
	dir := path.Join("testdata", r.ID, languages[len(languages)-1].Name())
	for _, example := range []struct{ title, dir string }{
		{"An edit that breaks", dir}, {"Its neighbour, which does not", path.Join(dir, "legal")},
	} {
		diff, err := diffFolders(path.Join(example.dir, "old"), path.Join(example.dir, "new"))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s:\n\n```diff\n%s```\n\n", example.title, diff)
	}
	want, err := cases.ReadFile(path.Join(dir, "want.txt"))
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "What is said of the first:\n\n```text\n%s```\n\n", want)
	return nil
}

func general(text, what string) string { return strings.ReplaceAll(text, "%s", what) }

// diffFolders shows the lines that differ in the files of two folders, with the file's name.
func diffFolders(old, new string) (string, error) {
	olds, err := texts(old)
	if err != nil {
		return "", err
	}
	news, err := texts(new)
	if err != nil {
		return "", err
	}
	names := maps.Clone(olds)
	maps.Copy(names, news)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if olds[name] != news[name] {
			fmt.Fprintf(&b, "# %s\n", name)
			diffLines(&b, lines(olds[name]), lines(news[name]))
		}
	}
	if b.Len() == 0 {
		return "# nothing differs\n", nil
	}
	return b.String(), nil
}

func texts(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(cases, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := cases.ReadFile(name)
		out[strings.TrimPrefix(name, dir+"/")] = string(text)
		return err
	})
	return out, err
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// diffLines writes what has to go and what has to come, by the longest common subsequence.
func diffLines(b *strings.Builder, old, new []string) {
	common := make([][]int, len(old)+1)
	for i := range common {
		common[i] = make([]int, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); old[i] == new[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(new) {
		switch {
		case i < len(old) && j < len(new) && old[i] == new[j]:
			i, j = i+1, j+1
		case j == len(new) || i < len(old) && common[i+1][j] >= common[i][j+1]:
			b.WriteString("-" + old[i] + "\n")
			i++
		default:
			b.WriteString("+" + new[j] + "\n")
			j++
		}
	}
}
