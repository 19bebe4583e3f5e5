package compat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
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

// BenchmarkCompareTwice compares schemas in which something changed with ones of twice the size, and reports how many times
// longer these take: twice is linear. Fields are all bounded more tightly; of alternatives that a constant tells apart, one is.
func BenchmarkCompareTwice(b *testing.B) {
	for name, edit := range map[string]func(n int) (old, new map[string][]byte){
		"fields": func(n int) (old, new map[string][]byte) { return manyFields(n, 10), manyFields(n, 5) },
		"oneOf":  func(n int) (old, new map[string][]byte) { return manyVariants(n, 100), manyVariants(n, 50) },
	} {
		b.Run(name, func(b *testing.B) {
			var took [2]time.Duration
			var sides [2][2]*schema.Set
			for i, n := range []int{60, 120} {
				old, new := edit(n)
				sides[i] = [2]*schema.Set{loadBytes(b, old), loadBytes(b, new)}
			}
			for b.Loop() {
				for i, s := range sides {
					begin := time.Now()
					if r, err := compat.Compare(s[0], s[1], compat.Options{}); err != nil || r.Compatible {
						b.Fatalf("error %v, or nothing found", err)
					}
					took[i] += time.Since(begin)
				}
			}
			b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "times-for-twice")
		})
	}
}

func loadBytes(b *testing.B, files map[string][]byte) *schema.Set {
	b.Helper()
	set, err := load.Schemas(b.Context(), load.Files(files))
	if err != nil {
		b.Fatal(err)
	}
	return set
}

func manyFields(n, longest int) map[string][]byte {
	var text strings.Builder
	text.WriteString("syntax = \"proto3\";\npackage shop.v1;\nimport \"buf/validate/validate.proto\";\nmessage Placed {\n")
	for i := range n {
		fmt.Fprintf(&text, "  string f%d = %d [(buf.validate.field).string.max_len = %d];\n", i, i+1, longest)
	}
	return map[string][]byte{"shop/v1/event.proto": []byte(text.String() + "}\n")}
}

// manyVariants is an event that is one of n objects, of which one has a number up to most.
func manyVariants(n, most int) map[string][]byte {
	variants := make([]string, n)
	for i := range variants {
		high := 100
		if i == n/2 {
			high = most
		}
		variants[i] = fmt.Sprintf(`{"type":"object","properties":{"kind":{"const":"k%d"},"a":{"type":"integer","maximum":%d}},"required":["kind","a"]}`, i, high)
	}
	return map[string][]byte{"shop/v1/event.json": fmt.Appendf(nil,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Placed","oneOf":[%s]}`, strings.Join(variants, ","))}
}
