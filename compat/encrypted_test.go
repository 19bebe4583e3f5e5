package compat_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/encrypt"
	runtime "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// oneKey is the same key for all.
type oneKey struct{ *encrypt.Key }

func (k oneKey) Current(context.Context, string, string) (*encrypt.Key, error) { return k.Key, nil }
func (k oneKey) ByID(context.Context, encrypt.KeyID) (*encrypt.Key, error)     { return k.Key, nil }

// TestEncryptedReaders has events written and read with keys on both sides of what the rules about encryption find: which side cannot read is the one that they
// name, and the other can.
func TestEncryptedReaders(t *testing.T) {
	t.Parallel()
	key, err := encrypt.NewKey(uuid.New(), bytes.Repeat([]byte{1}, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"id":"a","card":"cd3a6ff6-2b0b-4bd4-9a3a-111111111111"}`
	of := func(words string) *schema.Set {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/order.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema",
			"title":"Placed","x-trestle":{"event":{"type":"placed","topic":"orders","key":["id"]}},"type":"object","properties":{"id":{"type":"string"},
			"card":{"type":"string","format":"uuid","x-trestle":{"field":{"sensitive":true` + words + `}}}}}`)}))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	infoOf := func(set *schema.Set) *runtime.EventInfo { return event.Events(set)[0] }
	reads := func(writer, reader *schema.Set) bool {
		e := infoOf(writer).New()
		e.DecodeJSON(jsonio.NewReader([]byte(text)))
		rec, err := runtime.Encode(e, nil, runtime.EncodeOptions{Keys: oneKey{key}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := runtime.Decode(&rec, runtime.NewTypes(infoOf(reader)), runtime.DecodeOptions{Keys: oneKey{key}})
		if _, invalid := errors.AsType[*runtime.ValidationError](err); invalid {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		read, err := got.Event.AppendJSON(nil)
		return err == nil && string(read) == text
	}
	const clear, pii, other, deterministic = ``, `,"encryption_key":"pii"`, `,"encryption_key":"other"`, `,"encryption_key":"pii","deterministic":true`
	for _, tt := range []struct {
		old, new string
		rule     string
		breaks   compat.Direction
	}{
		{clear, pii, "FIELD_ENCRYPTION_ADDED", compat.Forward},
		{clear, deterministic, "FIELD_ENCRYPTION_ADDED", compat.Forward},
		{pii, clear, "FIELD_ENCRYPTION_REMOVED", compat.Backward},
		{pii, deterministic, "FIELD_DETERMINISTIC_CHANGED", compat.Forward},
		{deterministic, pii, "FIELD_DETERMINISTIC_CHANGED", compat.Backward},
		{pii, other, "FIELD_ENCRYPTION_KEY_CHANGED", 0},
		{pii, pii, "", 0},
	} {
		old, new := of(tt.old), of(tt.new)
		name := strings.Join([]string{tt.old, tt.new}, " to ")
		var broken compat.Direction
		if !reads(old, new) {
			broken |= compat.Backward
		}
		if !reads(new, old) {
			broken |= compat.Forward
		}
		if broken != tt.breaks {
			t.Errorf("%s breaks %v", name, broken.Names())
		}
		r := compare(t, old, new, compat.Options{})
		switch {
		case tt.rule == "" && len(r.Findings) > 0 || tt.rule != "" && (len(r.Findings) != 1 || r.Findings[0].Rule != tt.rule):
			t.Errorf("%s: %+v", name, r.Findings)
		case tt.breaks != 0 && r.Findings[0].Breaks != tt.breaks || r.Compatible != (tt.breaks == 0):
			t.Errorf("%s: found to break %v", name, r.Findings[0].Breaks.Names())
		}
	}
}

// TestFamilyKeys finds that a family has messages encrypted whose own files are the same as before.
func TestFamilyKeys(t *testing.T) {
	t.Parallel()
	var shared load.Shared
	of := func(family string) *schema.Set {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
			"a/v1/family.proto": []byte(`syntax = "proto3"; package a.v1; import "trestle/v1/options.proto"; option (trestle.v1.family) = {` + family + `};`),
			"a/v1/a.proto": []byte(`syntax = "proto3"; package a.v1; import "trestle/v1/options.proto";
				message A { option (trestle.v1.event) = {topic: "a" key: "id"}; string id = 1; Inner inner = 2; }
				message Inner { string name = 1 [(trestle.v1.field).sensitive = true]; }`),
			"b/v1/b.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"B","x-trestle":{"event":{"type":"b","topic":"b","key":["id"]}},
				"type":"object","properties":{"id":{"type":"string"}}}`),
		}), load.WithShared(&shared), load.WithoutComments())
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	r := compare(t, of(""), of(`encryption_key: "pii"`), compat.Options{})
	if len(r.Findings) != 1 || r.Findings[0].Rule != "FIELD_ENCRYPTION_ADDED" || r.Findings[0].Path != "a.v1.Inner.name" {
		t.Errorf("%+v", r.Findings)
	}
	if r := compare(t, of(`encryption_key: "pii"`), of(`encryption_key: "pii"`), compat.Options{}); len(r.Findings) > 0 {
		t.Errorf("%+v", r.Findings)
	}
}
