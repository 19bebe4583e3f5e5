package docs_test

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// htmlPage is what a page holds that other pages need.
type htmlPage struct {
	ids   map[string]bool
	links []string
}

var (
	tag       = regexp.MustCompile(`^<(/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*>`)
	attribute = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)
	entity    = regexp.MustCompile(`&(#\d+|amp|lt|gt|quot);`)
	void      = []string{"meta", "link", "input", "wbr", "br", "hr", "img"}
)

// parseHTML reads a page, more strictly than browsers do: tags are closed in order, attributes are quoted, ids unique.
func parseHTML(t *testing.T, file, text string) htmlPage {
	t.Helper()
	p := htmlPage{ids: map[string]bool{}}
	rest, ok := strings.CutPrefix(text, "<!doctype html>\n")
	if !ok {
		t.Errorf("%s: no doctype", file)
	}
	var open []string
	for rest != "" {
		at := strings.IndexAny(rest, "<>&")
		if at < 0 {
			break
		}
		rest = rest[at:]
		switch {
		case strings.HasPrefix(rest, "<!--"):
			_, rest, _ = strings.Cut(rest, "-->")
			continue
		case rest[0] == '&':
			if m := entity.FindString(rest); !strings.HasPrefix(rest, m) || m == "" {
				t.Fatalf("%s: & that is no entity: %.40q", file, rest)
			}
			rest = rest[1:]
			continue
		}
		m := tag.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("%s: no tag: %.80q", file, rest)
		}
		rest = rest[len(m[0]):]
		name := m[2]
		switch {
		case m[1] == "/":
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("%s: </%s> closes %v", file, name, open)
			}
			open = open[:len(open)-1]
		case !slices.Contains(void, name):
			open = append(open, name)
		}
		for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
			value := html.UnescapeString(a[2])
			switch a[1] {
			case "id":
				if p.ids[value] {
					t.Errorf("%s: id %s is there twice", file, value)
				}
				p.ids[value] = true
			case "href", "src":
				link, err := url.PathUnescape(value)
				if err != nil || strings.Contains(link, ":") {
					t.Errorf("%s: link to %s: %v", file, value, err)
				}
				p.links = append(p.links, link)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: %v not closed", file, open)
	}
	return p
}

var (
	fenced       = regexp.MustCompile("(?s)```.*?```")
	codeSpan     = regexp.MustCompile("`[^`]+`")
	markdownLink = regexp.MustCompile(`\]\(([^)]+)\)`)
	markdownID   = regexp.MustCompile(`<a id="([^"]+)"></a>`)
)

func parseMarkdown(text string) (links []string, ids map[string]bool) {
	ids = map[string]bool{}
	text = codeSpan.ReplaceAllString(fenced.ReplaceAllString(text, ""), "code")
	for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
		link, err := url.PathUnescape(m[1])
		if err != nil {
			link = m[1]
		}
		links = append(links, link)
	}
	for _, m := range markdownID.FindAllStringSubmatch(text, -1) {
		ids[m[1]] = true
	}
	return links, ids
}
