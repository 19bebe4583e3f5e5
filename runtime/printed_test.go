package trestle_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
)

// What holds records is printed without their keys, values and headers, which may hold what is sensitive.
func TestRecordsArePrintedWithoutContent(t *testing.T) {
	t.Parallel()
	secret := []byte("secret")
	record := trestle.Record{Topic: "orders", Offset: 7, Key: secret, Value: secret, Headers: []trestle.Header{{Key: "a", Value: secret}}}
	delivery := trestle.Delivery{Topic: "orders", Offset: 7, Key: secret, Headers: record.Headers, Envelope: trestle.Envelope{EventType: "OrderPlaced"}}
	letter := deadletter.DeadLetter{Original: deadletter.Original{Key: secret, Value: secret, Headers: record.Headers, Offset: 7}, SourceTopic: "orders"}
	for name, v := range map[string]any{
		"record": record, "record by address": &record, "delivery": delivery, "outcome": trestle.Outcome{Delivery: delivery},
		"letter": letter, "letter by address": &letter, "original": letter.Original,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			fmt.Fprintf(&b, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
			slog.New(slog.NewTextHandler(&b, nil)).Info("text", slog.Any("v", v))
			slog.New(slog.NewJSONHandler(&b, nil)).Info("JSON", slog.Any("v", v))
			for _, shown := range []string{"secret", "c2VjcmV0", "115 101 99 114", "0x73, 0x65", "736563726574"} {
				if strings.Contains(b.String(), shown) {
					t.Errorf("%q is in %s", shown, &b)
				}
			}
			if !strings.Contains(b.String(), "/7") {
				t.Errorf("it does not say where it stands: %s", &b)
			}
		})
	}
}
