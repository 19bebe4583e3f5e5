package python_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/gen/example"
	knownv1 "github.com/omninode/trestle/tools/gen/golang/testdata/known/want/acme/known/v1"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	nullsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/nulls/want/acme/nulls/v1"
	objectsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/objects/want/acme/objects/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/schema"
)

// replacements are values that rules are about: at bounds and beside them, of the right length and of the wrong one.
var replacements = append([]string{
	"2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "19", "20", "21", "-4", "-5", "-6", "-9", "-10", "-11", "99", "100", "101",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "18446744073709551613",
	"18446744073709551614", "18446744073709551615", "18446744073709551616", "999995", "999996", "1000000", "16777217",
	"0.1", "0.10000000000000001", "0.11", "0.5", "0.50000001", "0.9", "0.89999998", "1.5", "-1.5", "-1.4", "-1.6", "1.0000001",
	"1e-7", "9e-8", "1e-46", "3.4028235e38", "3.4028236e38", "1e39", "1e300", "1e301",
	`"a"`, `"b"`, `"y"`, `"ab"`, `"abc"`, `"abcd"`, `"abcde"`, `"abcdef"`, `"üü"`, `"üüü"`, `"üüüüü"`, `"😀"`, `"a\"b"`,
	`"1.2"`, `"1.2\n"`, `"<a-b>"`, `"<a--b>"`, `"<ab>"`, `"<->"`, `"a-b>"`, `"ord_"`, `"ord_12345678"`, `"ord_123456789"`, `"xord_"`,
	`"AQD/"`, `"AQ=="`, `"YWI="`, `"Y2Q="`, `"YWJj"`, `"YWJjZA=="`, `"AQAC_w"`, `"AQ+-"`, `"AQ==="`, `"A"`, `"AQ\n=="`, `"A=Q"`,
	`"COLOR_RED"`, `"COLOR_GREEN"`, `"COLOR_UNSPECIFIED"`, `"SPARSE_FIVE"`, `"SPARSE_NINE"`, `"LEVEL_LOW"`, `"LEVEL_HIGH"`, `"good"`, `"bad \"mood\""`, `"deep"`, `"new"`, `"sent"`,
	`["a"]`, `["ab"]`, `["ab","ab"]`, `["ab","cd"]`, `["ab","cd","ef","gh"]`, `[1]`, `[1,1]`, `[0,0.0]`, `[0.5,0]`, `[0.4]`, `["AQ==","AQ"]`, `[""]`,
	`[{"size":1}]`, `[{"size":10}]`, `[{"size":1,"parts":[{"size":0}]}]`, `[{"sku":"a","quantity":1}]`, `[{"sku":"","quantity":1}]`, `[{"sku":"a"}]`,
	`{"size":9}`, `{"size":9,"marks":{"0":"x","10":"y"}}`, `{"size":9,"marks":{"9":"x"}}`, `{"size":9,"marks":{"10":"x","10":"y"}}`, `{"size":9,"marks":{"10":"x","+10":"y"}}`, `{"size":1,"x":2}`, `{"ab":"abc"}`, `{"ab":"abcd"}`, `{"a":"a"}`, `{"ab":"","cd":""}`, `{"ab":"","cd":"","ef":""}`,
	`{"1":{"size":1}}`, `{"1":{"size":0}}`, `{"+7":{"size":1}}`, `{"x":{"size":1}}`, `{"2147483648":{"size":1}}`, `{"10":{"size":1},"9":{"size":2}}`,
	`{"city":"Bonn"}`, `{"city":"Bonn","zip":1}`, `{"name":"x","owner":{"name":""}}`, `{"level":"deep"}`, `{"level":"x"}`, `{"r":{"sku":"a","quantity":99}}`,
	`{"b":1,"a":2}`, `{"18446744073709551615":"x"}`, `{"-1":"x"}`,
	"19.99", "19.999", `"blue"`, `"open"`, `"me@example.com"`, `"me@"`, `"http://a/b?c#d"`, `"/b"`, `"http://[::1]:80"`, `"2024-02-29"`, `"2023-02-29"`,
	`[[0,1],[2]]`, `[[0,1,2,3]]`, `[[-1]]`, `-2.5`, `-2.505`, `123456790.125`, `123456784`, `323456784`, `323456800`, `[3.0]`, `[6]`, `[null]`, `[1,null]`, `[null,1.0]`, `[["a"]]`, `["a",1]`, `["a","b"]`, `["a",1,2]`, `["a",null]`, `[1,"a"]`, `{"n":1}`, `{"n":"a"}`,
	`{"city":"Bonn","left":true}`, `{"city":"Bonn","left":true,"a":1,"b":2,"c":3}`, `{"city":"Bonn","floor":null,"note":null}`, `{"city":"Bonn","floor":0,"note":[null]}`, `{"first":"a"}`, `{"first":1}`, `{"first":"a","x":{"city":"Bonn"}}`,
	`{"x":{"city":""}}`, `{"additional":"a"}`, `{"first":"a","x":{"city":"Bonn"},"x":{"city":"Bonn"}}`, `{"additional":"a","additional":"a"}`, `{"city":"Bonn","more":1,"more":1}`, `{"tue":{"a":1,"a":1}}`, `{"mon":{"a":1}}`, `{"mon":{"a":-1}}`, `{"sun":{}}`, `{"tue":{"a":1,"b":2,"c":3}}`,
	`{"a":[{"city":"Bonn"}]}`, `{"a":[{"city":"Bonn"},{"city":"Bonn"}]}`, `{"a":[{}]}`, `{"method":"card","number":"123"}`,
	`{"number":"1234","method":"card","more":1}`, `{"method":"sepa","iban":"DE123"}`, `{"method":"swift","iban":"D"}`, `{"method":"cash"}`,
	`[{"method":"card","number":"1234"},{"method":"sepa","iban":"DE123"}]`, `[{"method":"cash"}]`,
	`{"city":null}`, `{"kind":"circle","radius":null}`, `{"kind":"square","side":null}`, `[{"city":"Bonn"},null]`, `{"x":{"city":null}}`, `[[null]]`,
	`"a@example.org"`, `"a b@example.org"`, `"@"`, `"host.example.org"`, `"-host"`, `"host:80"`, `"host:65536"`, `"[::1]:80"`, `"127.0.0.1"`, `"::1"`,
	`"fe80::1%eth0"`, `"1.2.3.0/24"`, `"1.2.3.4/24"`, `"2001:db8::/32"`, `"a:b"`, `"urn:a:b?#"`, `":method"`, `"x-y"`, `"a\u0000"`, `"a.b.C"`, `".a.b"`, `"01ARZ3NDEKTSV4RRFFQ69G5FAV"`,
	`"81ARZ3NDEKTSV4RRFFQ69G5FAV"`, `"550e8400-e29b-41d4-a716-446655440000"`, `"550E8400E29B41D4A716446655440000"`, `"AQIDBA=="`, `"AQIDBAUGBwgJCgsMDQ4PEA=="`, `"YWJj/w=="`,
	`["host:80"]`, `["host:80","host:80"]`, `["host:80","host:81"]`, `{"a@b":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}`, `{"a@b":"x"}`, `{"ab":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}`,
	`"banana"`, `"1s"`, `"1.5s"`, `"1.50s"`, `"1.000000005s"`, `"60s"`, `"60.000000001s"`, `"0.5s"`, `"-1s"`, `"+1s"`, `".5s"`, `"1.s"`, `"s"`, `"1 s"`, `"01s"`, `"315576000000s"`, `"315576000001s"`,
	`"-0.5s"`, `"10s"`, `"1.0000000001s"`, `"1970-01-01T00:01:40Z"`, `"1970-01-01T00:03:20Z"`, `"1970-01-01T00:03:20.000001Z"`, `"1970-01-01T00:01:39.999999Z"`, `"2025-06-01T00:00:00Z"`, `"2999-01-01T00:00:00Z"`,
	`"a,bC"`, `"a.b"`, `"a,b"`, `"b,a"`, `"b_c"`, `"aB,c"`, `" a "`, `"a,"`, `["0s","2s"]`, `["1s"]`, `["x"]`, `{"a":"1970-01-01T00:01:41Z"}`, `{"a":"1970-01-01T00:01:40Z"}`,
	`{"a":[1,2,{"b":null}]}`, `{"a":1.5,"b":9007199254740993,"c":1e300}`, `{"a":1,"a":2}`, `[{"b":1,"a":"x"},null,1]`, `{"a":1e400}`,
	`"red"`, `"blue"`, `[1,3]`, `[1,2]`, `[2]`, `{"a b":"x"}`, `{"host":"x"}`, `{"size":7}`, `{"size":-1}`, `[{"size":1},{"size":2},{"size":3}]`, `[{"size":-1}]`, `0.99`, `1`,
	`"NaN"`, `"Infinity"`, `"-Infinity"`, `"infinity"`, `["Infinity"]`, `-0.0`, `1e-400`, `-1e-400`,
	`{"@type":"x/google.protobuf.Duration","value":"1s"}`, `{"@type":"x/google.protobuf.Duration","value":"x"}`, `{"@type":"x/google.protobuf.Duration"}`,
	`{"@type":"x/google.protobuf.Duration","value":"1s","more":1}`, `{"@type":"x/google.protobuf.Empty"}`, `{"value":"1s"}`, `{"@type":""}`, `{"@type":1}`, `{}`,
	`{"@type":"x/google.protobuf.Empty","value":1}`, `{"@type":"x/google.protobuf.Empty","value":{}}`, `{"@type":"x/google.protobuf.Int64Value","value":"1"}`,
	`{"@type":"x/google.protobuf.Int32Value","value":1.5}`, `{"@type":"x/google.protobuf.Value","value":null}`, `{"@type":"x/google.protobuf.Duration","value":null}`,
	`{"@type":"x/google.protobuf.Timestamp","value":"2025-10-16T12:34:56Z"}`, `{"@type":"x/google.protobuf.Timestamp","value":"2025-10-16 12:34:56"}`,
	`{"@type":"x/google.protobuf.Timestamp","value":"2025-10-16T12:34:56.5+02:00"}`, `{"@type":"x/google.protobuf.Timestamp","value":"0001-01-01T00:00:00.000001Z"}`,
	`{"@type":"x/google.protobuf.FloatValue","value":1.0}`, `{"@type":"x/google.protobuf.UInt64Value","value":7}`,
	`{"@type":"x/google.protobuf.Any","value":{"@type":"x/google.protobuf.BoolValue","value":true}}`, `{"@type":"x/google.protobuf.Any","value":{"@type":"x/google.protobuf.BoolValue","value":1}}`,
	`{"@type":"x/google.protobuf.Any","value":{}}`, `{"@type":"x/google.protobuf.Struct","value":{"a":1}}`, `{"@type":"x/google.protobuf.Struct","value":1}`,
	`{"@type":"x/google.protobuf.BytesValue","value":"YQ"}`, `{"@type":"x/google.protobuf.StringValue","value":1}`, `{"@type":"x/google.protobuf.FloatValue","value":"NaN"}`,
	`{"a":{"kind":"person","name":"Ann"},"b":{"kind":"firm","number":1}}`, `{"a":{"kind":"person"}}`, `{"a":{"kind":"cat"}}`,
}, anything...)

