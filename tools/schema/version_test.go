package schema_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	event := func(pkg, typ, version string) string {
		return `syntax = "proto3"; package ` + pkg + `; import "trestle/v1/options.proto";
message Placed { option (trestle.v1.event) = {type: "` + typ + `" topic: "` + typ + `" key: "id"}; string id = 1;
  string schema_version = 2 [(trestle.v1.field).default = "` + version + `"]; }`
	}
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"shop/v2/a.proto":       []byte(event("shop.v2", "two", `\"2.3\"`)),
		"shop/v10/a.proto":      []byte(event("shop.v10", "ten", `\"1.0\"`)),
		"shop/v2beta1/a.proto":  []byte(event("shop.v2beta1", "beta", ``)),
		"shop/v1/a.proto":       []byte(event("shop.v1", "one", `\"1.0\"`)),
		"store/v1/a.proto":      []byte(event("store.v1", "store", `\"1.0\"`)),
		"market/place/a.proto":  []byte(event("market.place", "market", `\"1.0\"`)),
		"shop/v1/more/b.proto":  []byte(event("shop.v1.more", "more", `\"1.0\"`)),
		"market/square/a.proto": []byte(event("market.square", "square", `\"1.0\"`)),
	}))
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[string][]string{
		"two": {"one", "beta", "two", "ten"}, "store": {"store"}, "market": {"market"},
	} {
		var got []string
		for _, e := range set.Versions(set.Event(typ)) {
			got = append(got, e.Type)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("versions of %s (-want +got):\n%s", typ, diff)
		}
	}
	for typ, want := range map[string]string{"two": "2.3", "beta": ""} {
		if got := set.Event(typ).SchemaVersion(); got != want {
			t.Errorf("schema version of %s: got %q, want %q", typ, got, want)
		}
	}
	order := []string{"", "v1alpha1", "v1alpha2", "v1beta", "v1beta1", "v1", "v2", "v10"}
	if !slices.IsSortedFunc(order, schema.CompareVersions) {
		t.Errorf("%v is not sorted", order)
	}
}
