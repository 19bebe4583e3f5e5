package report

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/compat"
)

// detail is a named line about stored records.
type detail struct{ name, text string }

// storedDetails say whose records a finding is about, what they hold, where they stand, and what repairs them.
func storedDetails(s *compat.Stored) []detail {
	if s == nil {
		return nil
	}
	var out []detail
	if len(s.Values) > 0 {
		out = append(out, detail{"values", counted(s.Values, s.OtherValues)})
	}
	if len(s.Producers) > 0 {
		out = append(out, detail{"by", counted(s.Producers, s.OtherProducers)})
	}
	at := s.First
	if s.Last != s.First {
		at += " to " + s.Last
	}
	if s.Before > 0 {
		at += fmt.Sprintf("; the old schema refuses %d of them, too", s.Before)
	}
	out = append(out, detail{"stored", at})
	if s.Repair != nil {
		out = append(out, detail{"repair", fmt.Sprintf("%d of %d are valid after --type %s --repair '%s'", s.Repair.Valid, s.Repair.Of, s.EventType, strings.ReplaceAll(s.Repair.Text, "'", `'\''`))})
	}
	return out
}

// storedLines are the details, each on a line of its own behind another.
func storedLines(s *compat.Stored) string {
	var b strings.Builder
	for _, d := range storedDetails(s) {
		b.WriteString("\n" + d.name + ": " + d.text)
	}
	return b.String()
}

func storedCell(s *compat.Stored) string {
	var b strings.Builder
	for _, d := range storedDetails(s) {
		b.WriteString("<br>" + d.name + ": " + cell.Replace(d.text))
	}
	return b.String()
}

// counted is `"Open" 2, "CLOSED" 1, others 7`.
func counted(list []compat.Counted, others int64) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s %d", c.Name, c.Records))
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("others %d", others))
	}
	return strings.Join(parts, ", ")
}

// recordsSummary counts the records: "7 records looked at, 3 refused, 0 lose data".
func recordsSummary(r *compat.Report) string {
	var read, refused, lost int64
	for _, t := range r.Records {
		read, refused, lost = read+t.Read, refused+t.Refused, lost+t.Lost
	}
	noun := "records"
	if read == 1 {
		noun = "record"
	}
	s := fmt.Sprintf("%d stored %s looked at, %d refused, %d lose data", read, noun, refused, lost)
	if r.Compatible && slices.ContainsFunc(r.Exempted, func(f *compat.Finding) bool { return f.Stored != nil }) {
		s += ", which is exempted"
	}
	return s
}

// Bounds says, a line a topic, what a sample of its records tells of all; and what could not be looked at.
func Bounds(r *compat.Report) string {
	var b strings.Builder
	for _, t := range r.Records {
		if s := t.Sample; s != nil && t.Read > 0 && t.Read < s.Of {
			fmt.Fprintf(&b, "%s: %d of %d offsets looked at, %d refused, %d lose data: of all, less than %s are refused and less than %s lose data, at %s confidence (exact binomial)\n",
				t.Topic, t.Read, s.Of, t.Refused, t.Lost, percent(s.RefusedBelow), percent(s.LostBelow), percent(s.Confidence))
		}
		for _, skipped := range t.Skipped {
			fmt.Fprintf(&b, "%s: %d not looked at: %s\n", t.Topic, skipped.Records, skipped.Name)
		}
	}
	return b.String()
}

// percent is a share in percent, never rounded down: it is a bound.
func percent(share float64) string {
	scale := 100.0 // two places, and more for what is small
	for share*scale < 1 && scale < 1e6 {
		scale *= 10
	}
	return strconv.FormatFloat(min(math.Ceil(share*100*scale-1e-9)/scale, 100), 'f', -1, 64) + " %"
}

// writeRecordsTable lists the topics whose records were looked at and are not all fine, and samples.
func writeRecordsTable(b *bytes.Buffer, r *compat.Report) {
	first := true
	for _, t := range r.Records {
		if t.Refused+t.Lost == 0 && t.Sample == nil && len(t.Skipped) == 0 {
			continue
		}
		if first {
			b.WriteString("\n| Stored in | Looked at | Refused | Lose data | At most, of all |\n|---|---|---|---|---|\n")
			first = false
		}
		read, bound := strconv.FormatInt(t.Read, 10), ""
		if s := t.Sample; s != nil {
			read += fmt.Sprintf(" of %d", s.Of)
			bound = fmt.Sprintf("%s refused, %s lose data", percent(s.RefusedBelow), percent(s.LostBelow))
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d | %s |\n", cell.Replace(t.Topic), read, t.Refused, t.Lost, bound)
	}
	for i, n := range r.RecordNotes {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "- %s: %s\n", cell.Replace(n.Path), cell.Replace(n.Text))
	}
}
