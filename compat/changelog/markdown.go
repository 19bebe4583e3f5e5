package changelog

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/compat"
)

// escape keeps text from becoming markup.
var escape = strings.NewReplacer("\\", "\\\\", "<", "&lt;", ">", "&gt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "#", "\\#", "\n", " ")

// titles head the entries of a kind.
var titles = map[compat.Kind]string{
	compat.Added: "Added", compat.Changed: "Changed", compat.Deprecated: "Deprecated", compat.Removed: "Removed", compat.Documented: "Documentation",
}

func writeMarkdown(b *strings.Builder, c *Changelog, old, new string) {
	fmt.Fprintf(b, "## %s\n\nSince %s: %s.\n", escape.Replace(new), escape.Replace(old), escape.Replace(Summary(c)))
	for _, p := range c.Packages {
		fmt.Fprintf(b, "\n### %s\n", escape.Replace(p.Name))
		if text := packageText(p); text != "" {
			fmt.Fprintf(b, "\n%s.\n", escape.Replace(sentence(strings.TrimLeft(text, ",: "))))
		}
		for _, s := range p.Sections {
			if s.Name != p.Name {
				fmt.Fprintf(b, "\n#### %s%s\n", escape.Replace(s.Name), escape.Replace(sectionText(s)))
			}
			writeEntries(b, s.Entries)
		}
	}
	if len(c.Groups) > 0 {
		b.WriteString("\n### Consumer groups\n")
		writeEntries(b, c.Groups)
	}
	if len(c.Wrong) > 0 {
		b.WriteString("\n### Wrong steps of versions\n\n")
		for _, w := range c.Wrong {
			fmt.Fprintf(b, "- %s (%s): %s\n", escape.Replace(w.Message), escape.Replace(w.Location), escape.Replace(w.Fix))
		}
	}
}

// writeEntries lists entries under the title of their kind, what breaks first.
func writeEntries(b *strings.Builder, entries []Entry) {
	last := ""
	for _, e := range entries {
		title := titles[e.Kind]
		if e.Breaking {
			title = "Breaking"
		}
		if title != last {
			fmt.Fprintf(b, "\n**%s**\n\n", title)
			last = title
		}
		fmt.Fprintf(b, "- %s", escape.Replace(e.Text))
		if e.Consequence != "" {
			fmt.Fprintf(b, ": %s", escape.Replace(e.Consequence))
		}
		b.WriteByte('\n')
	}
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
