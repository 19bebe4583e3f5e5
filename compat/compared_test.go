package compat_test

import (
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/schema"
)

// TestCompared counts what was compared, and holds that a comparison of nothing says so, in both profiles.
func TestCompared(t *testing.T) {
	t.Parallel()
	const (
		head  = `{"$schema":"https://json-schema.org/draft/2020-12/schema",`
		event = head + `"title":"A","x-trestle":{"family":{"envelope":"none"},"event":{"type":"a.happened","topic":"shop_a_v1","key":["id"],"role":"event"}},
			"type":"object","properties":{"id":{"type":"string"},"q":{"$ref":"q.json"}},"required":["id"]}`
		number = head + `"type":"integer"}`
		text   = head + `"type":"string"}`
		object = head + `"title":"O","type":"object","properties":{"a":{"type":"string"}}}`
		cycle  = `edition = "2023"; package shop.v1; message P { Q q = 1; } message Q { P p = 1; }`
		proto  = `edition = "2023"; package shop.v1; message P { string a = 1; } message Q { string a = 1; }`
	)
	set := func(t *testing.T, files map[string]string) *schema.Set {
		texts := map[string][]byte{}
		for path, text := range files {
			texts["shop/v1/"+path] = []byte(text)
		}
		return loadFiles(t, texts)
	}
	for name, tt := range map[string]struct {
		old, new        map[string]string
		events, schemas int
		allNew          bool
		fails           string
	}{
		"an event, and what it refers to": {
			old: map[string]string{"a.json": event, "q.json": number}, new: map[string]string{"a.json": event, "q.json": number}, events: 1, schemas: 1,
		},
		"a message and a number": {
			old: map[string]string{"o.json": object, "q.json": number}, new: map[string]string{"o.json": object, "q.json": number}, schemas: 2,
		},
		"messages of protobuf": {old: map[string]string{"p.proto": proto}, new: map[string]string{"p.proto": proto}, schemas: 2},
		"messages that refer to one another": {
			old: map[string]string{"p.proto": cycle}, new: map[string]string{"p.proto": cycle}, schemas: 2,
		},
		"all is new": {new: map[string]string{"a.json": event, "q.json": number}, allNew: true},
		"nothing is on both sides": {
			old: map[string]string{"o.json": object, "r.json": text}, new: map[string]string{"a.json": event, "q.json": number},
			fails: "nothing to compare: the old side holds 1 message (shop.v1.O), the new one 1 event (a.happened), and none of them is on both: " +
				"are they versions of the same schemas?",
		},
		"the only file of each side, in another language": {
			old: map[string]string{"o.json": object}, new: map[string]string{"p.proto": proto},
			fails: "nothing to compare: the old side holds 1 message (shop.v1.O), the new one 2 messages (shop.v1.P, shop.v1.Q), and none of them is on both: " +
				"are they versions of the same schemas?",
		},
		"files that nothing pairs": {
			old: map[string]string{"a.json": number, "b.json": number, "c.json": number, "d.json": text},
			new: map[string]string{"e.json": number, "f.json": text},
			fails: "nothing to compare: the old side holds 4 schema files (shop/v1/a.json, shop/v1/b.json, shop/v1/c.json, …), the new one " +
				"2 schema files (shop/v1/e.json, shop/v1/f.json), and none of them is on both: are they versions of the same schemas?",
		},
	} {
		for _, profile := range []compat.Profile{compat.Guide, compat.Confluent} {
			t.Run(name+"/"+string(profile), func(t *testing.T) {
				t.Parallel()
				old := &schema.Set{}
				if len(tt.old) > 0 {
					old = set(t, tt.old)
				}
				r, err := compat.Compare(old, set(t, tt.new), compat.Options{Profile: profile})
				if err != nil || tt.fails != "" {
					if err == nil || err.Error() != tt.fails {
						t.Fatalf("got %v, want %s", err, tt.fails)
					}
					return
				}
				if r.Events != tt.events || r.Schemas != tt.schemas || r.AllNew != tt.allNew || !r.Compatible {
					t.Errorf("got %d events, %d schemas, all new: %v, compatible: %v", r.Events, r.Schemas, r.AllNew, r.Compatible)
				}
				if tt.allNew && len(r.Notes) == 0 {
					t.Error("what is new is not told")
				}
			})
		}
	}
}

// TestHistoryCompared holds that a version with which nothing was compared is no fault where another one was.
func TestHistoryCompared(t *testing.T) {
	t.Parallel()
	text := func(path, typ string) map[string][]byte {
		return map[string][]byte{
			path:           []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"` + typ + `"}`),
			path + ".json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"boolean"}`),
		}
	}
	other, was, is := loadFiles(t, text("x.json", "string")), loadFiles(t, text("a.json", "integer")), loadFiles(t, text("a.json", "integer"))
	r, err := compat.CompareHistory([]*schema.Set{{}, other, was}, is, compat.Options{Mode: compat.ModeForwardTransitive})
	if err != nil || r.AllNew || r.Schemas != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := compat.CompareHistory([]*schema.Set{was, other}, is, compat.Options{Mode: compat.ModeBackward}); err == nil {
		t.Error("a comparison of nothing passed")
	}
}
