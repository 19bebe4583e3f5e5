package docs_test

import (
	"encoding/json"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/gen/docs"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden files")

func loadSet(t testing.TB, dir ...string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(dir...)))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func shop(t testing.TB) *schema.Set { return loadSet(t, "testdata", "shop") }
func ours(t testing.TB) *schema.Set { return loadSet(t, "..", "..", "..", "schemas") }

var options = docs.Options{Schemas: "schemas", Source: "../schemas", History: []docs.Release{
	{Name: "v1.1.0", Since: "v1.0.0", Changes: []docs.Change{
		{Event: "OrderPlaced", Version: "1.0 → 1.1", Points: []docs.Point{
			{Kind: "added", Text: "field <b>note</b> (string) was added"},
			{Kind: "changed", Breaking: true, Text: "limit: range changed from >= 1 to >= 2"},
			{Kind: "deprecated", Text: "remark is deprecated: use note"},
		}},
		{Name: "shop.v1.Line", SharedBy: []string{"OrderPlaced", "Gone"}, Points: []docs.Point{{Kind: "added", Text: "field size was added"}}},
		{Event: "stock.counted.v2", Added: true, Points: []docs.Point{{Kind: "added", Text: "event stock.counted.v2 was added"}}},
		{Event: "Gone", Points: []docs.Point{{Kind: "removed", Breaking: true, Text: "event Gone was removed"}}},
	}},
	{Name: "v1.0.0", Since: "v0.9.0", Changes: []docs.Change{{Event: "OrderPlaced", Version: "0.9 → 1.0"}}},
}}

func must(t testing.TB, set *schema.Set, format func(*schema.Set, docs.Options) ([]output.File, error)) map[string]string {
	t.Helper()
	files, err := format(set, options)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string, len(files))
	for _, f := range files {
		if !output.Generated(f.Content) {
			t.Errorf("%s: no generator knows the file again", f.Path)
		}
		if out[f.Path] != "" {
			t.Errorf("%s is there twice", f.Path)
		}
		out[f.Path] = string(f.Content)
	}
	return out
}

func TestMarkdownGolden(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "markdown")
	got := must(t, shop(t), docs.Markdown)
	if *update {
		if err := os.RemoveAll(golden); err != nil {
			t.Fatal(err)
		}
		for name, text := range got {
			file := filepath.Join(golden, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := map[string]string{}
	err := filepath.WalkDir(golden, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(golden, file)
		want[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as in %s, -want +got:\n%s", golden, diff)
	}
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]func(*schema.Set, docs.Options) ([]output.File, error){"html": docs.HTML, "markdown": docs.Markdown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(must(t, ours(t), format), must(t, ours(t), format)); diff != "" {
				t.Errorf("a second run writes something else:\n%s", diff)
			}
		})
	}
}

// TestHTML checks every page: well-formed, every link leads to a page and a place on it, everything is reached from the
// index, by links and by the search.
func TestHTML(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]*schema.Set{"shop": shop(t), "ours": ours(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := must(t, set, docs.HTML)
			pages := map[string]htmlPage{}
			for file, text := range files {
				if path.Ext(file) == ".html" {
					pages[file] = parseHTML(t, file, text)
				}
			}
			reached := map[string]bool{}
			follow(t, "index.html", func(file string) ([]string, map[string]bool, bool) {
				if p, ok := pages[file]; ok {
					return p.links, p.ids, true
				}
				_, ok := files[file]
				return nil, nil, ok
			}, reached)
			for _, entry := range searchIndex(t, files["search.js"]) {
				file, fragment, _ := strings.Cut(entry.URL, "#")
				if p, ok := pages[file]; !ok || fragment != "" && !p.ids[fragment] {
					t.Errorf("the search leads to %s, which is not there", entry.URL)
				}
			}
			everyPage(t, set, ".html", files, reached)
			if !reached["style.css"] || !reached["search.js"] || len(reached) != len(files) {
				t.Errorf("%d of %d files are reached", len(reached), len(files))
			}
		})
	}
}

