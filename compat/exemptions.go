package compat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Exemption takes findings of a rule at a place out of the verdict, until a day.
type Exemption struct {
	Rule string
	// Path is the finding's path; with a trailing ".*", every path below it.
	Path   string
	Reason string
	// Expires is the last day on which the exemption counts.
	Expires time.Time
	// Line is where it stands in its file.
	Line int
}

// Exemptions are those of one file.
type Exemptions struct {
	File string
	List []Exemption
}

// ParseExemptions reads a YAML file of exemptions; name is for errors. Every exemption has four members, and no other:
//
//	exemptions:
//	  - rule: ENUM_VALUE_ADDED
//	    path: orders.v1.Status.STATUS_PARKED
//	    reason: all consumers have the new schema, see OPS-118
//	    expires: 2026-12-31
//
// All faults are returned together.
func ParseExemptions(name string, text []byte) (*Exemptions, error) {
	var file struct {
		Exemptions []yaml.Node `yaml:"exemptions"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", name, oneLine(err))
	}
	out := &Exemptions{File: name}
	var faults []error
	for i := range file.Exemptions {
		e, err := parseExemption(&file.Exemptions[i])
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, file.Exemptions[i].Line, err))
			continue
		}
		out.List = append(out.List, e)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return out, nil
}

func parseExemption(n *yaml.Node) (Exemption, error) {
	e := Exemption{Line: n.Line}
	if n.Kind != yaml.MappingNode {
		return e, errors.New("an exemption has the members rule, path, reason and expires")
	}
	members := map[string]*string{"rule": &e.Rule, "path": &e.Path, "reason": &e.Reason, "expires": new(string)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		dst := members[key.Value]
		if dst == nil {
			return e, fmt.Errorf("unknown member %q: an exemption has rule, path, reason and expires", key.Value)
		}
		*dst = strings.TrimSpace(value.Value)
	}
	for _, name := range []string{"rule", "path", "reason", "expires"} {
		if *members[name] == "" {
			return e, fmt.Errorf("%s is missing", name)
		}
	}
	if !slices.ContainsFunc(slices.Concat(Rules(), RecordRules(), []Rule{registryRefuses}), func(r Rule) bool { return r.ID == e.Rule }) {
		return e, fmt.Errorf("rule %s does not exist: `trestle check --list-rules` shows them", e.Rule)
	}
	day, err := time.Parse(time.DateOnly, *members["expires"])
	if err != nil {
		return e, fmt.Errorf("expires is %q: write a day as 2026-12-31", *members["expires"])
	}
	e.Expires = day
	return e, nil
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Apply moves exempted findings out of a report and draws its verdict anew. The error names every exemption that has
// expired or that no finding needs; expired ones exempt nothing. One of a rule that the report was not asked about, of schemas or of
// stored records, may be needed elsewhere.
func (x *Exemptions) Apply(r *Report, now time.Time) error {
	if x == nil {
		return nil
	}
	var faults []error
	used := x.Take(r, now)
	for i, e := range x.List {
		switch {
		case e.expired(now):
			faults = append(faults, fmt.Errorf("%s:%d: exemption of %s at %s expired on %s: mend what it exempts, or decide anew",
				x.File, e.Line, e.Rule, e.Path, e.Expires.Format(time.DateOnly)))
		case !used[i] && (r.Records != nil || !e.ofRecords()) && !(r.RecordsOnly && !e.ofRecords()):
			faults = append(faults, fmt.Errorf("%s:%d: exemption of %s at %s exempts nothing: remove it",
				x.File, e.Line, e.Rule, e.Path))
		}
	}
	return errors.Join(faults...)
}

// Take is Apply for a comparison that the exemptions were not written for, such as one of two old versions: those that
// have expired or that nothing needs are no fault. It says which ones a finding needs.
func (x *Exemptions) Take(r *Report, now time.Time) (used []bool) {
	if x == nil {
		return nil
	}
	used = make([]bool, len(x.List))
	exempted := func(f *Finding) bool {
		exempt := false
		for i, e := range x.List {
			if e.Rule != f.Rule || !e.covers(f.Path) {
				continue
			}
			used[i] = true
			exempt = exempt || !e.expired(now)
		}
		return exempt
	}
	r.Steps = slices.DeleteFunc(r.Steps, exempted)
	r.Findings = slices.DeleteFunc(r.Findings, func(f *Finding) bool {
		exempt := exempted(f)
		if exempt {
			r.Exempted = append(r.Exempted, f)
		}
		return exempt
	})
	r.decide()
	return used
}

// ofRecords says whether it is of findings about stored records.
func (e *Exemption) ofRecords() bool {
	return slices.ContainsFunc(RecordRules(), func(r Rule) bool { return r.ID == e.Rule })
}

func (e *Exemption) covers(path string) bool {
	if prefix, ok := strings.CutSuffix(e.Path, "*"); ok && strings.HasSuffix(prefix, ".") {
		return strings.HasPrefix(path, prefix)
	}
	return path == e.Path
}

// expired says whether the whole of the last day is over, in UTC.
func (e *Exemption) expired(now time.Time) bool { return !now.Before(e.Expires.AddDate(0, 0, 1)) }