// bases are valid events with every field that has a rule.
var bases = map[string]string{
	"Numbers": `{"gte_lte":1,"gt_lt":4,"outside":11,"outside_inclusive":-10,"gt":8,"lte":7,"const":3,"in":2,"not_in":5,"maybe":100,
		"skip_zero":0,"never":1,"rate":0.5,"ratio":0.5,"apart":1.5,"listed":0.5,"set":9,"there":0,"tiny":1}`,
	"Texts": `{"len":"abc","between":"a","bytes_between":"ab","len_bytes":"abcd","const":"a\"b","version":"1.2","parts":"<a-b>","in":"a",
		"not_in":"z","id":"550e8400-e29b-41d4-a716-446655440000","required_id":"550e8400-e29b-41d4-a716-446655440000",
		"trimmed":"550e8400e29b41d4a716446655440000","secret":"a","data":"YWI=","frame":"AQD/","magic":"YWI=","pair":"YWI=","accepted":true,
		"color":"COLOR_RED","sparse":"SPARSE_NINE","red":"COLOR_RED","some":"COLOR_GREEN","raised":"LEVEL_HIGH","set_level":"LEVEL_HIGH"}`,
	"Containers": `{"part":{"size":1},"other":{"size":2},"parts":[{"size":3}],"names":["ab"],"scores":[0.5,0],"blobs":["AQ=="],"some":[1],
		"labels":{"ab":"abc"},"by_number":{"1":{"size":1}},"name":"x","left":"ab","unchecked":{"size":10,"parts":[{"size":0}],"marks":{"1":"x"}},
		"all_unchecked":[{"size":0,"parts":[{"parts":[{}]}]}]}`,
	"TextsKnown":        `{}`,
	"TimesKnown":        `{}`,
	"RulesKnown":        `{"low":1,"high":2}`,
	"parcel.sent":       `{"id":"p","colour":"red","day":"2024-01-01","price":19.99,"payment":{"method":"card","number":"1234"}}`,
	"parcel.returned":   `{"id":"p","reason":"refused","fee":1,"sizes":[1,null],"more":[1.0]}`,
	"reading.taken":     `{"must":"a","must_or_null":null,"place":{"city":"Bonn","floor":null}}`,
	"reading.defaulted": `{"must":"a","level":null}`,
	"EveryKind": `{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","truth":true,"small":1,"large":2,"unsigned":3,"huge":4,"single":0.5,
		"precise":0.5,"text":"x","data":"AQ==","mood":"bad \"mood\"","at":"2025-10-16T12:34:56Z","struct":{"a":1},"free":{"b":2},
		"owner":{"name":"x"},"texts":["x"],"moods":["good"],"owners":[{"name":"y","owner":{}}],"times":["2025-10-16 12:34:56"],
		"objects":[{}],"blobs":["AQ"],"counts":{"b":1,"a":2},"by_number":{"2":{"name":"x"}},"by_huge":{"18446744073709551615":"x"},
		"chosen_text":"x","secret":"x","inner":{"level":"deep"}}`,
}

