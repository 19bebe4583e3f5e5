package compat_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/schema"
)

func BenchmarkCompareSame(b *testing.B) {
	set, err := schema.Load(b.Context(), schema.FS(os.DirFS(filepath.Join("..", "schemas"))))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := compat.Compare(set, set, compat.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompareBroken(b *testing.B) {
	var sets [2]*schema.Set
	for i, version := range []string{"old", "new"} {
		set, err := schema.Load(b.Context(), schema.FS(os.DirFS(filepath.Join("testdata", "CONSTRAINT_TIGHTENED", "proto", version))))
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
