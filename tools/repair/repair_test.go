package repair_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/repair"
)

const schemas = `syntax = "proto3";

// Orders.
package shop.v1;

import "buf/validate/validate.proto";
import "trestle/v1/json.proto";
import "trestle/v1/options.proto";

option (trestle.v1.family) = {envelope: ENVELOPE_BASE_EVENT topic_settings: {partitions: 1}};

// Placed says that an order was placed.
message Placed {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1;
  // Its status.
  string status = 2 [(buf.validate.field).string = {in: ["new", "paid", "shipped"]}];
  // Its lines.
  repeated Line lines = 3;
  // More.
  trestle.v1.JsonObject notes = 4;
}

// Line is one of an order.
message Line {
  // How many.
  int64 quantity = 1;
}

// Paid says that an order was paid.
message Paid {
  option (trestle.v1.event) = {topic: "payments" key: "order_id" encoding: ENCODING_PROTOBUF};
  // The order.
  string order_id = 1;
  // Its status.
  string status = 2 [(buf.validate.field).string = {in: ["new", "paid", "shipped"]}];
  // Its lines.
  repeated Line lines = 3;
}
`

func types(t testing.TB) *trestle.Types {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/order.proto": []byte(schemas)}))
	if err != nil {
		t.Fatal(err)
	}
	return trestle.NewTypes(event.Events(set)...)
}

const envelope = `{"event_id":"0f8fad5b-d9cb-469f-a165-70867728950e", "event_type":"Placed","version":"1.0","timestamp":"2025-10-16T12:00:00Z",` +
	`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"more":1.0,"payload": `

