package ops

import (
	"context"
	"errors"
	"slices"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// Validation says which rules an event breaks.
type Validation struct {
	// Document is the file, or file:line in a file of one event a line.
	Document   string      `json:"document"`
	Valid      bool        `json:"valid"`
	Violations []Violation `json:"violations"`
}

// Violation is one rule that an event breaks.
type Violation struct {
	// Path is where in the event.
	Path    string `json:"path"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	// Found is the value there, where it may be shown.
	Found string `json:"found,omitempty"`
}

// source is the source of hook events that are published from a text, where the event names none.
var source = trestle.Source{ServiceName: "trestle", ServiceVersion: "1.0.0", InstanceID: "trestle-cli"}

// anySchemaID stands for the id that a registry gives.
const anySchemaID = 1

// Validate does with an event what publishing does, short of sending it.
func Validate(info *trestle.EventInfo, text EventText) Validation {
	e, env, err := event.ReadText(info, text.Text, event.TextOptions{})
	switch {
	case err == nil:
		_, err = trestle.Encode(e, &env, trestle.EncodeOptions{Source: source, SchemaID: anySchemaID, Keys: anyKeys{}})
	case isEncrypted(err): // it is as it stands on a topic
		record := event.Record{Value: text.Text, Headers: []event.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}}}
		_, err = event.Decode(&record, event.NewTypes(info), event.DecodeOptions{})
	}
	return Validation{Document: text.Name, Valid: err == nil, Violations: violationsOf(err)}
}

// isEncrypted says that an event has fields that are encrypted.
func isEncrypted(err error) bool {
	invalid, ok := errors.AsType[*event.ValidationError](err)
	return ok && slices.ContainsFunc(invalid.Violations, func(v event.Violation) bool { return v.Rule == event.SealRule })
}

// anyKeys stand for those of an environment.
type anyKeys struct{}

// Current implements [event.Keys].
func (anyKeys) Current(context.Context, string, string) (*encrypt.Key, error) {
	return encrypt.NewKey(encrypt.KeyID{}, make([]byte, encrypt.SecretSize))
}

// ByID implements [event.Keys].
func (anyKeys) ByID(_ context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	return nil, &encrypt.UnavailableError{ID: id, Reason: encrypt.UnknownKey}
}