func TestMarkdownLinks(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]*schema.Set{"shop": shop(t), "ours": ours(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := must(t, set, docs.Markdown)
			reached := map[string]bool{}
			follow(t, "README.md", func(file string) ([]string, map[string]bool, bool) {
				if strings.HasPrefix(file, "../schemas/") {
					return nil, nil, true
				}
				text, ok := files[file]
				links, ids := parseMarkdown(text)
				return links, ids, ok
			}, reached)
			everyPage(t, set, ".md", files, reached)
		})
	}
}

// everyPage demands a page for each event and topic, and that it is reached.
func everyPage(t *testing.T, set *schema.Set, ext string, files map[string]string, reached map[string]bool) {
	t.Helper()
	for file := range files {
		if !reached[file] {
			t.Errorf("no link leads to %s", file)
		}
	}
	events, topics := 0, 0
	for file := range files {
		switch path.Dir(file) {
		case "events":
			events++
		case "topics":
			topics++
		}
		if e := path.Ext(file); e != ext && e != ".css" && e != ".js" {
			t.Errorf("%s is no %s", file, ext)
		}
	}
	if events != len(set.Events()) || topics != len(set.Topics) {
		t.Errorf("%d pages of events and %d of topics, want %d and %d", events, topics, len(set.Events()), len(set.Topics))
	}
}

// follow follows all links from a file on. look returns the links and places of a file.
func follow(t *testing.T, file string, look func(string) (links []string, ids map[string]bool, ok bool), reached map[string]bool) {
	t.Helper()
	if reached[file] {
		return
	}
	reached[file] = true
	links, ids, _ := look(file)
	for _, link := range links {
		target, fragment, _ := strings.Cut(link, "#")
		at, there := file, ids
		if target != "" {
			at = path.Join(path.Dir(file), target)
			_, other, ok := look(at)
			if !ok {
				t.Errorf("%s: link to %s, which is not there", file, link)
				continue
			}
			there = other
		}
		if fragment != "" && there != nil && !there[fragment] {
			t.Errorf("%s: link to %s, where that place is not", file, link)
		}
		if !strings.HasPrefix(at, "..") {
			follow(t, at, look, reached)
		} else {
			delete(reached, at)
		}
	}
}

// TestEscaped looks for what schemas say that a browser would take for its own.
func TestEscaped(t *testing.T) {
	t.Parallel()
	files := must(t, shop(t), docs.HTML)
	for file, text := range files {
		for _, evil := range []string{"<b>", "<em>", "<i>", "</script>,", "<costs>", "<script>d"} {
			if strings.Contains(text, evil) {
				t.Errorf("%s holds %s as it is in the schema", file, evil)
			}
		}
	}
	page := files["events/OrderPlaced.html"]
	if !strings.Contains(page, "&lt;script&gt;document.title = &#34;owned&#34;&lt;/script&gt;") {
		t.Error("the comment is not shown")
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d scripts on a page, want the search alone", n)
	}
	for file, text := range must(t, shop(t), docs.Markdown) {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.Contains(line, "<script") || strings.Contains(line, "<b>") {
				t.Errorf("%s: markup from a comment: %s", file, line)
			}
		}
	}
}

type indexed struct {
	Name string `json:"n"`
	URL  string `json:"u"`
}

func searchIndex(t *testing.T, script string) []indexed {
	t.Helper()
	_, rest, ok := strings.Cut(script, "const entries = ")
	list, _, ok2 := strings.Cut(rest, ",\n];")
	if !ok || !ok2 {
		t.Fatal("the search has no index")
	}
	var out []indexed
	if err := json.Unmarshal([]byte(list+"]"), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNothing(t *testing.T) {
	t.Parallel()
	files := must(t, &schema.Set{}, docs.HTML)
	if !strings.Contains(files["index.html"], "0 events") {
		t.Errorf("an empty set has the index %s", files["index.html"])
	}
	page := parseHTML(t, "index.html", files["index.html"])
	for _, link := range page.links {
		if id, ok := strings.CutPrefix(link, "#"); ok && id != "" && !page.ids[id] {
			t.Errorf("link to %s, which is not there", link)
		}
	}
}
