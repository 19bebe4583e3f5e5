package python

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
)

// width is how long lines may be.
const width = 112

// quote is a text as a Python literal: Go's escapes are Python's too.
func quote(s string) string { return strconv.Quote(s) }

// quoteBytes is a literal of bytes.
func quoteBytes(data []byte) string {
	var b strings.Builder
	b.WriteString(`b"`)
	for _, c := range data {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String() + `"`
}

// tuple is a literal of strings.
func tuple(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quote(item)
	}
	switch len(quoted) {
	case 0:
		return "()"
	case 1:
		return "(" + quoted[0] + ",)"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// wrapped breaks a text at blanks into lines of at most n characters; blanks stay at the ends of lines.
func wrapped(s string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitAfterSeq(s, " ") {
		if line != "" && len(line)+len(word) > n {
			lines = append(lines, line)
			line = ""
		}
		line += word
	}
	return append(lines, line)
}

// docstring writes documentation: paragraphs, and what follows them.
func docstring(indent, doc string) string {
	doc = strings.TrimSpace(output.Prose(output.Plain(doc)))
	doc = strings.ReplaceAll(strings.ReplaceAll(doc, `\`, `\\`), `"""`, `\"\"\"`)
	var lines []string
	for paragraph := range strings.SplitSeq(doc, "\n") {
		for _, line := range wrapped(paragraph, width-len(indent)) {
			lines = append(lines, strings.TrimRight(line, " \t"))
		}
	}
	if len(lines) == 1 {
		if strings.HasSuffix(lines[0], `"`) {
			lines[0] += " "
		}
		return indent + `"""` + lines[0] + `"""` + "\n"
	}
	var b strings.Builder
	for i, line := range lines {
		switch {
		case i == 0:
			b.WriteString(indent + `"""` + line + "\n")
		case line == "":
			b.WriteString("\n")
		default:
			b.WriteString(indent + line + "\n")
		}
	}
	return b.String() + indent + `"""` + "\n"
}

// longString writes a literal over as many lines as it takes, behind name= in a call's arguments.
func longString(indent, name, s string) string {
	lines := wrapped(s, width-len(indent)-len(name)-8)
	for i := range lines {
		lines[i] = quote(lines[i])
	}
	if len(lines) == 1 {
		return indent + name + "=" + lines[0] + ",\n"
	}
	return indent + name + "=" + strings.Join(lines, "\n"+indent) + ",\n"
}

// docText is documentation as one line of text, for a field's description.
func docText(doc string) string { return strings.TrimSpace(output.Prose(doc)) }
