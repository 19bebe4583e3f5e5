package parking

import (
	"encoding/json"
	"fmt"

	"github.com/omninode/trestle/runtime/event"
)

// Headers are a letter's headers as databases keep them: a JSON list of {"name": …, "value": …}, the value in base64, null for
// none.
type Headers []event.Header

type storedHeader struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// MarshalJSON implements [json.Marshaler].
func (h Headers) MarshalJSON() ([]byte, error) {
	stored := make([]storedHeader, len(h))
	for i, one := range h {
		stored[i] = storedHeader{one.Key, one.Value}
	}
	return json.Marshal(stored)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (h *Headers) UnmarshalJSON(text []byte) error {
	var stored []storedHeader
	if err := json.Unmarshal(text, &stored); err != nil {
		return fmt.Errorf("headers of a parked dead letter: %w", err)
	}
	*h = nil
	for _, one := range stored {
		*h = append(*h, event.Header{Key: one.Name, Value: one.Value})
	}
	return nil
}
