package docs

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
)

// entry is what a search can find.
type entry struct {
	Kind  string `json:"k"`
	Name  string `json:"n"`
	URL   string `json:"u"` // from the catalog's folder
	About string `json:"a,omitempty"`
	Words string `json:"w,omitempty"` // what else finds it

	page, anchor string
}

// searchable adds a page to the index.
func (s *site) searchable(p *page, about inline, words ...string) {
	seen := map[string]bool{}
	words = slices.DeleteFunc(words, func(w string) bool {
		again := seen[w]
		seen[w] = true
		return again
	})
	s.entries = append(s.entries, entry{Kind: p.kind, Name: p.title, About: flat(about), Words: strings.Join(words, " "), page: p.id})
}

func flat(line inline) string {
	var b strings.Builder
	for _, s := range line {
		b.WriteString(s.text)
	}
	return b.String()
}

// searchScript is the index with the few lines that search it. It is one script, as a page opened from a folder may not
// load anything else.
func (s *site) searchScript() ([]byte, error) {
	code, err := assets.ReadFile("assets/search.js")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("// " + output.Marker + "\nconst entries = [\n")
	for _, e := range s.entries {
		e.URL = (&url.URL{Path: s.paths[e.page] + ".html", Fragment: e.anchor}).String()
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		b.Write(line)
		b.WriteString(",\n")
	}
	b.WriteString("];\n\n")
	b.Write(code)
	return b.Bytes(), nil
}
