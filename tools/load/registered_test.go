package load_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func TestRegisteredSchemas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		doc  load.RegisteredSchema
		want string
	}{
		{
			"protobuf with a reference",
			load.RegisteredSchema{
				Name: "orders-value", Language: schema.Protobuf, Text: orderProto,
				References: []load.Reference{{Name: "common/v1/money.proto", Text: moneyProto}},
			},
			`package common.v1 dir=common/v1 protobuf go=common/v1;commonv1
  file common/v1/money.proto
  message common.v1.Money
    amount 1: int64
package orders.v1 dir=. protobuf go=orders/v1;ordersv1
  file orders-value.proto
  message orders.v1.Order
    total 1: common.v1.Money explicit
`,
		},
		{
			"protobuf that uses the vocabulary and rules without having them as references",
			load.RegisteredSchema{
				Language: schema.Protobuf,
				Text: `syntax = "proto3";
import "buf/validate/validate.proto";
import "trestle/v1/json.proto";
import "trestle/v1/options.proto";
message Placed {
  option (trestle.v1.event) = {topic: "orders", reply: "elsewhere"};
  string id = 1 [(buf.validate.field).string.uuid = true];
  trestle.v1.JsonObject extra = 2;
}`,
			},
			`package  dir=. protobuf go=;schema
  file schema.proto
  event Placed = Placed topic=orders key=[] role=event envelope=none encoding=json by=[] for=[]
  message Placed
    id 1: string(format=uuid rules)
    extra 2: json_object explicit
topic orders [partitions 1, retention_ms 604800000, cleanup_policy delete, compression_type producer, max_message_bytes 0] events=[Placed] dead=- of=[] pkg=
`,
		},
		{
			"a JSON Schema of an older draft, with names that collide and keywords of others",
			load.RegisteredSchema{
				Name: "shipped-value", Language: schema.JSONSchema,
				Text: `{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Order Shipped",
  "type": "object",
  "javaType": "org.example.Shipped",
  "properties": {
    "state": { "title": "State", "enum": ["a"] },
    "other": { "type": "object", "properties": { "state": { "title": "State", "enum": ["b"], "default": "b" } } },
    "weight": { "type": "number", "format": "currency" },
    "address": { "$ref": "https://example.org/address" },
    "local": { "$ref": "#/definitions/Local" },
    "file": { "$ref": "parts/file.json#/$defs/X" }
  },
  "definitions": { "Local": { "type": "string" } }
}`,
				References: []load.Reference{
					{Name: "https://example.org/address", Text: `{ "title": "Address", "type": "object", "properties": { "street": { "type": "string" } } }`},
					{Name: "parts/file.json", Text: `{ "$defs": { "X": { "type": "integer" } } }`},
				},
			},
			`package  dir=. jsonschema go=;schema
  file reference1.json root=Address
  file shipped-value.json root=OrderShipped
  message Address keep
    street 0: string explicit
  message OrderShipped keep
    state 0: State explicit
    other 0: OrderShippedOther explicit
    weight 0: double explicit
    address 0: Address explicit
    local 0: string explicit
    file 0: int64 explicit
  message OrderShippedOther keep
    state 0: OrderShippedOtherState explicit default="b"
  enum State closed=true
    0 a json="a"
  enum OrderShippedOtherState closed=true
    0 b json="b"
package parts dir=parts jsonschema go=parts;parts
  file parts/file.json
`,
		},
		{
			"a JSON Schema of a list",
			load.RegisteredSchema{Language: schema.JSONSchema, Text: `{ "type": "array", "items": { "type": "string" } }`},
			"package  dir=. jsonschema go=;schema\n  file schema.json root=[string]\n",
		},
		{
			"a JSON Schema of anything",
			load.RegisteredSchema{Language: schema.JSONSchema, Text: `true`},
			"package  dir=. jsonschema go=;schema\n  file schema.json root=json_value\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := load.Schemas(t.Context(), tt.doc)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outline(set)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRegisteredSchemaFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		doc  load.RegisteredSchema
		want string
	}{
		{"not protobuf", load.RegisteredSchema{Name: "s", Language: schema.Protobuf, Text: "x"}, "s.proto:1:1: "},
		{"a missing import", load.RegisteredSchema{Language: schema.Protobuf, Text: orderProto}, "schema.proto:3:8: cannot find common/v1/money.proto"},
		{"not JSON", load.RegisteredSchema{Language: schema.JSONSchema, Text: "{"}, "schema.json:1:2: end of file where a member name should be"},
		{"a missing reference", load.RegisteredSchema{Language: schema.JSONSchema, Text: `{"$ref":"x.json"}`}, "names x.json, which is not there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load.Schemas(t.Context(), tt.doc)
			faults, ok := errors.AsType[schema.Errors](err)
			if !ok || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want a fault with %q", err, tt.want)
			}
			for _, fault := range faults {
				if fault.Pos.File == "" {
					t.Errorf("%v has no place", fault)
				}
			}
		})
	}
	t.Run("two references of one name", func(t *testing.T) {
		t.Parallel()
		doc := load.RegisteredSchema{Language: schema.Protobuf, References: []load.Reference{{Name: "a.proto", Text: "1"}, {Name: "a.proto", Text: "2"}}}
		if _, err := load.Schemas(t.Context(), doc); err == nil || !strings.Contains(err.Error(), "two references") {
			t.Errorf("error %v", err)
		}
	})
}

func TestLocations(t *testing.T) {
	t.Parallel()
	root := writeSample(t)
	image := filepath.Join(root, "image.binpb")
	if err := os.WriteFile(image, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	schemas := filepath.Join(root, "schemas")
	file := filepath.Join(schemas, "orders", "v1", "order.proto")
	stored := load.RegisteredSchema{Name: "x"}
	locator := load.Locator{
		Root: "schemas", Dir: root,
		Registry: func(subject string) (load.Source, error) {
			if subject != "x" {
				return nil, errors.New("no subject " + subject)
			}
			return stored, nil
		},
	}
	for _, tt := range []struct {
		word string
		want load.Source
	}{
		{"git#main", load.Git{Dir: root, Ref: "main", Path: "schemas", Root: "schemas"}},
		{"git#v1:other/schemas", load.Git{Dir: root, Ref: "v1", Path: "other/schemas", Root: "schemas"}},
		{schemas, load.In("schemas", schemas)},
		{file, load.In("schemas", file)},
		{image, load.Image(image)},
	} {
		got, err := locator.Parse(tt.word)
		if err != nil {
			t.Errorf("%s: %v", tt.word, err)
		} else if got != tt.want {
			t.Errorf("%s is %#v, want %#v", tt.word, got, tt.want)
		}
	}
	if got, err := locator.Parse("registry:x"); err != nil || got.(load.RegisteredSchema).Name != "x" {
		t.Errorf("registry:x is %#v, %v", got, err)
	}
	for word, want := range map[string]string{
		"":                             "empty location",
		"git#":                         "no reference",
		"git#:schemas":                 "no reference",
		"registry:":                    "no subject",
		"registry:y":                   "no subject y",
		filepath.Join(root, "nowhere"): "no such file or folder",
	} {
		if _, err := locator.Parse(word); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", word, err, want)
		}
	}
	if _, err := (load.Locator{}).Parse("registry:x"); err == nil || !strings.Contains(err.Error(), "no registry") {
		t.Errorf("without a registry: error %v", err)
	}
}
