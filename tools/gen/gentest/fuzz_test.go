package gentest

import (
	"bytes"
	"testing"
	"time"

	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	objectsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/objects/want/acme/objects/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
)

// everyKind has a value for every kind of field that protobuf has.
const everyKind = `{"correlation_id":"c","truth":true,"small":-1,"large":9007199254740993,"unsigned":1,` +
	`"huge":18446744073709551615,"single":0.1,"precise":1e-07,"text":"a\"\u00e9","data":"AQI=","mood":"bad \"mood\"",` +
	`"at":"2025-10-16 12:34:56.789012","took":"1.5s","struct":{"a":[1,null]},"free":{"n":1e400},` +
	`"owner":{"name":"o","owner":{"name":"p"}},"maybe_truth":false,"maybe_large":0,"maybe_precise":0.0,"maybe_text":"",` +
	`"maybe_data":"","maybe_mood":"good","texts":["a",""],"moods":["good"],"owners":[{"name":""},{}],` +
	`"times":["2025-10-16T12:34:56Z"],"objects":[{},{"a":1.0}],"blobs":["AA=="],"counts":{"b":2,"a":1},` +
	`"by_number":{"-1":{"name":"x"}},"by_huge":{"18446744073709551615":"y"},"chosen_owner":{"name":"z"},` +
	`"secret":"s","old":"o","reset":"r","inner":{"level":"deep"},"unknown":[1]}`

// order has a value for every kind of property.
const order = `{"order_id":"ord_1","correlation_id":"550e8400-e29b-41d4-a716-446655440000","state":"paid","refund":null,` +
	`"placed_at":"2025-10-16T12:34:56+02:00","paid_at":null,"total":1995,"discount":0.25,"gift":true,` +
	`"lines":[{"sku":"a","quantity":1,"extra":{}}],"tags":["ab","cd"],"labels":{"b":"x","a":"y"},` +
	`"rooms":{"hall":{"sku":"b","quantity":2}},"context":{"n":123456789012345678901234567890},"note":[1.0,null],` +
	`"address":{"city":"Ulm","lines":[]},"validate":true,"card":"1234","unknown":{"a":1e-7}}`

func FuzzDecodeProtobufEvent(f *testing.F) {
	f.Add([]byte(everyKind))
	for _, r := range corpus(f) {
		f.Add(r.Payload)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		stable(t, new(shapesv1.EveryKind), new(shapesv1.EveryKind), text)
	})
}

func FuzzDecodeJSONSchemaEvent(f *testing.F) {
	f.Add([]byte(order))
	for _, r := range corpus(f) {
		f.Add(r.Payload)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		stable(t, new(objectsv1.OrderPlaced), new(objectsv1.OrderPlaced), text)
		stable(t, new(hooksv1.ServiceStarted), new(hooksv1.ServiceStarted), text)
	})
}

// stable decodes text, and holds what was read to be written and read as the same again.
func stable(t *testing.T, e, again event.Event, text []byte) {
	t.Helper()
	r := jsonio.NewReader(text)
	e.DecodeJSON(r)
	r.End()
	_ = e.Validate() // whatever was read, it does not panic
	e.PartitionKey(&event.Envelope{})
	if r.Err() != nil || len(r.Faults()) > 0 {
		e.SetDefaults(time.Unix(0, 0))
		return
	}
	first, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatalf("read and not written: %v\n%s", err, text)
	}
	r = jsonio.NewReader(first)
	again.DecodeJSON(r)
	r.End()
	if r.Err() != nil || len(r.Faults()) > 0 {
		t.Fatalf("written and not read: %v %+v\n%s", r.Err(), r.Faults(), first)
	}
	second, err := again.AppendJSON(nil)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%v, written first and second:\n%s\n%s", err, first, second)
	}
}

// TestFuzzSeeds holds the richest seeds to being valid, so that the fuzzer begins behind the first check.
func TestFuzzSeeds(t *testing.T) {
	t.Parallel()
	for text, e := range map[string]event.Event{everyKind: new(shapesv1.EveryKind), order: new(objectsv1.OrderPlaced)} {
		read := decode(t, e.EventInfo(), []byte(text))
		if err := read.Validate(); err != nil {
			t.Error(err)
		}
	}
}
