package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/omninode/trestle/compat"
)

type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit makes a failed test of each breaking finding, a passed one with output of each warning, and a passed one
// of a report that has nothing to say.
func writeJUnit(w io.Writer, r *compat.Report) error {
	suite := junitSuite{Name: "trestle check"}
	for _, f := range r.Findings {
		c := junitCase{Name: f.Path, Class: f.Rule, File: f.Pos.File, Line: f.Pos.Line}
		lines := []string{f.Pos.String(), f.Message() + storedLines(f.Stored), "fix: " + f.Fix}
		if f.Witness != nil {
			lines = append(lines, "shown: "+witnessText(f.Witness))
		}
		text := strings.Join(lines, "\n")
		if f.Severity == compat.Error {
			c.Failure = &junitFailure{Type: f.Rule, Message: f.Change, Text: text}
			suite.Failures++
		} else {
			c.Output = text
		}
		suite.Cases = append(suite.Cases, c)
	}
	for _, n := range r.RecordNotes {
		suite.Cases = append(suite.Cases, junitCase{Name: n.Path, Class: "trestle.check.records", File: n.Pos.File, Line: n.Pos.Line, Output: n.Text})
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Name: Summary(r, ""), Class: "trestle.check"}}
	}
	suite.Tests = len(suite.Cases)
	out, err := xml.MarshalIndent(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}
