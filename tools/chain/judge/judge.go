// Package judge asks events, generated or made from their schemas, what they make of bytes: the same questions to both.
package judge

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/protobin"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// Verdict is what a reader says of bytes.
type Verdict string

// The verdicts.
const (
	Valid      Verdict = "valid"
	Invalid    Verdict = "invalid"
	Unreadable Verdict = "unreadable"
	// Failed is no verdict: a rule could not be run, or the judge broke.
	Failed Verdict = "failed"
)

// Answer is a verdict with what there is to compare beside it.
type Answer struct {
	Verdict Verdict
	Why     string `json:",omitempty"`
	// Binary is the protobuf form of what was read, defaults filled in, where all of it could be read; whether or not it
	// is valid.
	Binary []byte
	// Text is what is written of what was read, defaults filled in, whether or not it is valid.
	Text []byte `json:",omitempty"`
}

// Question asks for verdicts about events of one type: records' values in JSON, and in protobuf's binary form.
type Question struct {
	Type   string
	JSON   [][]byte
	Binary [][]byte
}

// Reply has an answer for each value of a question, those in JSON first.
type Reply struct{ Answers []Answer }

// Now is the time of all records that are judged.
var Now = time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)

// Judge answers by events of these types.
type Judge struct {
	types *trestle.Types
	infos map[string]*trestle.EventInfo
}

// New returns a judge of events.
func New(events []*trestle.EventInfo) *Judge {
	j := &Judge{types: trestle.NewTypes(events...), infos: map[string]*trestle.EventInfo{}}
	for _, info := range events {
		j.infos[info.Type] = info
	}
	return j
}

// Answer answers a question.
func (j *Judge) Answer(q Question) (r Reply) {
	for _, text := range q.JSON {
		r.Answers = append(r.Answers, j.guarded(func() Answer { return j.json(q.Type, text) }))
	}
	for _, data := range q.Binary {
		r.Answers = append(r.Answers, j.guarded(func() Answer { return j.binary(q.Type, data) }))
	}
	return r
}

// guarded turns a panic into an answer: what the others say of the value is worth knowing then.
func (j *Judge) guarded(f func() Answer) (a Answer) {
	defer func() {
		if p := recover(); p != nil {
			a = Answer{Verdict: Failed, Why: fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return f()
}

// json judges a record as consumers do.
func (j *Judge) json(eventType string, text []byte) Answer {
	info := j.infos[eventType]
	if info == nil {
		return Answer{Verdict: Failed, Why: "no such event type"}
	}
	rec := trestle.Record{
		Topic: info.Topic.Name, Value: text, Timestamp: Now,
		Headers: []trestle.Header{{Key: wire.HeaderEventType, Value: []byte(eventType)}},
	}
	d, err := trestle.Decode(&rec, j.types, trestle.DecodeOptions{})
	a := Answer{Verdict: verdict(err)}
	if err != nil {
		a.Why = err.Error()
	}
	if len(text) == 0 {
		a.Verdict = Unreadable
	}
	if d.Event != nil && (a.Verdict == Valid || a.Verdict == Invalid) {
		if a.Text, err = d.Event.AppendJSON(nil); err != nil && a.Verdict == Valid {
			return Answer{Verdict: Failed, Why: "what was read cannot be written: " + err.Error()}
		}
	}
	if m, ok := d.Event.(proto.Message); ok && (a.Verdict == Valid || a.Verdict == Invalid) && readsAll(info, text) {
		a.Binary = binaryOf(m)
	}
	return a
}

// readsAll says whether nothing in a text is of another type than the schema has.
func readsAll(info *trestle.EventInfo, text []byte) bool {
	r := jsonio.NewReader(text)
	info.New().DecodeJSON(r)
	r.End()
	return r.Err() == nil && len(r.Faults()) == 0
}

func (j *Judge) binary(eventType string, data []byte) Answer {
	info := j.infos[eventType]
	if info == nil {
		return Answer{Verdict: Failed, Why: "no such event type"}
	}
	e := info.New()
	if err := protobin.Unmarshal(data, e.(proto.Message)); err != nil {
		return Answer{Verdict: Unreadable, Why: err.Error()}
	}
	err := e.Validate()
	a := Answer{Verdict: verdict(err)}
	if err != nil {
		a.Why = err.Error()
	}
	a.Binary = binaryOf(e.(proto.Message))
	return a
}

// binaryOf is the binary form of a message, not nil but where there is none: a required field is missing.
func binaryOf(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil
	}
	return append([]byte{}, b...)
}

func verdict(err error) Verdict {
	if err == nil {
		return Valid
	}
	if _, ok := errors.AsType[*trestle.ValidationError](err); ok {
		return Invalid
	}
	if _, ok := errors.AsType[*jsonio.Error](err); ok {
		return Unreadable
	}
	return Failed
}

// Serve answers questions, a line each, with a line each.
func Serve(events []*trestle.EventInfo, in io.Reader, out io.Writer) error {
	j := New(events)
	questions := bufio.NewScanner(in)
	questions.Buffer(nil, 64<<20)
	answers := json.NewEncoder(out)
	for questions.Scan() {
		var q Question
		if err := json.Unmarshal(questions.Bytes(), &q); err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
		if err := answers.Encode(j.Answer(q)); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return questions.Err()
}
