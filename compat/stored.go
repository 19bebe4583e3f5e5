package compat

import (
	"slices"
)

// Stored says which of the records that topics hold a finding is about; package compat/records makes such findings.
type Stored struct {
	// Topic is where they stand: for dead letters that of the letters.
	Topic string `json:"topic"`
	// EventType is empty where records do not say it.
	EventType string `json:"event_type"`
	// Field is where in the event, with [] for any element and any key: `items[].quantity`.
	Field string `json:"field"`
	// Broken is the rule that they break there: protovalidate's id, or JSON Schema's keyword; `json`, `event_type` and `event` of what
	// cannot be read at all. Of what is lost it is `dropped` or `misread`.
	Broken string `json:"broken"`
	// Records counts them, and Before those of them that the old schemas refuse, too.
	Records int64 `json:"records"`
	Before  int64 `json:"before,omitempty"`
	// Producers are who wrote them, and Values what they have there, as far as it may be shown, the most frequent first. Others are records
	// of further producers, and with further values.
	Producers      []Counted `json:"producers"`
	Values         []Counted `json:"values,omitempty"`
	OtherProducers int64     `json:"other_producers,omitempty"`
	OtherValues    int64     `json:"other_values,omitempty"`
	// First and Last are the oldest of them and the newest, TOPIC/PARTITION/OFFSET.
	First string `json:"first"`
	Last  string `json:"last"`
	// Repair is what makes them valid; nil: nothing is known that does.
	Repair *StoredRepair `json:"repair,omitempty"`
}

// Counted is a name, or a value as JSON, and how many records have it.
type Counted struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
}

// StoredRepair is what `trestle dlq replay --repair` takes, and what it does. It was tried on each of the records.
type StoredRepair struct {
	Text string `json:"text"`
	// Valid counts the records that it makes valid, of Of that break the rule.
	Valid int64 `json:"valid"`
	Of    int64 `json:"of"`
}

// TopicRecords says what the records of a topic are by the new schemas.
type TopicRecords struct {
	Topic string `json:"topic"`
	// DeadLetters says that they are the originals of dead letters that are not resolved.
	DeadLetters bool `json:"dead_letters,omitempty"`
	// Read counts the records that were looked at; Refused and Lost those of them that are refused, and of which something is lost.
	Read    int64 `json:"read"`
	Refused int64 `json:"refused"`
	Lost    int64 `json:"lost"`
	// By says whose they are and where they break a rule or lose something, the most frequent first.
	By []ProducerRecords `json:"by"`
	// Skipped says why records could not be looked at, and of how many.
	Skipped []Counted `json:"skipped,omitempty"`
	// Sample says that not all were looked at; nil: all were.
	Sample *Sample `json:"sample,omitempty"`
}

// ProducerRecords counts records of one producer that break a rule at one place, or lose something there.
type ProducerRecords struct {
	Producer string `json:"producer"`
	Path     string `json:"path"`
	Count    int64  `json:"count"`
}

// Sample says what follows from looking at some of a topic's records for all of them.
type Sample struct {
	// Of is how many offsets the topic has.
	Of int64 `json:"of"`
	// RefusedBelow and LostBelow are shares, from 0 to 1, below which those of all of its records lie, at Confidence.
	RefusedBelow float64 `json:"refused_below"`
	LostBelow    float64 `json:"lost_below"`
	Confidence   float64 `json:"confidence"`
}

// The rules of findings about stored records.
const (
	RecordRefused = "RECORD_REFUSED"
	RecordLost    = "RECORD_LOSES_DATA"
)

// RecordRules lists the rules that records are judged by which topics hold; see package compat/records.
func RecordRules() []Rule {
	return []Rule{
		{
			ID: RecordLost, Purpose: "what records hold that are stored can be read", Breaks: Backward, Encodings: bothEncodings, Severity: Error,
			Backward: "consumers of %s with the new schema go on without it",
			Fix:      "declare %s, and mark it deprecated",
		},
		{
			ID: RecordRefused, Purpose: "records that are stored are valid", Breaks: Backward, Encodings: bothEncodings, Severity: Error,
			Backward: "consumers of %s with the new schema refuse them",
			Fix:      "accept what is stored in %s, or wait until it has run out",
		},
	}
}

// AddRecords adds what was found in stored records, and what is noted of them, to the report, and draws its verdict anew.
func (r *Report) AddRecords(topics []TopicRecords, findings []*Finding, notes []Note) {
	r.Records = append(slices.Clip(r.Records), topics...)
	if r.Records == nil {
		r.Records = []TopicRecords{}
	}
	r.RecordNotes = append(r.RecordNotes, notes...)
	r.Findings = append(r.Findings, findings...)
	sortFindings(r.Findings)
	r.decide()
}
