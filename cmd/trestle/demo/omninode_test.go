package demo

import (
	"bytes"
	"slices"
	"testing"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
)

// TestImageIsOfTheSchemas keeps the schemas that the demo brings what they are in the repository.
func TestImageIsOfTheSchemas(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir("../../../schemas"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := load.WriteImage(set)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(image, want) {
		t.Error("cmd/trestle/demo/omninode.binpb is not what the schemas say: run make generate")
	}
}

// TestOmniNode finds OmniNode's types beside others, and not where one is missing or named otherwise.
func TestOmniNode(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), Schemas())
	if err != nil {
		t.Fatal(err)
	}
	all := event.Events(set)
	renamed := *all[0]
	renamed.Type += "2"
	newer := &trestle.EventInfo{Type: all[0].Type, FullName: "omninode.codegen.v2." + all[0].Type}
	for name, tt := range map[string]struct {
		project []*trestle.EventInfo
		want    bool
	}{
		"all":              {all, true},
		"beside a newer":   {append(slices.Clone(all), newer), true},
		"one is missing":   {all[1:], false},
		"one is renamed":   {append([]*trestle.EventInfo{&renamed}, all[1:]...), false},
		"only others":      {[]*trestle.EventInfo{newer}, false},
		"no events at all": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			types, ok, err := OmniNode(t.Context(), tt.project)
			if err != nil || ok != tt.want {
				t.Fatalf("got %v, %v, want %v", ok, err, tt.want)
			}
			if !ok {
				return
			}
			if len(types) != len(all) {
				t.Errorf("%d types, want %d", len(types), len(all))
			}
			for _, info := range all {
				if types[info.Type] != info {
					t.Errorf("%s is not the project's", info.FullName)
				}
			}
		})
	}
}
