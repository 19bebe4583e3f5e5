package compat_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/cputest"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func BenchmarkCompareSame(b *testing.B) {
	set, err := load.Schemas(b.Context(), load.FS(os.DirFS(filepath.Join("..", "schemas"))))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := compat.Compare(set, set, compat.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// edited loads a file of the project's events, with what it imports, after replacing texts in it.
func edited(b *testing.B, shared *load.Shared, replace ...string) *schema.Set {
	b.Helper()
	const name = "omninode/codegen/v1/analysis.proto"
	root := b.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("..", "schemas"))); err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(root, filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			b.Fatalf("%s has no %q", name, replace[i])
		}
	}
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o644); err != nil {
		b.Fatal(err)
	}
	set, err := load.Schemas(b.Context(), load.In(root, file), load.WithoutComments(), load.WithShared(shared))
	if err != nil {
		b.Fatal(err)
	}
	return set
}

const (
	firstField  = "string correlation_id = 1 ["
	contentRule = "prd_content = 3 [(buf.validate.field).required = true]"
)

// BenchmarkCompareEvent compares a request and its response with a version that breaks in four ways, witnesses included.
// It reports the time as a part of the ten milliseconds that it may take.
func BenchmarkCompareEvent(b *testing.B) {
	var shared load.Shared
	old := edited(b, &shared)
	next := edited(b, &shared,
		"prd_content = 3 [(buf.validate.field).required = true]",
		"prd_content = 3 [(buf.validate.field).required = true, (buf.validate.field).string.max_len = 10]",
		"AnalysisType analysis_type = 4", "string analysis_type = 4",
		"(buf.validate.field).enum.defined_only = true,", "",
		"optional double confidence = 4", "optional float confidence = 4",
		"(buf.validate.field).double", "(buf.validate.field).float")
	for b.Loop() {
		r, err := compat.Compare(old, next, compat.Options{})
		if err != nil || r.Compatible {
			b.Fatalf("compatible, error %v", err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/0.010, "of-limit")
}

// BenchmarkCompareHistory judges a version against fifty before it, which grew by a field each, and reports the cost of
// a version as a ratio to that of comparing with one of them alone, which is to stay below two.
func BenchmarkCompareHistory(b *testing.B) {
	const versions = 50
	var shared load.Shared
	var olds []*schema.Set
	grown := firstField
	for i := range versions {
		olds = append(olds, edited(b, &shared, firstField, grown))
		grown = fmt.Sprintf("optional string more_%d = %d;\n  %s", i, 1000+i, grown)
	}
	next := edited(b, &shared, firstField, grown, contentRule, contentRule[:len(contentRule)-1]+", (buf.validate.field).string.max_len = 10]")
	var history, alone time.Duration
	for b.Loop() {
		begin := time.Now()
		r, err := compat.CompareHistory(olds, next, compat.Options{})
		if err != nil || len(r.Findings) == 0 || len(r.Findings[0].Against) != versions {
			b.Fatalf("error %v, or no finding against all versions", err)
		}
		history += time.Since(begin)
		begin = time.Now()
		for _, old := range olds {
			if _, err := compat.Compare(old, next, compat.Options{}); err != nil {
				b.Fatal(err)
			}
		}
		alone += time.Since(begin)
	}
	b.ReportMetric(history.Seconds()/alone.Seconds(), "version/comparison")
}

func BenchmarkCompareBroken(b *testing.B) {
	var sets [2]*schema.Set
	for i, version := range []string{"old", "new"} {
		set, err := load.Schemas(b.Context(), load.FS(os.DirFS(filepath.Join("testdata", "CONSTRAINT_TIGHTENED", "proto", version))))
		if err != nil {
			b.Fatal(err)
		}
		sets[i] = set
	}
	for _, opts := range []compat.Options{{}, {NoWitness: true}} {
		name := "witness"
		if opts.NoWitness {
			name = "plain"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := compat.Compare(sets[0], sets[1], opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// twice are schemas of n parts in which something changed: how long these take to compare is to be linear in n.
var twice = map[string]func(n int) (old, new map[string][]byte){
	"bounded": bounds(func(n, most int) map[string][]byte {
		return protoFields(n, "string f%d = %d [(buf.validate.field).string.max_len = %d];", most)
	}),
	"bounded, not empty": bounds(func(n, most int) map[string][]byte {
		return protoFields(n, "string f%d = %d [(buf.validate.field).string = {min_len: 1, max_len: %d}];", most)
	}),
	"bounded in lists": bounds(func(n, most int) map[string][]byte {
		return protoFields(n, "repeated string f%d = %d [(buf.validate.field).repeated.items.string.max_len = %d];", most)
	}),
	"members of a oneof": bounds(func(n, most int) map[string][]byte {
		return protoEvent("oneof choice {\n" + protoText(n, "string f%d = %d [(buf.validate.field).string.max_len = %d];", most) + "}\n")
	}),
	"JSON bounded, required": bounds(func(n, most int) map[string][]byte {
		return jsonProperties(n, fmt.Sprintf(`{"type":"string","minLength":1,"maxLength":%d}`, most), n)
	}),
	"JSON nested": bounds(func(n, most int) map[string][]byte {
		return jsonProperties(n, fmt.Sprintf(`{"type":"object","properties":{"x":{"type":"integer","maximum":%d}}}`, most), 0)
	}),
	"JSON removed": func(n int) (old, new map[string][]byte) {
		return jsonProperties(n+1, `{"type":"string"}`, 0), jsonProperties(1, `{"type":"string"}`, 0)
	},
	"JSON required": func(n int) (old, new map[string][]byte) {
		return jsonProperties(n, `{"type":"string"}`, 0), jsonProperties(n, `{"type":"string"}`, n)
	},
	"JSON retyped": func(n int) (old, new map[string][]byte) {
		return jsonProperties(n, `{"type":"string"}`, 0), jsonProperties(n, `{"type":"integer"}`, 0)
	},
	"JSON defaults": bounds(func(n, most int) map[string][]byte {
		return jsonProperties(n, fmt.Sprintf(`{"type":"integer","default":%d}`, most), 0)
	}),
	"oneOf by a constant": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"kind":{"const":"k%[1]d"},"a":{"type":"integer","maximum":%[2]d}},"required":["kind","a"]}`, most)
	}),
	"oneOf by lists": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"kind":{"enum":["k%[1]d","l%[1]d"]},"a":{"type":"integer","maximum":%[2]d}},"required":["kind","a"]}`, most)
	}),
	"oneOf by what is closed": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"r%[1]d":{"type":"string"},"a":{"type":"integer","maximum":%[2]d}},"required":["r%[1]d"],"additionalProperties":false}`, most)
	}),
	"oneOf by what is required, sharing a number": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"r%[1]d":{"type":"string"},"a":{"type":"integer","maximum":%[2]d}},"required":["r%[1]d"]}`, most)
	}),
	"oneOf by what is not required": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"r%[1]d":{"type":"string"},"a":{"type":"integer","maximum":%[2]d}},"not":{"required":["r%[1]d"]}}`, most)
	}),
	"oneOf by what is required, and that no other is": bounds(func(n, most int) map[string][]byte {
		variants := make([]string, n)
		for i := range variants {
			var others []string
			for j := range n {
				if j != i {
					others = append(others, fmt.Sprintf(`{"required":["r%d"]}`, j))
				}
			}
			variants[i] = fmt.Sprintf(`{"type":"object","properties":{"r%[1]d":{"type":"string"},"a":{"type":"integer","maximum":%%[2]d}},"required":["r%[1]d"],"not":{"anyOf":[%[2]s]}}`,
				i, strings.Join(others, ","))
		}
		return jsonOneOf(variants, most)
	}),
	"oneOf by what is required": bounds(func(n, most int) map[string][]byte {
		return jsonVariants(n, `{"type":"object","properties":{"r%[1]d":{"type":"string","maxLength":%[2]d}},"required":["r%[1]d"]}`, most)
	}),
}

// limit is the processor's time that a comparison of 120 parts may take, witnesses included.
const limit = time.Second

// BenchmarkCompareTwice compares schemas in which something changed with ones of twice the size, and reports how many times
// longer these take, of which twice is linear, and what part of the limit. Every break has to be shown.
func BenchmarkCompareTwice(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(twice)) {
		b.Run(name, func(b *testing.B) { compareTwice(b, name, compat.Options{}) })
		b.Run(name+", plain", func(b *testing.B) { compareTwice(b, name, compat.Options{NoWitness: true}) })
	}
}

func compareTwice(b *testing.B, name string, opts compat.Options) {
	b.Helper()
	var took [2]time.Duration
	var sides [2][2]*schema.Set
	for i, n := range []int{60, 120} {
		old, new := twice[name](n)
		sides[i] = [2]*schema.Set{loadBytes(b, old), loadBytes(b, new)}
	}
	runs := 0
	for b.Loop() {
		runs++
		for i, s := range sides {
			begin := cputest.Used(b)
			r, err := compat.Compare(s[0], s[1], opts)
			if took[i] += cputest.Used(b) - begin; err != nil || r.Compatible {
				b.Fatalf("error %v, or nothing found", err)
			}
			for _, f := range r.Findings {
				if f.Witness == nil && !opts.NoWitness {
					b.Fatalf("no event shows %s of %s", f.Rule, f.Path)
				}
			}
		}
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "times-for-twice")
	b.ReportMetric(took[1].Seconds()/float64(runs)/limit.Seconds(), "of-limit")
}

func loadBytes(b *testing.B, files map[string][]byte) *schema.Set {
	b.Helper()
	set, err := load.Schemas(b.Context(), load.Files(files))
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// bounds is an edit that makes a bound tighter.
func bounds(made func(n, most int) map[string][]byte) func(n int) (old, new map[string][]byte) {
	return func(n int) (old, new map[string][]byte) { return made(n, 10), made(n, 5) }
}

// protoFields is an event of n fields, each as the format says with its name, number and bound.
func protoFields(n int, format string, most int) map[string][]byte {
	return protoEvent(protoText(n, format, most))
}

func protoText(n int, format string, most int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "  "+format+"\n", i, i+1, most)
	}
	return text.String()
}

func protoEvent(body string) map[string][]byte {
	return map[string][]byte{"shop/v1/event.proto": []byte(
		"syntax = \"proto3\";\npackage shop.v1;\nimport \"buf/validate/validate.proto\";\nmessage Placed {\n" + body + "}\n")}
}

// jsonProperties is an event of n properties, of which so many are required.
func jsonProperties(n int, property string, required int) map[string][]byte {
	properties, names := make([]string, n), make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("%q", fmt.Sprintf("p%d", i))
		properties[i] = names[i] + ":" + property
	}
	return jsonEvent(fmt.Sprintf(`"type":"object","properties":{%s},"required":[%s]`, strings.Join(properties, ","), strings.Join(names[:required], ",")))
}

// jsonVariants is an event that is one of n objects, each as the format says with its number and bound: one of them has the
// bound that is given, the others ten.
func jsonVariants(n int, format string, most int) map[string][]byte {
	return jsonOneOf(slices.Repeat([]string{format}, n), most)
}

// jsonOneOf is jsonVariants of formats that differ.
func jsonOneOf(formats []string, most int) map[string][]byte {
	variants := make([]string, len(formats))
	for i, format := range formats {
		high := 10
		if i == len(formats)/2 {
			high = most
		}
		variants[i] = fmt.Sprintf(format, i, high)
	}
	return jsonEvent(fmt.Sprintf(`"type":"object","oneOf":[%s]`, strings.Join(variants, ",")))
}

func jsonEvent(body string) map[string][]byte {
	return map[string][]byte{"shop/v1/event.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Placed",` + body + `}`)}
}
