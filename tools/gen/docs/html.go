package docs

import (
	"embed"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

//go:embed assets/style.css assets/search.js
var assets embed.FS

// HTML writes the catalog as pages for a browser: index.html, and what it leads to. They refer to one another by
// relative paths and to nothing else, so that they work from a folder.
func HTML(set *schema.Set, opts Options) ([]output.File, error) {
	opts.Source = "" // a browser shows no source of a folder next door
	s, err := build(set, opts)
	if err != nil {
		return nil, err
	}
	var out []output.File
	for _, p := range s.pages {
		r := htmlWriter{site: s, page: p}
		r.write()
		out = append(out, output.File{Path: s.paths[p.id] + ".html", Content: []byte(r.b.String())})
	}
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return nil, err
	}
	out = append(out, output.File{Path: "style.css", Content: append([]byte("/* "+output.Marker+" */\n"), style...)})
	script, err := s.searchScript()
	if err != nil {
		return nil, err
	}
	out = append(out, output.File{Path: "search.js", Content: script})
	return files(out), nil
}

// htmlWriter writes one page. Everything that comes from schemas goes through text.
type htmlWriter struct {
	site *site
	page *page
	b    strings.Builder
}

func (w *htmlWriter) markup(parts ...string) {
	for _, p := range parts {
		w.b.WriteString(p)
	}
}

func (w *htmlWriter) text(s string) { w.b.WriteString(html.EscapeString(s)) }

// root is the relative path of the catalog's folder from the page's.
func (w *htmlWriter) root() string {
	return strings.Repeat("../", strings.Count(w.site.paths[w.page.id], "/"))
}

func (w *htmlWriter) href(to link) string {
	var target string
	if to.page != "" && to.page != w.page.id {
		target = w.root() + (&url.URL{Path: w.site.paths[to.page] + ".html"}).EscapedPath()
	}
	if to.anchor != "" {
		target += "#" + url.PathEscape(to.anchor)
	}
	if target == "" {
		target = "#"
	}
	return target
}

