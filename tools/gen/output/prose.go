package output

import (
	"strings"
	"unicode"
)

// Plain is a text as it can stand in a comment of a source file: valid UTF-8 without control characters but tabs and ends
// of lines, and without marks of byte order.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return r
		case r == '\r':
			return -1
		case unicode.IsControl(r) || r == '\ufeff' || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// Prose joins the lines of a schema's comment into paragraphs, for places that break lines themselves. Lines that are
// indented, or that begin a list item, keep their break.
func Prose(doc string) string {
	doc = strings.TrimSpace(doc)
	if doc == "" {
		return ""
	}
	var b strings.Builder
	joined := true // nothing to join to
	for line := range strings.SplitSeq(doc, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			b.WriteString("\n")
			joined = false
			continue
		case b.Len() == 0:
		case !joined || keepsBreak(line):
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(line)
		joined = !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t")
	}
	return b.String()
}

func keepsBreak(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ")
}
