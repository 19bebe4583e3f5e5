package docs

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Markdown writes the catalog for a repository: README.md, and what it leads to, in GitHub's dialect.
func Markdown(set *schema.Set, opts Options) ([]output.File, error) {
	s, err := build(set, opts)
	if err != nil {
		return nil, err
	}
	s.paths[indexPage] = "README"
	var out []output.File
	for _, p := range s.pages {
		w := markdownWriter{site: s, page: p}
		w.write()
		out = append(out, output.File{Path: s.paths[p.id] + ".md", Content: []byte(strings.TrimRight(w.b.String(), "\n") + "\n")})
	}
	return files(out), nil
}

// markdownWriter writes one page. Everything that comes from schemas goes through text or code.
type markdownWriter struct {
	site *site
	page *page
	b    strings.Builder
}

func (w *markdownWriter) write() {
	p := w.page
	w.b.WriteString("<!-- " + output.Marker + " -->\n\n")
	if p.id != indexPage {
		w.b.WriteString("[" + markdownText(w.site.opts.Title) + "](" + w.href(link{page: indexPage}) + ")\n\n")
	}
	w.b.WriteString("# " + markdownText(p.title) + "\n\n")
	if p.kind != "" {
		w.b.WriteString("*" + p.kind + "*\n\n")
	}
	w.blocks(p.lead)
	for _, f := range p.flow {
		if len(f.from)+len(f.to) == 0 {
			continue
		}
		var parts []string
		if len(f.from) > 0 {
			parts = append(parts, markdownText(strings.Join(f.from, ", ")))
		}
		parts = append(parts, w.line(f.via))
		if len(f.to) > 0 {
			parts = append(parts, markdownText(strings.Join(f.to, ", ")))
		}
		w.b.WriteString(strings.Join(parts, " → ") + "\n\n")
	}
	if len(p.facts) > 0 {
		for _, f := range p.facts {
			var lines []string
			for _, l := range f.lines {
				lines = append(lines, w.line(l))
			}
			w.b.WriteString("- **" + f.name + "**: " + strings.Join(lines, ", ") + "\n")
		}
		w.b.WriteString("\n")
	}
	w.blocks(p.body)
}

func (w *markdownWriter) blocks(list []block) {
	for _, b := range list {
		w.block(b)
		w.b.WriteString("\n")
	}
}

func (w *markdownWriter) block(b block) {
	switch b := b.(type) {
	case heading:
		if b.anchor != "" {
			fmt.Fprintf(&w.b, "<a id=\"%s\"></a>\n\n", b.anchor)
		}
		w.b.WriteString(strings.Repeat("#", b.level) + " " + w.line(b.text) + "\n")
	case paragraph:
		w.b.WriteString(w.line(b.text) + "\n")
	case list:
		for _, item := range b.items {
			w.b.WriteString("- " + w.line(item) + "\n")
		}
	case listing:
		fence := "```"
		for strings.Contains(b.text, fence) {
			fence += "`"
		}
		w.b.WriteString(fence + b.language + "\n" + b.text + "\n" + fence + "\n")
	case table:
		w.row(b.head)
		w.b.WriteString(strings.Repeat("| --- ", len(b.head)) + "|\n")
		for _, r := range b.rows {
			var cells []string
			for _, c := range r {
				var lines []string
				for _, l := range c {
					lines = append(lines, strings.ReplaceAll(w.line(l), "|", `\|`))
				}
				cells = append(cells, strings.Join(lines, "<br>"))
			}
			w.row(cells)
		}
	}
}

func (w *markdownWriter) row(cells []string) {
	for _, c := range cells {
		w.b.WriteString("| " + c)
		if c != "" {
			w.b.WriteString(" ")
		}
	}
	w.b.WriteString("|\n")
}

func (w *markdownWriter) line(line inline) string {
	var b strings.Builder
	for _, s := range line {
		text := markdownText(s.text)
		if s.code {
			text = markdownCode(s.text)
		}
		if s.badge != noBadge {
			text = "*" + text + "* "
		}
		if href := w.href(s.to); href != "" {
			text = "[" + text + "](" + href + ")"
		}
		b.WriteString(text)
	}
	return strings.TrimSpace(b.String())
}

func (w *markdownWriter) href(to link) string {
	root := strings.Repeat("../", strings.Count(w.site.paths[w.page.id], "/"))
	target := ""
	switch {
	case to.empty(), to.source != "" && w.site.opts.Source == "":
		return ""
	case to.source != "":
		path, fragment, _ := strings.Cut(to.source, "#")
		u := url.URL{Path: root + strings.TrimSuffix(w.site.opts.Source, "/") + "/" + path, Fragment: fragment}
		return u.String()
	case to.page != "" && to.page != w.page.id:
		target = root + (&url.URL{Path: w.site.paths[to.page] + ".md"}).EscapedPath()
	}
	if to.anchor != "" {
		target += "#" + url.PathEscape(to.anchor)
	}
	return target
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "~", `\~`,
)

// markdownText writes text that means nothing but itself.
func markdownText(s string) string {
	s = markdownEscapes.Replace(s)
	// At the beginning of a line these would begin a list.
	if s != "" && strings.ContainsRune("-+", rune(s[0])) {
		s = `\` + s
	}
	return s
}

// markdownCode writes text as code, between as many backquotes as it takes.
func markdownCode(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if s == "" {
		return ""
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}