// TestEveryRule has Go and Python judge the events that the Go generator is tested with, which have every kind and
// rule: examples, and examples with one field replaced by what is at and around every bound, and taken away.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]*event.EventInfo{
		"rules": rulesv1.Events(), "shapes": shapesv1.Events(), "objects": objectsv1.Events(), "left": leftv1.Events(), "nulls": nullsv1.Events(),
		"known": knownv1.Events(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := loadSet(t, filepath.Join("..", "golang", "testdata", name, "in"))
			files, err := python.Generate(set)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, dir, files)
			p := startPeer(t, filepath.Join(dir, "python"), "acme_events", events)
			examples := example.New(set)
			for _, e := range set.Events() {
				if e.Encoding == schema.EncodingProtobuf {
					continue
				}
				record := examples.Record(e)
				if base := bases[e.Type]; base != "" && e.Envelope == schema.EnvelopeNone {
					record = []byte(base)
				} else if base != "" {
					record = []byte(`{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","event_type":"` + e.Type +
						`","timestamp":"2025-10-16T12:34:56Z","payload":` + base + `}`)
				}
				if !p.compare(t, e, string(record)) {
					t.Errorf("%s: the example is invalid: %s", e.Type, record)
					continue
				}
				var whole map[string]json.RawMessage
				if err := json.Unmarshal(record, &whole); err != nil {
					t.Fatal(err)
				}
				payload := whole
				if e.Envelope != schema.EnvelopeNone {
					payload = nil
					if err := json.Unmarshal(whole["payload"], &payload); err != nil {
						t.Fatal(err)
					}
				}
				valid, invalid := 0, 0
				for _, f := range e.Message.Fields {
					for _, replacement := range append([]string{""}, replacements...) {
						changed := maps.Clone(payload)
						if changed[f.JSONName] = json.RawMessage(replacement); replacement == "" {
							delete(changed, f.JSONName)
						}
						if f.Oneof != nil { // a second one is another matter
							for _, other := range f.Oneof.Fields {
								if other != f {
									delete(changed, other.JSONName)
								}
							}
						}
						text := join(changed)
						if e.Envelope != schema.EnvelopeNone {
							outer := maps.Clone(whole)
							outer["payload"] = json.RawMessage(text)
							text = join(outer)
						}
						if p.compare(t, e, text) {
							valid++
						} else {
							invalid++
						}
					}
				}
				t.Logf("%s: %d valid, %d invalid", e.Type, valid, invalid)
			}
		})
	}
}

// join writes an object; its members may be what is no JSON.
func join(members map[string]json.RawMessage) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		out = append(out, quoted(name)+":"+string(members[name]))
	}
	return "{" + strings.Join(out, ",") + "}"
}
