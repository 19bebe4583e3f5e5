package gentest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	runtime "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	nullsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/nulls/want/acme/nulls/v1"
	pairsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/pairs/want/acme/pairs/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// golden is the folder of a case that code is generated for.
func golden(name string) string { return filepath.Join("..", "golang", "testdata", name) }

func loadGolden(t *testing.T, name string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(context.Background(), load.Dir(filepath.Join(golden(name), "in")))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// compileFile compiles a JSON Schema of a case.
func compileFile(t *testing.T, name, dir, path string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden(name), dir, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := jsoncompile.New(map[string][]byte{path: text}).Compile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// withNulls are what every property is given in turn: null, values that hold null, and some that hold none.
var withNulls = []string{
	`null`, `"a"`, `"red"`, `""`, `1`, `5`, `true`, `"2025-10-16T12:34:56Z"`, `"YQ=="`, `[]`, `["a"]`, `[null]`, `["a",null]`, `[[1]]`,
	`[[null]]`, `[null,[1]]`, `{}`, `{"a":"b"}`, `{"a":null}`, `{"a":"b","c":null}`, `{"city":"Bonn"}`, `{"city":null}`,
	`{"city":"Bonn","floor":null}`, `{"city":"Bonn","floor":1}`, `{"city":"Bonn","more":null}`, `{"city":"Bonn","left":true}`, `{"left":null}`, `[{"city":"Bonn"}]`, `[{"city":null}]`, `[{"city":"Bonn"},null]`,
	`{"x":{"city":"Bonn"}}`, `{"x":{"city":"Bonn","floor":null}}`, `{"x":{"city":null}}`, `{"kind":"circle","radius":1}`, `{"kind":"circle","radius":null}`,
	`{"kind":"square","side":null}`, `{"kind":null}`, `[{"kind":"square","side":null}]`, `[{"kind":"circle","radius":null}]`, `[{"kind":"circle"},null]`,
}

// TestNullIsOneThing gives every property null, and values with null in them: generated code, the reader by schema, the
// library on the schema as it is written and the library on what is registered say the same, and null is written again.
func TestNullIsOneThing(t *testing.T) {
	t.Parallel()
	set := loadGolden(t, "nulls")
	made := infoOf(t, event.New(set).Events(), "reading.taken")
	generated := infoOf(t, nullsv1.Events(), "reading.taken")
	asWritten := compileFile(t, "nulls", "in", "acme/nulls/v1/reading.json")
	registered := compileFile(t, "nulls", "want/jsonschema", "acme/nulls/v1/reading.taken.json")
	names := []string{"undeclared"}
	for _, e := range set.Events() {
		if e.Type == generated.Type {
			for _, f := range e.Message.Fields {
				names = append(names, f.JSONName)
			}
		}
	}
	count := map[bool]int{}
	for _, name := range names {
		for _, value := range withNulls {
			if strings.HasPrefix(name, "blob") && value != `"YQ=="` && value[0] == '"' {
				continue // that text is in base64 is a note in JSON Schema
			}
			text := onlyLast(t, `{"must":"a","must_or_null":null,"`+name+`":`+value+`}`)
			want := accepts(t, asWritten, []byte(text)) == nil
			if err := accepts(t, registered, []byte(text)); (err == nil) != want {
				t.Errorf("%s: valid is %t, what is registered says %v", text, want, err)
			}
			ours, again := readStrictly(t, generated.New(), text)
			theirs, other := readStrictly(t, made.New(), text)
			if (ours == nil) != want {
				t.Errorf("%s: valid is %t, generated code says %v", text, want, ours)
			}
			if (theirs == nil) != want {
				t.Errorf("%s: valid is %t, the reader by schema says %v", text, want, theirs)
			}
			if want && ours == nil && theirs == nil && (!cmp.Equal(untyped(t, text), untyped(t, again)) || again != other) {
				t.Errorf("%s is written again as %s, and by schema as %s", text, again, other)
			}
			count[want]++
		}
	}
	if count[true] < 300 || count[false] < 1000 {
		t.Errorf("%v texts are too few", count)
	}
}

func infoOf(t *testing.T, all []*runtime.EventInfo, eventType string) *runtime.EventInfo {
	t.Helper()
	i := slices.IndexFunc(all, func(info *runtime.EventInfo) bool { return info.Type == eventType })
	if i < 0 {
		t.Fatalf("no event %s", eventType)
	}
	return all[i]
}

// readStrictly returns what is wrong with a text, defaults left out, and how what it holds is written.
func readStrictly(t *testing.T, x runtime.Event, text string) (wrong []runtime.Violation, again string) {
	t.Helper()
	r := jsonio.NewReader([]byte(text))
	x.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	var all runtime.Violations
	all.AddFaults(r.Faults())
	all.AddUnfaulted(x.Validate(), r.Faults())
	if wrong = all.List(); len(wrong) > 0 {
		slices.SortStableFunc(wrong, func(a, b runtime.Violation) int { return strings.Compare(a.Path+" "+a.Rule, b.Path+" "+b.Rule) })
		return wrong, ""
	}
	b, err := x.AppendJSON(nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return nil, string(b)
}

// TestNullIsOfTheWrongType holds what is said of a null that is not listed.
func TestNullIsOfTheWrongType(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`"text":null`:                             "text: must be a string, got null [type]",
		`"count":null`:                            "count: must be an integer, got null [type]",
		`"number":null`:                           "number: must be a number, got null [type]",
		`"flag":null`:                             "flag: must be a boolean, got null [type]",
		`"at":null`:                               "at: must be a string with a time, got null [type]",
		`"colour":null`:                           "colour: must be a string, got null [type]",
		`"free":null`:                             "free: must be an object, got null [type]",
		`"list":null`:                             "list: must be an array, got null [type]",
		`"list":["a",null]`:                       "list[1]: must be a string, got null [type]",
		`"map":{"k":null}`:                        `map["k"]: must be a string, got null [type]`,
		`"place":null`:                            "place: must be an object, got null [type]",
		`"shape":null`:                            "shape: must be an object, got null [type]",
		`"rest":{"city":"a","x":null}`:            "rest.x: must be a boolean, got null [type]",
		`"must":null`:                             "must: must be a string, got null [type]",
		`"text_default":null`:                     "text_default: must be a string, got null [type]",
		`"secret":null`:                           "secret: must be a string [type]",
		`"place":{"city":null}`:                   "place.city: must be a string, got null [type]",
		`"places_by_name":{"a":null}`:             `places_by_name["a"]: must be an object, got null [type]`,
		`"shapes":[{"kind":"x"},null]`:            "shapes[1]: must be an object, got null [type]",
		`"place_never":null`:                      "place_never: must be an object, got null [type]",
		`"colour_by_type_only":null`:              "colour_by_type_only: must be a string, got null [type]",
		`"level_by_list_only":null`:               "level_by_list_only: must be an integer, got null [type]",
		`"one_twice_null":null`:                   "one_twice_null: must be a string, got null [type]",
		`"shape":{"kind":"circle","radius":null}`: "shape.radius: must be a number, got null [type]",
	}
	for member, want := range tests {
		text := onlyLast(t, `{"must":"a","must_or_null":null,`+member+`}`)
		for by, info := range map[string]*runtime.EventInfo{
			"generated": infoOf(t, nullsv1.Events(), "reading.taken"),
			"by schema": infoOf(t, event.New(loadGolden(t, "nulls")).Events(), "reading.taken"),
		} {
			wrong, _ := readStrictly(t, info.New(), text)
			var said []string
			for _, v := range wrong {
				said = append(said, v.String())
			}
			if !slices.Contains(said, want) {
				t.Errorf("%s, %s: got %q, want %q", text, by, said, want)
			}
		}
	}
}

// TestNullIsNotTheDefault: a null that is given stays, what is absent gets the default, and a default of null is none.
func TestNullIsNotTheDefault(t *testing.T) {
	t.Parallel()
	const free = `"measure":-9223372036854775807.5,"free":{"far":[1e400,0.1234567890123456789,1.5],"zero":-0}` // nobody gives these
	tests := map[string]string{
		`{"must":"a"}`: `{"must":"a","level":3,"state":"on","names":[],` + free + `}`,
		`{"must":"a","level":null,"state":null,"names":null,"note":null}`: `{"must":"a","level":null,"state":null,"names":null,` + free + `,"note":null}`,
		`{"must":"a","level":0,"state":"off","names":["x"],"note":""}`:    `{"must":"a","level":0,"state":"off","names":["x"],` + free + `,"note":""}`,
	}
	for by, all := range map[string][]*runtime.EventInfo{
		"generated": nullsv1.Events(), "by schema": event.New(loadGolden(t, "nulls")).Events(),
	} {
		for text, want := range tests {
			x := infoOf(t, all, "reading.defaulted").New()
			r := jsonio.NewReader([]byte(text))
			x.DecodeJSON(r)
			x.SetDefaults(time.Now())
			if r.Err() != nil || len(r.Faults()) > 0 || x.Validate() != nil {
				t.Fatalf("%s: %v %v %v", text, r.Err(), r.Faults(), x.Validate())
			}
			if got, err := x.AppendJSON(nil); err != nil || string(got) != want {
				t.Errorf("%s, %s: got %s, %v, want %s", text, by, got, err, want)
			}
		}
	}
}

// TestNullIsAbsentInProtobuf puts null in the place of everything in a full event: generated code, the reader by schema and
// what is registered say the same, and say of null what they say of nothing.
func TestNullIsAbsentInProtobuf(t *testing.T) {
	t.Parallel()
	for name, generated := range map[string][]*runtime.EventInfo{
		"pairs": pairsv1.Events(), "rules": rulesv1.Events(), "shapes": shapesv1.Events(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := loadGolden(t, name)
			made := event.New(set).Events()
			count := map[bool]int{}
			for _, e := range set.Events() {
				if e.Encoding != schema.EncodingJSON {
					continue
				}
				info, other := infoOf(t, generated, e.Type), infoOf(t, made, e.Type)
				compiled := compileFile(t, name, "want/jsonschema", "acme/"+name+"/v1/"+e.Type+".json")
				judge := func(payload []byte) {
					want := readable(info, payload)
					if got := readable(other, payload); got != want {
						t.Errorf("%s %s: generated code accepts: %t, by schema: %t", e.Type, payload, want, got)
					}
					if err := accepts(t, compiled, enveloped(info, payload)); (err == nil) != want {
						t.Errorf("%s %s: readers accept: %t, what is registered says %v", e.Type, payload, want, err)
					}
					count[want]++
				}
				for _, payload := range valid(t, info, e.Message) {
					judge(payload)
					for _, path := range paths(t, payload, "") {
						if slices.ContainsFunc(e.Message.Rules.GetOneof(), func(r *validate.MessageOneofRule) bool { return slices.Contains(r.GetFields(), path) }) {
							continue // the schema has no word for it
						}
						null, nothing := with(t, payload, path, "null"), with(t, payload, path, "")
						judge(null)
						judge(nothing)
						if entry := entryOf(e.Message, path); !entry && readable(info, null) != readable(info, nothing) {
							t.Errorf("%s %s: null and nothing are not the same", e.Type, null)
						}
					}
				}
			}
			t.Log(count)
			if count[true] < 4 {
				t.Errorf("%v events are too few", count)
			}
		})
	}
}

// valid are events of a message that generated code accepts: the smallest, one with everything set, and those of other
// tests.
func valid(t *testing.T, info *runtime.EventInfo, m *schema.Message) (out [][]byte) {
	t.Helper()
	for _, msg := range []validated{validNumbers(), validTexts(), validContainers()} {
		if e, ok := msg.(runtime.Event); ok && e.EventInfo().FullName == m.FullName {
			text, err := e.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
	}
	maker := values.NewMaker()
	for _, object := range []map[string]any{maker.Smallest(m), maker.Full(m)} {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if readable(info, text) {
			out = append(out, text)
		}
	}
	return out
}

// entryOf says whether a path leads into something that is no message, such as a map, where null is no absent field.
func entryOf(m *schema.Message, path string) bool {
	for step := range strings.SplitSeq(path, ".") {
		if m == nil {
			return true
		}
		f := m.Field(step)
		if f == nil {
			return true
		}
		m = f.Type.Message
		if m != nil && m.WellKnown() != "" {
			m = nil
		}
	}
	return false
}

// enveloped is a record with a payload.
func enveloped(info *runtime.EventInfo, payload []byte) []byte {
	if info.Envelope == wire.None {
		return payload
	}
	return fmt.Appendf(nil, `{"correlation_id":%q,"session_id":%q,"event_type":%q,"timestamp":"2025-10-16T12:34:56Z","payload":%s}`, id, id, info.Type, payload)
}
