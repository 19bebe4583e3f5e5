package gentest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	toolevent "github.com/omninode/trestle/tools/event"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	vaultv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/vault/v1"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// markers are planted where secrets are, as texts, names, numbers and base64, and looked for in all that is written of
// events.
var markers = []string{"MARKER", "7707707707", "TUFSS0VS"}

// planted are values with a marker in them, of the right type somewhere and of a wrong one elsewhere.
var planted = []string{
	`"MARKER"`, `"MARKERMARKERMARKERMARKERMARKERMARKERMARKERMARKER"`, `"TUFSS0VS"`, `7707707707`, `-7707707707.5`, `["MARKER"]`,
	`["MARKER","MARKER"]`, `{"MARKER":"MARKER"}`, `{"MARKER":7707707707}`, `[["MARKER"]]`, `{"MARKER":["MARKER"]}`, `{"MARKER":{"MARKER":"MARKER"}}`,
	`["MARKERMARKERMARKERMARKERMARKERMARKERMARKERMARKER"]`, `{"MARKERMARKERMARKERMARKERMARKERMARKERMARKERMARKER":"MARKER"}`,
	`{"qMARKER":"MARKERMARKERMARKERMARKERMARKERMARKERMARKERMARKER"}`, `[7707707707,"MARKER"]`, `[{"MARKER":1}]`, `"MARKER\ud800"`, `"7707707707s"`,
	`{"door":"MARKER","rooms":{"MARKER":{"MARKER":1}},"owners":{"MARKER":{"id":"MARKER","name":"far too long"}}}`,
	`{"door":"MARKERMARKERMARKERMARKERMARKERMARKERMARKERMARKER","rooms":{"MARKER":{"key":"MARKER"}}}`, `[{"door":7707707707}]`,
}

// holdersOf are values of a field that holds secrets and is none itself; VALUE is one.
func holdersOf(t *schema.Type) []string {
	switch {
	case t.Kind == schema.List && t.Elem.Union != nil:
		return []string{`[{"kind":"card","number":VALUE}]`, `[{"kind":"club","number":VALUE}]`}
	case t.Kind == schema.List:
		return []string{`[{"id":VALUE}]`, `[{"id":"a"},{"name":"far too long","id":VALUE}]`}
	case t.Kind == schema.Map:
		return []string{`{"k":{"id":VALUE}}`, `{"k":{"id":VALUE,"name":"far too long"}}`}
	case t.Union != nil:
		return []string{`{"kind":"card","number":VALUE}`, `{"kind":"club","number":VALUE}`, `{"number":VALUE}`}
	}
	return []string{`{"id":VALUE}`, `{"id":VALUE,"name":"far too long"}`, `{"id":VALUE,"id":VALUE}`}
}

// TestSecrets plants markers in every place of an event where a secret may be, and reads what is written of it: by errors,
// violations, fmt and slog, of generated types and of events by their schema alone.
func TestSecrets(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "golang", "testdata", "secrets", "in")))
	if err != nil {
		t.Fatal(err)
	}
	bySchema := map[string]*event.EventInfo{}
	for _, info := range toolevent.Events(set) {
		bySchema[info.Type] = info
	}
	for _, generated := range slices.Concat(secretsv1.Events(), vaultv1.Events()) {
		t.Run(generated.Type, func(t *testing.T) {
			t.Parallel()
			valid, invalid := 0, 0
			for _, payload := range withSecrets(set.Event(generated.Type).Message) {
				var said []string
				for _, info := range []*event.EventInfo{generated, bySchema[generated.Type]} {
					if info.Key("secret") != "***" {
						t.Errorf("the key is sensitive, and is shown as %s", info.Key("secret"))
					}
					for _, text := range []string{payload, payload[:len(payload)-2]} {
						read, err := decodePayload(info, text)
						said = append(said, fmt.Sprint(err))
						lookForMarkers(t, text, writtenOf(read, err))
						if err == nil {
							valid++
						} else {
							invalid++
						}
					}
				}
				if (said[0] == "<nil>") != (said[2] == "<nil>") {
					t.Errorf("of %s\ngenerated: %s\nby schema: %s", payload, said[:2], said[2:])
				}
			}
			t.Logf("%d valid, %d invalid", valid, invalid)
			if valid < 40 || invalid < 400 {
				t.Errorf("%d valid, %d invalid: too few of one kind", valid, invalid)
			}
		})
	}
}

