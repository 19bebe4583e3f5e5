package ops

import (
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
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
	if err == nil {
		_, err = trestle.Encode(e, &env, trestle.EncodeOptions{Source: source, SchemaID: anySchemaID})
	}
	return Validation{Document: text.Name, Valid: err == nil, Violations: violationsOf(err)}
}
