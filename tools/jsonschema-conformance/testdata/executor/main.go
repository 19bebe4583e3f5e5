// Jsonschema-conformance holds the validators that Trestle generates for the schemas of the official
// JSON-Schema-Test-Suite against what the suite says. `make conformance` generates them, builds and runs it.
//
//	jsonschema-conformance -suite DIR
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/jsonschema-conformance/suite"
	"github.com/omninode/trestle/tools/jsonschema-conformance/testdata/cases"
)

func main() {
	dir := flag.String("suite", "", "folder of the suite, which holds tests and remotes")
	flag.Parse()
	groups, err := suite.Load(*dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "jsonschema-conformance:", err)
		os.Exit(2)
	}
	if !run(groups) {
		os.Exit(1)
	}
}

// tally counts the tests of one kind.
type tally struct{ total, agreed, static, stricter, refused int }

// stricter says why generated code refuses on purpose what the suite takes; empty where it does not.
func stricter(c cases.Case, test suite.Test) string {
	switch {
	case c.Keyword == "format" && strings.HasSuffix(test.Description, "only an annotation by default"):
		return "formats are asserted"
	case c.Keyword == "content" && c.Typed == "string" && strings.Contains(test.Description, "base64"):
		return "a string with contentEncoding base64 is read as bytes"
	case c.Keyword == "format/date-time" && strings.Contains(test.Description, "leap second"):
		return "times have no leap seconds, in Go and in Python"
	}
	return ""
}

// run prints what disagrees and the totals, and says whether all is as it should be.
func run(groups []suite.Group) bool {
	byName := map[string]suite.Group{}
	for _, g := range groups {
		byName[fmt.Sprint(g.Keyword, g.Index)] = g
	}
	tallies := map[string]*tally{"required": {}, "formats": {}, "narrowed to a type": {}}
	refused, strict := map[string]int{}, map[string]int{}
	for _, c := range cases.All {
		g := byName[fmt.Sprint(c.Keyword, c.Index)]
		kind := "required"
		if strings.HasPrefix(c.Keyword, "format/") {
			kind = "formats"
		}
		if c.Typed != "" {
			g, _ = g.Typed(c.Typed)
			kind = "narrowed to a type"
		}
		t := tallies[kind]
		if c.Refused != "" {
			if t.refused += len(g.Tests); c.Typed == "" {
				refused[c.Keyword+": "+g.Description+": "+c.Refused] = len(g.Tests)
			}
			continue
		}
		for _, test := range g.Tests {
			t.total++
			got, why := valid(c, test)
			if reason := stricter(c, test); reason != "" && !got && test.Valid {
				t.stricter++
				strict[reason]++
				continue
			}
			if got != test.Valid {
				fmt.Printf("%s %s: %s: %s: valid is %t, want %t: %v\n", c.Keyword, c.Typed, g.Description, test.Description, got, test.Valid, why)
				continue
			}
			t.agreed++
			if !c.Left {
				t.static++
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		fmt.Printf("refused, %d tests: %s\n", refused[reason], reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(strict)) {
		fmt.Printf("stricter, %d tests: %s\n", strict[reason], reason)
	}
	good := true
	for _, kind := range slices.Sorted(maps.Keys(tallies)) {
		t := tallies[kind]
		fmt.Printf("%s: %d of %d tests agree, %d of them by generated code alone; on %d it is stricter, and %d of schemas that are refused are not run\n",
			kind, t.agreed, t.total, t.static, t.stricter, t.refused)
		good = good && t.agreed+t.stricter == t.total
	}
	return good
}

// valid says what the generated code makes of a value.
func valid(c cases.Case, test suite.Test) (bool, error) {
	r := jsonio.NewReader([]byte(`{"value":` + string(test.Data) + `}`))
	x := c.New()
	x.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		return false, err
	}
	if faults := r.Faults(); len(faults) > 0 {
		return false, fmt.Errorf("%s: %s", faults[0].Path, faults[0].Message)
	}
	err := x.Validate()
	return err == nil, err
}
