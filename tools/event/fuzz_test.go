package event_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// FuzzSameAsGenerated gives generated and dynamic types the same bytes.
func FuzzSameAsGenerated(f *testing.F) {
	generated, made := both(f)
	names := slices.Sorted(maps.Keys(generated))
	for _, text := range documents(f) {
		f.Add(slices.Index(names, wire.EventType(text)), text)
	}
	ours := trestle.NewTypes(slices.Collect(maps.Values(generated))...)
	theirs := trestle.NewTypes(slices.Collect(maps.Values(made))...)
	f.Fuzz(func(t *testing.T, n int, text []byte) {
		info := generated[names[uint(n)%uint(len(names))]]
		if diff := cmp.Diff(decode(info, ours, text), decode(info, theirs, text), ignored...); diff != "" {
			t.Errorf("%s (-generated +dynamic):\n%s", info.Type, diff)
		}
	})
}
