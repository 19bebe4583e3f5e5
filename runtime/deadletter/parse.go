package deadletter

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// parseShape reads a dead letter of any of the shapes from a record's value and headers.
func parseShape(value []byte, headers []wire.Header) (*DeadLetter, error) {
	d := &DeadLetter{Original: Original{Partition: -1, Offset: -1}}
	p := parser{d: d, r: jsonio.NewReader(value)}
	p.read()
	if err := p.fault(); err != nil {
		return nil, fmt.Errorf("dead letter: %w", err)
	}
	switch {
	case p.nested:
	case !p.failed && p.foreign.isLetter():
		if err := p.takeForeign(); err != nil {
			return nil, fmt.Errorf("dead letter: %w", err)
		}
	case !p.failed:
		return nil, errors.New("not a dead letter: neither original_event, original_data nor error")
	case p.envelope != "":
		d.Original.Value = []byte(p.envelope)
	default:
		d.Original.Value = append(p.rest, '}')
	}
	d.readHeaders(headers)
	return d, nil
}

// readHeaders takes what only headers say. The original's event id is among the original's headers in the nested shape
// and in the dead letter's in the others.
func (d *DeadLetter) readHeaders(headers []wire.Header) {
	if id := wire.HeaderValue(headers, HeaderEventID); id != "" && d.EventID() == "" {
		d.Original.Headers = append(d.Original.Headers, wire.Header{Key: HeaderEventID, Value: []byte(id)})
	}
	if n, err := strconv.Atoi(wire.HeaderValue(headers, HeaderAttempt)); err == nil && n > 0 {
		d.Attempt = n
	}
	if n, err := strconv.Atoi(wire.HeaderValue(headers, HeaderOmitted)); err == nil && n > 0 && d.Original.Value == nil {
		d.Original.Omitted = n
	}
	if first, err := strconv.ParseInt(wire.HeaderValue(headers, HeaderFirstOffset), 10, 64); err == nil {
		d.Original.Batch = &Batch{FirstOffset: first, SHA256: wire.HeaderValue(headers, HeaderSHA256)}
	}
	if types := wire.HeaderValue(headers, HeaderUnanswered); types != "" {
		d.Unanswered = strings.Split(types, ",")
	}
	d.HeldBehind = wire.HeaderValue(headers, HeaderHeldBehind)
	d.LeftOut = wire.HeaderValue(headers, HeaderLeftOut)
	d.Original.Partial = leftOutParts(d.LeftOut)
	d.Original.TopicID = wire.HeaderValue(headers, HeaderTopicID)
	if d.Original.Key == nil {
		for _, h := range headers {
			if h.Key == HeaderKey {
				d.Original.Key = h.Value
			}
		}
	}
}

type parser struct {
	d      *DeadLetter
	r      *jsonio.Reader
	nested bool // there is an original_event
	failed bool // there is an error
	// The members of the dead letter that aren't its own are the original's, in the flat shape.
	rest     []byte
	envelope jsonio.Raw
	foreign  foreign
	faults   []jsonio.Fault // of the members in foreign
}

// The members of a dead letter, each once.
const (
	sawOriginal uint = iota
	sawError
	sawRetryCount
	sawMaxRetries
	sawTimestamp
	sawTopic
	sawGroup
	sawKey
	sawHeaders
	sawPartition
	sawOffset
	sawValue
	sawEnvelope
)

func (p *parser) read() {
	r, d := p.r, p.d
	if !r.BeginObject() {
		return
	}
	var seen uint64
	once := func(bit uint) bool { // and not null
		r.Once(&seen, bit)
		return !r.Null()
	}
	for r.More() {
		switch name := r.Name(); name {
		case "original_event":
			p.nested = true
			if once(sawOriginal) {
				d.Original.Value = []byte(r.Object())
			}
		case "error":
			if once(sawError) {
				p.failed = true
				p.readError()
			}
		case "retry_count":
			if once(sawRetryCount) {
				d.RetryCount = p.count()
			}
		case "max_retries":
			if once(sawMaxRetries) {
				d.MaxRetries = p.count()
			}
		case "dlq_timestamp":
			if once(sawTimestamp) {
				d.Timestamp = r.Time()
			}
		case "source_topic":
			if once(sawTopic) {
				d.SourceTopic = r.String()
			}
		case "consumer_group":
			if once(sawGroup) {
				d.ConsumerGroup = r.String()
			}
		case "original_key":
			if once(sawKey) {
				d.Original.Key = []byte(r.String())
			}
		case "original_headers":
			if once(sawHeaders) {
				p.readHeaders()
			}
		case "original_partition":
			if once(sawPartition) {
				d.Original.Partition = int32(min(p.position(), math.MaxInt32))
			}
		case "original_offset":
			if once(sawOffset) {
				d.Original.Offset = p.position()
			}
		case "original_value_base64":
			if once(sawValue) {
				d.Original.Value = p.bytes()
			}
		case "envelope":
			if once(sawEnvelope) {
				p.envelope = r.Object()
			}
		default:
			p.keep(name)
		}
	}
	r.End()
	if p.rest == nil {
		p.rest = []byte{'{'}
	}
}

// keep puts a member that is the original's own into rest.
func (p *parser) keep(name string) {
	if p.rest == nil {
		p.rest = append(p.rest, '{')
	} else {
		p.rest = append(p.rest, ',')
	}
	p.rest = appendText(p.rest, name)
	p.rest = append(p.rest, ':')
	value := p.r.Raw()
	p.rest = append(p.rest, value...)
	p.foreign.see(name, value)
}

func (p *parser) readError() {
	r, e := p.r, &p.d.Error
	if r.Kind() == '"' {
		e.Message = r.String()
		return
	}
	if !r.BeginObject() {
		return
	}
	for r.More() {
		switch r.Name() {
		case "error_type":
			e.Type = p.text()
		case "error_message":
			e.Message = p.text()
		case "stack_trace":
			e.StackTrace = p.text()
		case "timestamp":
			if !r.Null() {
				e.Timestamp = r.Time()
			}
		default:
			r.Skip()
		}
	}
}

func (p *parser) readHeaders() {
	r := p.r
	if !r.BeginArray() {
		return
	}
	for r.More() {
		if !r.BeginObject() {
			continue
		}
		var h wire.Header
		for r.More() {
			switch r.Name() {
			case "key":
				h.Key = p.text()
			case "value":
				if !r.Null() {
					h.Value = []byte(r.String())
				}
			case "value_base64":
				if !r.Null() {
					h.Value = p.bytes()
				}
			default:
				r.Skip()
			}
		}
		p.d.Original.Headers = append(p.d.Original.Headers, h)
	}
}

func (p *parser) text() string {
	if p.r.Null() {
		return ""
	}
	return p.r.String()
}

// bytes reads base64; an empty value is not nil.
func (p *parser) bytes() []byte { return append([]byte{}, p.r.Bytes()...) }

func (p *parser) count() int { return countOf(p.r) }

func countOf(r *jsonio.Reader) int { return int(min(max(r.Int64(), 0), math.MaxInt32)) }

func (p *parser) position() int64 { return max(p.r.Int64(), -1) }

func (p *parser) fault() error {
	if err := p.r.Err(); err != nil {
		return err
	}
	for _, f := range append(p.r.Faults(), p.faults...) {
		return fmt.Errorf("%s: %s", f.Path, f.Message)
	}
	return nil
}
