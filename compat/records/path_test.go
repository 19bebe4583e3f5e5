package records

import (
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func loaded(t *testing.T, text string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/a.proto": []byte(text)}))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const nested = `syntax = "proto3";
// Orders.
package shop.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_BASE_EVENT topic_settings: {partitions: 1}};
// Placed says so.
message Placed {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1;
  // What was ordered.
  repeated Item items = 2;
  // By name.
  map<string, Item> named = 3;
  // Who.
  Person who = 4 [(trestle.v1.field).sensitive = true];
}
// Item is one.
message Item {
  // How many.
  int64 quantity = 1;
}
// Person is one.
message Person {
  // The name.
  string name = 1;
}
`

// A place in an event is known by its schema: what elements have in common, the field, what the schema lacks, what is not to be shown.
func TestFollow(t *testing.T) {
	t.Parallel()
	set := loaded(t, nested)
	m := set.Event("Placed").Message
	for path, want := range map[string]struct {
		general, element string
		sensitive        bool
	}{
		"order_id":                {"order_id", "shop.v1.Placed.order_id", false},
		"items[12].quantity":      {"items[].quantity", "shop.v1.Item.quantity", false},
		`named["a.b]"].quantity`:  {"named[].quantity", "shop.v1.Item.quantity", false},
		"named.x.quantity":        {"named[].quantity", "shop.v1.Item.quantity", false},
		"items[0].more.deep":      {"items[].more.deep", "shop.v1.Item.more.deep", false},
		"items[0].7":              {"items[].7", "shop.v1.Item.7", false},
		"who.name":                {"who.name", "shop.v1.Person.name", true},
		"":                        {"", "shop.v1.Placed", false},
		"envelope.correlation_id": {"envelope.correlation_id", "shop.v1.Placed.envelope.correlation_id", false},
	} {
		s := follow(m, path)
		element, pos := s.element(set)
		if s.general != want.general || element != want.element || s.sensitive != want.sensitive || pos.Line == 0 {
			t.Errorf("%s: %+v, %s at %s, want %+v", path, s, element, pos, want)
		}
	}
}