func (w *htmlWriter) write() {
	p := w.page
	name := p.title
	if p.id != indexPage {
		name += " · " + w.site.opts.Title
	}
	w.markup("<!doctype html>\n<!-- ", output.Marker, " -->\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
	w.text(name)
	w.markup("</title>\n<link rel=\"stylesheet\" href=\"", w.root(), "style.css\">\n<script defer src=\"", w.root(), "search.js\" data-root=\"", w.root(),
		"\"></script>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n")
	w.top()
	w.markup("<main id=\"main\"", class("wide", len(p.facts) > 0), ">\n")
	w.markup("<div class=\"content\">\n")
	if p.kind != "" {
		w.markup("<p class=\"kicker\">")
		w.text(p.kind)
		w.markup("</p>\n")
	}
	w.markup("<h1>")
	w.wrapped(p.title)
	w.markup("</h1>\n")
	if len(p.lead) > 0 {
		w.markup("<div class=\"lead\">\n")
		w.blocks(p.lead)
		w.markup("</div>\n")
	}
	w.flows()
	w.blocks(p.body)
	w.markup("</div>\n")
	w.facts()
	w.markup("</main>\n</body>\n</html>\n")
}

func class(name string, on bool) string {
	if !on {
		return ""
	}
	return ` class="` + name + `"`
}

func (w *htmlWriter) top() {
	w.markup("<header class=\"top\">\n<a class=\"brand\" href=\"", w.href(link{page: indexPage}), "\">")
	w.text(w.site.opts.Title)
	w.markup("</a>\n<nav aria-label=\"Catalog\">\n")
	entry := func(name string, to link) {
		current := ""
		if to.page == w.page.id && to.anchor == "" {
			current = ` aria-current="page"`
		}
		w.markup("<a href=\"", w.href(to), "\"", current, ">", name, "</a>\n")
	}
	entry("Events", link{page: indexPage, anchor: "events"})
	if len(w.site.set.Topics) > 0 {
		entry("Topics", link{page: indexPage, anchor: "topics"})
	}
	if w.site.paths[groupsPage] != "" {
		entry("Groups", link{page: groupsPage})
	}
	if w.site.paths[enumsPage] != "" {
		entry("Enums", link{page: enumsPage})
	}
	if w.site.paths[changesPage] != "" {
		entry("Changes", link{page: changesPage})
	}
	w.markup("</nav>\n<form class=\"search\" role=\"search\" hidden>\n",
		"<input type=\"search\" id=\"search\" placeholder=\"Search\" aria-label=\"Search events, topics, fields\" aria-controls=\"results\" autocomplete=\"off\" spellcheck=\"false\">\n",
		"<kbd aria-hidden=\"true\">/</kbd>\n<p class=\"count\" role=\"status\"></p>\n<ul id=\"results\" hidden></ul>\n</form>\n</header>\n")
}

// wrapped lets a long name break after dots and underscores.
func (w *htmlWriter) wrapped(name string) {
	last := 0
	for i, r := range name {
		if r == '.' || r == '_' || r == '/' {
			w.text(name[last : i+1])
			w.markup("<wbr>")
			last = i + 1
		}
	}
	w.text(name[last:])
}

func (w *htmlWriter) line(line inline) {
	for _, s := range line {
		if !s.to.empty() && s.to.source == "" {
			w.markup("<a href=\"", w.href(s.to), "\">")
		}
		switch {
		case s.badge != noBadge:
			w.markup("<span class=\"badge ", string(s.badge), "\">")
			w.text(s.text)
			w.markup("</span> ")
		case s.code:
			w.markup("<code>")
			w.wrapped(s.text)
			w.markup("</code>")
		default:
			w.text(s.text)
		}
		if !s.to.empty() && s.to.source == "" {
			w.markup("</a>")
		}
	}
}

func (w *htmlWriter) flows() {
	known := slices.DeleteFunc(slices.Clone(w.page.flow), func(f flow) bool { return len(f.from)+len(f.to) == 0 })
	if len(known) == 0 {
		return
	}
	w.markup("<div class=\"flows\">\n")
	for _, f := range known {
		w.markup("<p class=\"flow\">")
		w.services(f.from, "published by ")
		if len(f.from) > 0 {
			w.markup("<span class=\"arrow\" aria-hidden=\"true\">→</span> ")
		}
		w.markup("<span class=\"via\">")
		w.line(f.via)
		w.markup("</span>")
		if len(f.to) > 0 {
			w.markup(" <span class=\"arrow\" aria-hidden=\"true\">→</span> ")
		}
		w.services(f.to, "consumed by ")
		w.markup("</p>\n")
	}
	w.markup("</div>\n")
}

func (w *htmlWriter) services(names []string, how string) {
	for _, name := range names {
		w.markup("<span class=\"service\"><span class=\"sr\">", how, "</span>")
		w.text(name)
		w.markup("</span> ")
	}
}

func (w *htmlWriter) facts() {
	if len(w.page.facts) == 0 {
		return
	}
	w.markup("<aside class=\"facts\" aria-label=\"At a glance\">\n<dl>\n")
	for _, f := range w.page.facts {
		w.markup("<div><dt>")
		w.text(f.name)
		w.markup("</dt>")
		for _, line := range f.lines {
			w.markup("<dd>")
			w.line(line)
			w.markup("</dd>")
		}
		w.markup("</div>\n")
	}
	w.markup("</dl>\n</aside>\n")
}

func (w *htmlWriter) blocks(list []block) {
	for _, b := range list {
		w.block(b)
	}
}

func (w *htmlWriter) block(b block) {
	switch b := b.(type) {
	case heading:
		tag := fmt.Sprintf("h%d", b.level)
		w.markup("<", tag)
		if b.anchor != "" {
			w.markup(" id=\"")
			w.text(b.anchor)
			w.markup("\"")
		}
		w.markup(">")
		w.line(b.text)
		w.markup("</", tag, ">\n")
	case paragraph:
		w.markup("<p>")
		w.line(b.text)
		w.markup("</p>\n")
	case list:
		w.markup("<ul>\n")
		for _, item := range b.items {
			w.markup("<li>")
			w.line(item)
			w.markup("</li>\n")
		}
		w.markup("</ul>\n")
	case listing:
		w.markup("<pre tabindex=\"0\"><code>")
		if b.language == "json" {
			w.json(b.text)
		} else {
			w.text(b.text)
		}
		w.markup("</code></pre>\n")
	case table:
		w.table(b)
	}
}

func (w *htmlWriter) table(t table) {
	w.markup("<table class=\"columns-", fmt.Sprint(len(t.head)), "\">\n<caption class=\"sr\">")
	w.text(t.label)
	w.markup("</caption>\n<thead><tr>")
	for _, h := range t.head {
		w.markup("<th scope=\"col\">")
		w.text(h)
		w.markup("</th>")
	}
	w.markup("</tr></thead>\n<tbody>\n")
	for _, row := range t.rows {
		w.markup("<tr>")
		for i, c := range row {
			open, end := "<td", "</td>"
			if i == 0 {
				open, end = "<th scope=\"row\"", "</th>"
			}
			w.markup(open, class("none", len(c) == 0), ">")
			for _, line := range c {
				w.markup("<div>")
				w.line(line)
				w.markup("</div>")
			}
			w.markup(end)
		}
		w.markup("</tr>\n")
	}
	w.markup("</tbody>\n</table>\n")
}

// tokens finds names, texts and other values in JSON.
var tokens = regexp.MustCompile(`("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[0-9.eE+-]*`)

// json writes JSON with marks for colours.
func (w *htmlWriter) json(text string) {
	last := 0
	for _, at := range tokens.FindAllStringSubmatchIndex(text, -1) {
		w.text(text[last:at[0]])
		kind, end := "v", at[1]
		switch {
		case at[4] >= 0:
			kind, end = "n", at[3]
		case at[2] >= 0:
			kind = "s"
		}
		w.markup("<span class=\"", kind, "\">")
		w.text(text[at[0]:end])
		w.markup("</span>")
		w.text(text[end:at[1]])
		last = at[1]
	}
	w.text(text[last:])
}