// TestApply repairs events in JSON: what a repair does not mean stays to the byte, in the payload and around it.
func TestApply(t *testing.T) {
	t.Parallel()
	known := types(t)
	const payload = `{"status":"SHIPPED", "order_id":"o\u0031","lines":[{"quantity":1},{"quantity":9007199254740993}],` +
		`"notes":{"z":1.0,"big":123456789012345678901234567890,"tiny":1e-07,"fine":0.1234567890123456789,"a":[null,true]}}`
	compact := strings.ReplaceAll(payload, ", ", ",")
	for name, tt := range map[string]struct{ repair, want string }{
		"a patch":                {`{"status":"shipped"}`, strings.Replace(compact, "SHIPPED", "shipped", 1)},
		"a patch deeper":         {`{"notes":{"a":null}}`, strings.Replace(compact, `,"a":[null,true]`, "", 1)},
		"a patch of nothing":     {`{"nothing":null}`, payload},
		"an expression":          {`payload.merge({"status": payload.status.lowerAscii()})`, strings.Replace(compact, "SHIPPED", "shipped", 1)},
		"an expression deeper":   {`payload.merge({"notes": {"a": null}})`, strings.Replace(compact, `,"a":[null,true]`, "", 1)},
		"the payload itself":     {`payload`, payload},
		"moved numbers":          {`{"n": payload.notes}`, `{"n":{"a":[null,true],"big":123456789012345678901234567890,"fine":0.1234567890123456789,"tiny":1e-07,"z":1.0}}`},
		"numbers one by one":     {`{"z": payload.notes.z, "b": payload.notes.big, "t": payload.notes.tiny}`, `{"b":123456789012345678901234567890,"t":1e-07,"z":1.0}`},
		"an element":             {`payload.merge({"lines": payload.lines.map(l, l.merge({"quantity": l.quantity + 1}))})`, strings.NewReplacer(`:1}`, `:2}`, "0993", "0994").Replace(compact)},
		"the envelope":           {`{"status": envelope.event_type, "of": envelope.source.service_name}`, `{"status":"Placed","of":"a"}`},
		"the record":             {`{"status": value.payload.status, "k": key, "t": event_type, "h": headers["x"]}`, `{"status":"SHIPPED","h":"y","k":"key","t":"Placed"}`},
		"what may be missing":    {`{?"a": payload.?nothing, "b": payload.?nothing.orValue("-")}`, `{"b":"-"}`},
		"every member":           {`payload.transformMap(k, v, k == "status", v.lowerAscii())`, `{"status":"shipped"}`},
		"a patch over lines":     {"{\n  \"status\": \"new\"\n}", strings.Replace(compact, "SHIPPED", "new", 1)},
		"a map that is no patch": {`{"status": payload.status}`, `{"status":"SHIPPED"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := repair.Read(tt.repair)
			if err != nil {
				t.Fatal(err)
			}
			for around, shape := range map[string]struct{ before, after string }{"enveloped": {envelope, ` , "last":[1, 2]}`}, "bare": {" ", "\n"}} {
				text := shape.before + payload + shape.after
				if around == "bare" && (strings.Contains(tt.repair, "envelope") || strings.Contains(tt.repair, "value.")) {
					continue
				}
				rec := &trestle.Record{Topic: "orders", Key: []byte("key"), Value: []byte(text), Headers: []trestle.Header{{Key: "x", Value: []byte("y")}}}
				value, headers, err := r.Apply(known, rec)
				if err != nil {
					t.Fatal(err)
				}
				want := shape.before + tt.want + shape.after
				if around == "bare" && tt.want != payload {
					want = tt.want
				}
				if got := string(value); got != want && strings.TrimSpace(got) != want {
					t.Errorf("%s:\n%s\nwant\n%s", around, got, want)
				}
				if string(rec.Value) != text || len(headers) != 1 {
					t.Errorf("%s: the record was changed, or its headers: %v", around, headers)
				}
			}
		})
	}
}

// TestApplyKeepsFrames repairs JSON behind a serializer's frame, whose header with the schema's digest is no longer of that schema.
func TestApplyKeepsFrames(t *testing.T) {
	t.Parallel()
	known := types(t)
	known.Find("orders", "Placed").SchemaDigest = "of today"
	r, err := repair.Parse(`{"status":"new"}`)
	if err != nil {
		t.Fatal(err)
	}
	value, headers, err := r.Apply(known, &trestle.Record{
		Topic: "orders", Value: []byte("\x00\x00\x00\x00\x07" + `{"order_id":"a","status":"NEW"}`), Headers: []trestle.Header{{Key: wire.HeaderSchemaDigest, Value: []byte("of then")}},
	})
	if err != nil || string(value) != "\x00\x00\x00\x00\x07"+`{"order_id":"a","status":"new"}` || string(headers[0].Value) != "of today" {
		t.Errorf("%q with %v, %v", value, headers, err)
	}
}

// TestApplyToProtobuf repairs an event in protobuf through its JSON, and loses nothing that its schema does not know.
func TestApplyToProtobuf(t *testing.T) {
	t.Parallel()
	known := types(t)
	line := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	message := func(status string, lines ...[]byte) []byte {
		b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "o1")
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), status)
		for _, l := range lines {
			b = protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), l)
		}
		return protowire.AppendString(protowire.AppendTag(b, 99, protowire.BytesType), "of a newer schema")
	}
	framed := func(body []byte) []byte { return append(wire.AppendConfluent(nil, 7, []int{2}), body...) }
	headers := []trestle.Header{{Key: "event-type", Value: []byte("Paid")}, {Key: "ce_type", Value: []byte("Paid")}}
	r, err := repair.Parse(`payload.merge({"status": payload.status.lowerAscii()})`)
	if err != nil {
		t.Fatal(err)
	}
	value, _, err := r.Apply(known, &trestle.Record{Topic: "payments", Value: framed(message("PAID", line, line)), Headers: headers})
	if want := framed(message("paid", line, line)); err != nil || !bytes.Equal(value, want) {
		t.Errorf("%q, %v, want %q", value, err, want)
	}
	same := framed(message("paid", line))
	if value, _, err := r.Apply(known, &trestle.Record{Topic: "payments", Value: same, Headers: headers}); err != nil || &value[0] != &same[0] {
		t.Errorf("what was not changed: %q, %v", value, err)
	}
	unknownInside := append(slices.Clone(line), protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.VarintType), 1)...)
	_, _, err = r.Apply(known, &trestle.Record{Topic: "payments", Value: framed(message("PAID", line, unknownInside)), Headers: headers})
	if err == nil || !strings.Contains(err.Error(), "lines[1] holds fields that its schema does not know") {
		t.Errorf("what would be lost: %v", err)
	}
	wrong, err := repair.Parse(`{"status":[],"stat":"paid"}`)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = wrong.Apply(known, &trestle.Record{Topic: "payments", Value: framed(message("PAID")), Headers: headers})
	if err == nil || !strings.Contains(err.Error(), "status: must be a string") || !strings.Contains(err.Error(), "stat: the schema has no such field") {
		t.Errorf("what is not of the type: %v", err)
	}
}

// TestApplyFails holds what is left alone to the reason that is given.
func TestApplyFails(t *testing.T) {
	t.Parallel()
	known := types(t)
	for name, tt := range map[string]struct{ repair, topic, value, says string }{
		"not JSON":                   {`{"a":1}`, "orders", `{"order_id":NaN}`, "at byte 12"},
		"a member twice":             {`{"a":1}`, "orders", `{"other":1,"other":2}`, "twice"},
		"an unknown type":            {`{"a":1}`, "elsewhere", `{"event_type":"Lost"}`, "unknown event type"},
		"no payload":                 {`{"a":1}`, "orders", `{"event_type":"Placed"}`, "no payload"},
		"no value":                   {`{"a":1}`, "orders", ``, "the text ends"},
		"a field that lacks":         {`{"a": payload.nothing}`, "orders", `{"order_id":"a"}`, "no such key: nothing"},
		"no JSON form":               {`{"a": 1.0/0.0}`, "orders", `{"order_id":"a"}`, "a: +Inf has no JSON form"},
		"a type of CEL":              {`{"a": [type(1)]}`, "orders", `{"order_id":"a"}`, "a[0]: a value of type"},
		"no payload after all":       {`payload.order_id`, "orders", `{"order_id":"a"}`, "yields a value of type string"},
		"reckoning with many digits": {`{"a": payload.n + 1}`, "orders", `{"order_id":"a","n":123456789012345678901234567890}`, "no such overload"},
		"too much":                   {`{"a": [1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d, [1,2,3,4,5,6,7,8,9].map(e, [1,2,3,4,5,6,7,8,9].map(f, f))))))}`, "orders", `{"order_id":"a"}`, "cost limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := repair.Parse(tt.repair)
			if err != nil {
				t.Fatal(err)
			}
			value, _, err := r.Apply(known, &trestle.Record{Topic: tt.topic, Value: []byte(tt.value)})
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q, %v, want %q", value, err, tt.says)
			}
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for argument, want := range map[string]repair.Kind{
		`{"a":1}`: repair.MergePatch, ` {"a":null}`: repair.MergePatch, `{"a": payload.a}`: repair.Expression, "payload": repair.Expression,
		write("patch.json", "{\"a\":1}\n"): repair.MergePatch, write("other.cel", "payload"): repair.Expression, write("map.cel", `{"a":1}`): repair.Expression,
	} {
		r, err := repair.Read(argument)
		if err != nil || r.Kind() != want || len(r.Digest()) != 64 {
			t.Errorf("%s: %+v, %v, want %s", argument, r, err, want)
		}
	}
	for argument, says := range map[string][]string{
		"": {"want a merge patch"}, filepath.Join(dir, "none.json"): {"none.json"}, "payload.": {"<input>:1:9"}, "1 + 1": {"is of type int, and not a payload"},
		"nothing.a": {"undeclared reference to 'nothing'"}, `{"a":`: {"neither a merge patch", "nor an expression", "<input>:1:"},
		write("list.json", "[1]"): {"list.json: ", "is an object"}, write("long.cel", strings.Repeat(" ", repair.MaxBytes)+"payload"): {"at most 65536 bytes"},
		write("broken.json", `{"a"}`): {"broken.json: ", "at byte 4"},
	} {
		r, err := repair.Read(argument)
		for _, s := range says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %+v, %v, want %q", argument, r, err, s)
			}
		}
	}
}
