package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/event"
)

// TestStoredHeaders keeps what databases hold: the text that was always written is read, by an SQL client's JSON, too.
func TestStoredHeaders(t *testing.T) {
	t.Parallel()
	headers := event.StoredHeaders{
		{Key: "event-id", Value: []byte("0199")}, {Key: "a \"b\" é", Value: []byte{0xff, 0, 1}}, {Key: "none"}, {Key: "empty", Value: []byte{}}, {Key: "event-id", Value: []byte("twice")},
	}
	const want = `[{"name":"event-id","value":"MDE5OQ=="},{"name":"a \"b\" é","value":"/wAB"},{"name":"none","value":null},{"name":"empty","value":""},{"name":"event-id","value":"dHdpY2U="}]`
	text, err := headers.MarshalJSON()
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	for name, text := range map[string]string{
		"as written": want,
		"spaced, with more members": ` [ {"value": "MDE5OQ==", "name": "event-id", "more": [1]}, {"name":"a \"b\" \u00e9","value":"/wAB"}, {"name":"none"},` +
			`{"name":"empty","value":""},{"name":"event-id","value":"dHdpY2U="}]`,
	} {
		var got event.StoredHeaders
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(headers, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, text := range []string{`{}`, `[1]`, `[{"name":1}]`, `[{"name":"a","value":"!"}]`, `[`, ``} {
		var got event.StoredHeaders
		if err := got.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: read as %v", text, got)
		}
	}
	var none event.StoredHeaders
	if text, err := none.MarshalJSON(); err != nil || string(text) != "[]" {
		t.Errorf("no headers: %s, %v", text, err)
	}
	if err := json.Unmarshal([]byte("null"), &none); err != nil || none != nil {
		t.Errorf("null: %v, %v", none, err)
	}
	mended, err := event.StoredHeaders{{Key: "\xff"}}.MarshalJSON()
	if err != nil || string(mended) != `[{"name":"`+"\uFFFD"+`","value":null}]` {
		t.Errorf("a name that is no text: %s, %v", mended, err)
	}
}
