package docs

import (
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
)

// prose makes blocks of a schema's comment: paragraphs, lists, and what is indented as code. Text in backquotes is code,
// and so are names of events, which lead to their pages.
func (s *site) prose(doc string) []block {
	var out []block
	var points []inline
	var text []string
	flush := func() {
		if len(points) > 0 {
			out = append(out, list{points})
			points = nil
		}
		if len(text) > 0 {
			out = append(out, listing{text: dedent(text)})
			text = nil
		}
	}
	for line := range strings.SplitSeq(output.Prose(doc), "\n") {
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "  ")
		point, isPoint := strings.CutPrefix(line, "- ")
		if !isPoint {
			point, isPoint = strings.CutPrefix(line, "* ")
		}
		switch {
		case indented && len(points) > 0:
			last := len(points) - 1
			points[last] = and(points[last], plain(" "), s.line(strings.TrimSpace(line)))
		case indented:
			text = append(text, line)
		case isPoint:
			if len(text) > 0 {
				flush()
			}
			points = append(points, s.line(point))
		case line != "":
			flush()
			out = append(out, paragraph{s.line(line)})
		}
	}
	flush()
	return out
}

// dedent joins lines without the white space that all of them begin with.
func dedent(lines []string) string {
	shared := lines[0]
	for _, line := range lines {
		for !strings.HasPrefix(line, shared) || strings.TrimLeft(shared, " \t") != "" {
			shared = shared[:len(shared)-1]
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, line[len(shared):])
	}
	return strings.Join(out, "\n")
}

var words = regexp.MustCompile("`[^`]+`|[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z0-9_]+)*")

// line makes a line of text, with its code and links.
func (s *site) line(text string) inline {
	var out inline
	last := 0
	for _, at := range words.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		name, isCode := strings.CutPrefix(strings.TrimSuffix(word, "`"), "`")
		to := s.named(name)
		if !isCode && to.empty() {
			continue
		}
		if at[0] > last {
			out = append(out, span{text: text[last:at[0]]})
		}
		out = append(out, span{text: name, code: isCode, to: to})
		last = at[1]
	}
	if last < len(text) {
		out = append(out, span{text: text[last:]})
	}
	return out
}

// named is the page of an event or a topic, empty for any other word, and for what the page being made is about.
func (s *site) named(word string) link {
	for _, id := range []string{eventID(word), topicID(word)} {
		if s.paths[id] != "" && id != s.current {
			return link{page: id}
		}
	}
	return link{}
}

// lines makes the lines of a table's cell of a comment.
func (s *site) lines(doc string) cell {
	var out cell
	for _, b := range s.prose(doc) {
		switch b := b.(type) {
		case paragraph:
			out = append(out, b.text)
		case list:
			for _, item := range b.items {
				out = append(out, and(plain("• "), item))
			}
		case listing:
			for line := range strings.SplitSeq(b.text, "\n") {
				out = append(out, code(line))
			}
		}
	}
	return out
}

// summary is a comment's first sentence, without links: it stands where a link to the whole is.
func (s *site) summary(doc string) inline {
	first, _, _ := strings.Cut(output.Prose(doc), "\n")
	if i := strings.Index(first, ". "); i >= 0 {
		first = first[:i+1]
	}
	line := s.line(first)
	for i := range line {
		line[i].to = link{}
	}
	return line
}
