package event_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/event"
)

// reversing is a cipher that turns values around, and fails as it is told to.
type reversing struct{ err error }

func (c reversing) turn(rec *event.Record) (event.Record, error) {
	out := *rec
	out.Value = bytes.Clone(rec.Value)
	for i, j := 0, len(out.Value)-1; i < j; i, j = i+1, j-1 {
		out.Value[i], out.Value[j] = out.Value[j], out.Value[i]
	}
	return out, c.err
}

func (c reversing) Decrypt(_ context.Context, rec *event.Record) (event.Record, error) {
	return c.turn(rec)
}

func (c reversing) Encrypt(_ context.Context, rec *event.Record) (event.Record, error) {
	return c.turn(rec)
}

func TestCipher(t *testing.T) {
	t.Parallel()
	e := &analysis{SessionID: sessionID, Content: "hello"}
	env := event.Envelope{CorrelationID: correlationID, EventID: correlationID}
	plain, err := event.Encode(e, &env, event.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := event.Encode(e, &env, event.EncodeOptions{Cipher: reversing{}})
	if turned, _ := (reversing{}).turn(&rec); err != nil || !bytes.Equal(turned.Value, plain.Value) || rec.Value[0] != '}' {
		t.Fatalf("%s: %v", rec.Value, err)
	}
	d, err := event.Decode(&rec, codecTypes, event.DecodeOptions{Cipher: reversing{}})
	if got, ok := d.Event.(*analysis); err != nil || !ok || got.Content != "hello" || rec.Value[0] != '}' {
		t.Errorf("%+v: %v", d, err)
	}
	opened, d, err := event.Open(&rec, codecTypes, event.DecodeOptions{Cipher: reversing{}})
	if err != nil || d.Event == nil || !bytes.Equal(opened.Value, plain.Value) {
		t.Errorf("%s: %v", opened.Value, err)
	}

	denied := &encrypt.UnavailableError{Reason: encrypt.Denied, Class: "pii", Err: encrypt.ErrDenied}
	for _, failed := range []error{denied, &encrypt.AwayError{Class: "pii", Err: errors.New("no route")}} {
		if out, err := event.Encode(e, &env, event.EncodeOptions{Cipher: reversing{failed}}); !errors.Is(err, failed) || out.Value != nil {
			t.Errorf("encode: %s: %v", out.Value, err)
		}
		for name, do := range map[string]func(*event.Record) (event.Decoded, error){
			"decode": func(rec *event.Record) (event.Decoded, error) {
				return event.Decode(rec, codecTypes, event.DecodeOptions{Cipher: reversing{failed}})
			},
			"open": func(rec *event.Record) (event.Decoded, error) {
				_, d, err := event.Open(rec, codecTypes, event.DecodeOptions{Cipher: reversing{failed}})
				return d, err
			},
		} {
			d, err := do(&plain) // what is around the payload stays readable
			_, away := errors.AsType[*event.KeysAwayError](err)
			if !errors.Is(err, failed) || away == (failed == error(denied)) || d.Event != nil || d.Info != &analysisInfo || d.Envelope.EventID != correlationID {
				t.Errorf("%s: %+v: %v", name, d, err)
			}
		}
	}
}
