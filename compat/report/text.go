package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/compat"
)

func writeText(w io.Writer, r *compat.Report) error {
	var b bytes.Buffer
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s: %s\n", f.Pos, f.Rule, change(f))
		if f.Consequence != "" {
			fmt.Fprintf(&b, "  breaks: %s [%s, in %s]\n", f.Consequence, f.Breaks, encodings(f))
		}
		if f.Deploy != "" {
			fmt.Fprintf(&b, "  deploy: %s\n", f.Deploy)
		}
		for _, d := range storedDetails(f.Stored) {
			fmt.Fprintf(&b, "  %-7s %s\n", d.name+":", d.text)
		}
		fmt.Fprintf(&b, "  fix:    %s\n", f.Fix)
		if f.Witness != nil {
			fmt.Fprintf(&b, "  shown:  %s\n", witnessText(f.Witness))
		}
	}
	for _, n := range r.Notes {
		if n.Missed {
			fmt.Fprintf(&b, "%s: note: %s\n", n.Pos, n.Text)
		}
	}
	for _, n := range r.RecordNotes {
		fmt.Fprintf(&b, "%s: note: %s\n", n.Pos, n.Text)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeJSON(w io.Writer, r *compat.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// GitHub's workflow commands escape what would end a property or the line.
var (
	commandText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func writeGitHub(w io.Writer, r *compat.Report) error {
	var b bytes.Buffer
	for _, f := range r.Findings {
		text := f.Message() + storedLines(f.Stored) + "\nfix: " + f.Fix
		if f.Witness != nil {
			text += "\nshown: " + witnessText(f.Witness)
		}
		fmt.Fprintf(&b, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", f.Severity, commandProperty.Replace(f.Pos.File),
			max(f.Pos.Line, 1), max(f.Pos.Col, 1), commandProperty.Replace(f.Rule), commandText.Replace(text))
	}
	for _, n := range r.RecordNotes {
		fmt.Fprintf(&b, "::notice file=%s,line=%d,col=%d,title=%s::%s\n", commandProperty.Replace(n.Pos.File), max(n.Pos.Line, 1), max(n.Pos.Col, 1),
			commandProperty.Replace(n.Path), commandText.Replace(n.Text))
	}
	_, err := w.Write(b.Bytes())
	return err
}
