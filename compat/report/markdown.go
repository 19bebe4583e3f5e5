package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/compat"
)

// cell keeps text from ending a table's cell or becoming markup.
var cell = strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`")

func writeMarkdown(w io.Writer, r *compat.Report) error {
	var b bytes.Buffer
	switch {
	case r.RecordsOnly && r.Compatible:
		b.WriteString("### Stored records fit the event schemas\n\n")
	case r.RecordsOnly:
		b.WriteString("### Stored records do not fit the event schemas\n\n")
	case r.Compatible:
		b.WriteString("### Event schemas are compatible\n\n")
	default:
		b.WriteString("### Event schemas are not compatible\n\n")
	}
	if r.RecordsOnly {
		fmt.Fprintf(&b, "%s.\n", sentence(cell.Replace(Summary(r, ""))))
	} else {
		fmt.Fprintf(&b, "%s. Profile %s, mode %s. To roll out: %s.\n", sentence(Summary(r, "")), r.Profile, r.Mode, cell.Replace(Deploy(r)))
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n| Where | Rule | What, and who breaks | Instead |\n|---|---|---|---|\n")
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "| `%s` | %s | %s: %s (%s; %s) | %s |\n", strings.ReplaceAll(f.Pos.String(), "|", "\\|"), cell.Replace(f.Rule),
				cell.Replace(change(f)), cell.Replace(f.Consequence), f.Breaks, encodings(f), cell.Replace(f.Fix)+storedCell(f.Stored))
		}
	}
	for _, f := range r.Findings {
		if f.Witness != nil {
			if err := fold(&b, f); err != nil {
				return err
			}
		}
	}
	writeRecordsTable(&b, r)
	if len(r.Notes) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n", plural(len(r.Notes), "compatible change"))
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "- %s: %s\n", cell.Replace(n.Path), cell.Replace(n.Message()))
		}
		b.WriteString("\n</details>\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// fold writes a witness that opens with a click.
func fold(b *bytes.Buffer, f *compat.Finding) error {
	var event bytes.Buffer
	if err := json.Indent(&event, f.Witness.Event, "", "  "); err != nil {
		return err
	}
	fence := "```"
	for bytes.Contains(event.Bytes(), []byte(fence)) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n<details><summary>%s of %s: %s event that is %s</summary>\n\n%s\n\n%sjson\n%s\n%s\n\n</details>\n",
		cell.Replace(f.Rule), cell.Replace(f.Path), map[string]string{"old": "an old", "new": "a new"}[f.Witness.WrittenBy], f.Witness.Outcome, cell.Replace(f.Witness.Detail), fence, event.Bytes(), fence)
	return nil
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
