// Package report renders what compat found: for people, for scripts, and for the places where a pull request is looked
// at. Every format holds the same findings in the same order.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/compat"
)

// Format names a rendering.
type Format string

// The formats.
const (
	Text     Format = "text"     // a line a finding, with consequence, fix and witness below it
	JSON     Format = "json"     // one object: {"compatible":…,"findings":[…]}
	GitHub   Format = "github"   // workflow commands, which GitHub shows beside the lines of a pull request
	SARIF    Format = "sarif"    // SARIF 2.1.0, for code scanning
	JUnit    Format = "junit"    // JUnit XML: a failed test a finding
	Markdown Format = "markdown" // a comment ready to post
)

// Formats lists the formats, for help texts.
func Formats() []Format { return []Format{Text, JSON, GitHub, SARIF, JUnit, Markdown} }

// Write renders a report.
func Write(w io.Writer, r *compat.Report, f Format) error {
	switch f {
	case Text:
		return writeText(w, r)
	case JSON:
		return writeJSON(w, r)
	case GitHub:
		return writeGitHub(w, r)
	case SARIF:
		return writeSARIF(w, r)
	case JUnit:
		return writeJUnit(w, r)
	case Markdown:
		return writeMarkdown(w, r)
	}
	return fmt.Errorf("format %q does not exist: use one of %v", f, Formats())
}

// Summary is the line that counts, for stderr: "1 breaking change in 1 of 12 events (against origin/main)". An empty
// against is left out.
func Summary(r *compat.Report, against string) string {
	breaking, warnings := count(r)
	var parts []string
	switch {
	case r.RecordsOnly:
	case r.AllNew:
		noun := "events"
		if len(r.Pairs) == 0 {
			noun = "schemas"
		}
		parts = append(parts, "nothing to compare: all "+noun+" are new")
	case breaking > 0:
		parts = append(parts, plural(breaking, "breaking change")+" in "+affected(r))
	default:
		parts = append(parts, "compatible: "+compared(r)+" compared")
	}
	if warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	if n := len(r.Exempted); n > 0 {
		parts = append(parts, fmt.Sprintf("%d exempted", n))
	}
	if r.Records != nil {
		parts = append(parts, recordsSummary(r))
	}
	s := strings.Join(parts, ", ")
	if against != "" {
		s += " (against " + against + ")"
	}
	return s
}

// compared counts what was compared: "12 events and 1 schema". Without any schema beside events only these are counted.
func compared(r *compat.Report) string {
	switch {
	case r.Schemas == 0:
		return plural(r.Events, "event")
	case r.Events == 0:
		return plural(r.Schemas, "schema")
	}
	return plural(r.Events, "event") + " and " + plural(r.Schemas, "schema")
}

func count(r *compat.Report) (breaking, warnings int) {
	for _, f := range r.Findings {
		if f.Stored != nil {
			continue // counted by records
		}
		if f.Severity == compat.Error {
			breaking++
		} else {
			warnings++
		}
	}
	return breaking, warnings
}

// affected counts the events and schemas with a breaking finding: "1 of 12 events", "no event of 12".
func affected(r *compat.Report) string {
	events, schemas := map[string]bool{}, map[string]bool{}
	for _, f := range r.Findings {
		if f.Severity != compat.Error || f.Stored != nil {
			continue
		}
		for _, e := range f.Events {
			events[e] = true
		}
		if len(f.Events) == 0 && f.DataChanged {
			schemas[f.Owner] = true
		}
	}
	var parts []string
	if n := min(len(events), r.Events); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", n, plural(r.Events, "event")))
	}
	if n := min(len(schemas), r.Schemas); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", n, plural(r.Schemas, "schema")))
	}
	switch {
	case len(parts) == 0 && r.Events == 0 && r.Schemas > 0:
		return plural(r.Schemas, "schema") // a registry's differences are of files, not of what is in them
	case len(parts) == 0:
		return fmt.Sprintf("no event of %d", r.Events)
	}
	return strings.Join(parts, " and ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Steps says, a line each, which steps of versions do not fit what changed; nothing while something breaks, which is to
// be undone first or leads to another step.
func Steps(r *compat.Report) string {
	if !r.Compatible {
		return ""
	}
	var b strings.Builder
	for _, f := range r.Steps {
		fmt.Fprintf(&b, "%s: note: %s: %s; %s\n", f.Pos, f.Rule, f.Change, f.Fix)
	}
	return b.String()
}

// Deploy says in a sentence who deploys first.
func Deploy(r *compat.Report) string {
	switch r.DeployFirst {
	case compat.Consumers:
		return "deploy consumers first: old ones do not take new events"
	case compat.Producers:
		return "deploy producers first, and consumers once old events have run out: new ones do not take old events"
	case compat.Neither:
		return "no order of deployment helps: keep the old events, and add new versions beside them"
	}
	return "deploy in any order: producers first is the custom"
}

// witnessText tells a witness in one line.
func witnessText(w *compat.Witness) string {
	reader := "new"
	if w.WrittenBy == "new" {
		reader = "old"
	}
	verb := map[string]string{"rejected": "is rejected", "misread": "is misread", "dropped": "loses a value"}[string(w.Outcome)]
	form := "event"
	if w.Bytes != nil {
		form = "protobuf record of"
	}
	return fmt.Sprintf("%s %s %s %s by the %s schema: %s", w.WrittenBy, form, w.Event, verb, reader, w.Detail)
}

// change is what changed, with a word of warning where it is no more than that.
func change(f *compat.Finding) string {
	s := f.Change
	if f.Severity == compat.Warning {
		s = "warning: " + s
	}
	if f.InOld {
		s += " (the position is in the old schema)"
	}
	return s
}

func encodings(f *compat.Finding) string {
	var names []string
	for _, e := range f.Encodings {
		names = append(names, string(e))
	}
	return strings.Join(names, " and ")
}
