package changelog

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/compat"
)

// Format names a rendering.
type Format string

// The formats.
const (
	Text     Format = "text"
	JSON     Format = "json"
	Markdown Format = "markdown" // a section ready for a file of changes
)

// Formats lists the formats, for help texts.
func Formats() []Format { return []Format{Text, JSON, Markdown} }

// Write renders a changelog; old and new are what the two sides are called.
func Write(w io.Writer, c *Changelog, f Format, old, new string) error {
	var b strings.Builder
	switch f {
	case Text:
		writeText(&b, c)
	case Markdown:
		writeMarkdown(&b, c, old, new)
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(c)
	default:
		return fmt.Errorf("format %q does not exist: use one of %v", f, Formats())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary is the line that counts: "2 events changed, 1 added, 1 wrong step".
func Summary(c *Changelog) string {
	counts := map[compat.Kind]int{}
	breaking := 0
	entries := func(list []Entry) {
		for _, e := range list {
			if e.Breaking {
				breaking++
			}
		}
	}
	entries(c.Groups)
	for _, p := range c.Packages {
		for _, s := range p.Sections {
			if s.Event {
				counts[s.Kind]++
			}
			entries(s.Entries)
		}
	}
	if c.Empty() {
		return "nothing changed"
	}
	var parts []string
	for _, k := range []compat.Kind{compat.Added, compat.Changed, compat.Removed} {
		if counts[k] > 0 {
			parts = append(parts, plural(counts[k], "event")+" "+string(k))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no event changed")
	}
	if breaking > 0 {
		parts = append(parts, plural(breaking, "breaking change"))
	}
	if len(c.Wrong) > 0 {
		parts = append(parts, plural(len(c.Wrong), "wrong step"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func writeText(b *strings.Builder, c *Changelog) {
	for _, p := range c.Packages {
		fmt.Fprintf(b, "%s%s\n", p.Name, packageText(p))
		for _, s := range p.Sections {
			if s.Name != p.Name {
				fmt.Fprintf(b, "  %s%s\n", s.Name, sectionText(s))
			}
			for _, e := range s.Entries {
				writeEntry(b, e)
			}
		}
	}
	if len(c.Groups) > 0 {
		b.WriteString("consumer groups\n")
		for _, e := range c.Groups {
			writeEntry(b, e)
		}
	}
	for _, w := range c.Wrong {
		fmt.Fprintf(b, "%s: wrong step: %s\n  fix: %s\n", w.Location, w.Message, w.Fix)
	}
}

func writeEntry(b *strings.Builder, e Entry) {
	label := string(e.Kind)
	if e.Breaking {
		label = "BREAKING"
	}
	fmt.Fprintf(b, "    %-10s  %s", label, e.Text)
	if e.Consequence != "" {
		fmt.Fprintf(b, " (%s)", e.Consequence)
	}
	b.WriteByte('\n')
}

func packageText(p *PackageChanges) string {
	switch {
	case p.Replaces != "":
		return ", new, replaces " + p.Replaces
	case p.Next != "":
		return ": breaks; its changes belong into " + p.Next
	}
	return ""
}

// sectionText says, behind its name, what an event's versions do, or who shares what changed.
func sectionText(s *Section) string {
	var parts []string
	if s.Event {
		if s.Kind != compat.Changed {
			parts = append(parts, string(s.Kind))
		}
		if s.Step == Package {
			parts = append(parts, "breaks")
		}
		if v := versionText(s); v != "" {
			parts = append(parts, v)
		}
		if s.Shared {
			parts = append(parts, "changes in what it shares with others")
		}
	} else if len(s.SharedBy) > 0 {
		parts = append(parts, "shared by "+strings.Join(s.SharedBy, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// versionText says which step an event's schema_version took, and, where another one is right, which.
func versionText(s *Section) string {
	switch {
	case s.From == "" && s.To == "":
		return ""
	case s.From == "":
		return "schema_version " + s.To
	case s.From != s.To:
		return "schema_version " + s.From + " → " + s.To
	case s.Step == Minor:
		return fmt.Sprintf("schema_version %s, should be %s", s.To, s.Next)
	}
	return ""
}
