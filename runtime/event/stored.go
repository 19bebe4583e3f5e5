package event

import (
	"encoding/json"
	"fmt"
)

// StoredHeaders are a record's headers as databases keep them: a JSON list of {"name": …, "value": …}, the value in base64, null
// for none.
type StoredHeaders []Header

type storedHeader struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// MarshalJSON implements [json.Marshaler].
func (h StoredHeaders) MarshalJSON() ([]byte, error) {
	stored := make([]storedHeader, len(h))
	for i, one := range h {
		stored[i] = storedHeader{one.Key, one.Value}
	}
	return json.Marshal(stored)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (h *StoredHeaders) UnmarshalJSON(text []byte) error {
	var stored []storedHeader
	if err := json.Unmarshal(text, &stored); err != nil {
		return fmt.Errorf("headers of a record: %w", err)
	}
	*h = nil
	for _, one := range stored {
		*h = append(*h, Header{Key: one.Name, Value: one.Value})
	}
	return nil
}
