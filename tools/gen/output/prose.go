package output

import "strings"

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