// withSecrets are payloads with markers in each field that is sensitive, or holds what is.
func withSecrets(m *schema.Message) []string {
	var out []string
	for _, f := range m.Fields {
		var values []string
		for _, value := range planted {
			if f.Sensitive {
				values = append(values, value)
				continue
			}
			if !f.Type.HoldsSensitive() {
				break
			}
			if !strings.Contains(value, "{") { // of another type than the field, or than what is in it
				values = append(values, value)
				if f.Type.Kind == schema.Map {
					values = append(values, `{"k":`+value+`}`)
				}
			}
			for _, holder := range holdersOf(f.Type) {
				values = append(values, strings.ReplaceAll(holder, "VALUE", value))
			}
		}
		for _, value := range values {
			for _, id := range []string{"a", "bad", "closed", "far too long"} {
				others := ""
				for _, name := range []string{"text", "iban"} {
					if m.Field(name) != nil && name != f.JSONName {
						others = fmt.Sprintf("%q:%q,", name, "MARKER")
					}
				}
				out = append(out, fmt.Sprintf(`{"id":%q,%s%q:%s }`, id, others, f.JSONName, value))
			}
		}
	}
	return out
}

func decodePayload(info *event.EventInfo, payload string) (event.Event, error) {
	record := event.Record{Topic: info.Topic.Name, Headers: []event.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}}}
	if info.Envelope == wire.BaseEvent {
		record.Value = []byte(`{"event_id":"` + id + `","event_type":"` + info.Type + `","timestamp":"2025-10-16T12:34:56Z",
			"source":{"service_name":"a","service_version":"1","instance_id":"b"},"payload":` + payload + `}`)
	} else {
		record.Value = []byte(`{"correlation_id":"` + id + `","event_type":"` + info.Type + `","timestamp":"2025-10-16T12:34:56Z","payload":` + payload + `}`)
	}
	decoded, err := event.Decode(&record, event.NewTypes(info), event.DecodeOptions{})
	if err == nil && info.Encoding == event.JSON { // a binary record needs a registry's number of its schema
		_, err = event.Encode(decoded.Event, &decoded.Envelope, event.EncodeOptions{Now: time.Now()})
	}
	return decoded.Event, err
}

// writtenOf is all that programs write of an event and what is wrong with it.
func writtenOf(e event.Event, err error) []string {
	var out []string
	write := func(v any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			out = append(out, fmt.Sprintf(verb, v))
		}
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("said", slog.Any("value", v))
		}
		out = append(out, log.String(), fmt.Sprintln(v))
	}
	if err != nil {
		write(err)
	}
	if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
		for _, v := range invalid.Violations {
			out = append(out, fmt.Sprintf("%+v", v))
		}
	}
	if e == nil || strings.Contains(fmt.Sprintf("%T", e), "jsonEvent") || strings.Contains(fmt.Sprintf("%T", e), "protoEvent") {
		return out
	}
	write(e)
	out = append(out, fmt.Sprintf("%+v", []event.Event{e}), fmt.Sprintf("%+v", struct{ E any }{e}), fmt.Sprintf("%v", map[string]any{"e": e}))
	holder := reflect.ValueOf(e).Elem()
	if _, ok := holder.Interface().(fmt.Formatter); ok {
		write(holder.Interface())
	}
	for _, name := range []string{"Owner", "Others", "ByRole", "Way", "Ways", "Vault", "Person", "Persons", "PersonsByName", "Safe", "Safes"} {
		if f := holder.FieldByName(name); f.IsValid() {
			out = append(out, fmt.Sprintf("%+v", f.Interface()), fmt.Sprintf("%#v", f.Interface()))
			if _, ok := f.Interface().(slog.LogValuer); ok && !f.IsNil() {
				write(f.Interface())
			}
		}
	}
	return out
}

func lookForMarkers(t *testing.T, text string, written []string) {
	t.Helper()
	for _, w := range written {
		for _, m := range append(markers, fmt.Sprintf("%x", "MARKER")) {
			if strings.Contains(w, m) {
				t.Errorf("of %s\nis written: %s", text, w)
				return
			}
		}
	}
}
