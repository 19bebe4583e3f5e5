package deadletter

import (
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// foreign is what stands in a dead letter as OmniNode's services write it, on the topic of its source with `.dlq` behind:
// {original_topic, original_key, original_data, failure_reason, failure_timestamp, retry_attempts}.
type foreign struct {
	topic, data, reason, timestamp, retries jsonio.Raw
}

// see keeps a member that may be one of the shape.
func (f *foreign) see(name string, value jsonio.Raw) {
	switch name {
	case "original_topic":
		f.topic = value
	case "original_data":
		f.data = value
	case "failure_reason":
		f.reason = value
	case "failure_timestamp":
		f.timestamp = value
	case "retry_attempts":
		f.retries = value
	}
}

// isLetter says whether there is what a replay needs.
func (f *foreign) isLetter() bool { return strings.HasPrefix(string(f.topic), `"`) && f.data != "" }

// takeForeign reads the members that were seen. The original's value is the data as it stands, or, where that is a
// string, the text in it.
func (p *parser) takeForeign() error {
	d, f := p.d, &p.foreign
	read := func(value jsonio.Raw, take func(*jsonio.Reader)) {
		if value == "" || value == "null" {
			return
		}
		r := jsonio.NewReader([]byte(value))
		take(r)
		p.faults = append(p.faults, r.Faults()...)
	}
	read(f.topic, func(r *jsonio.Reader) { d.SourceTopic = r.String() })
	read(f.reason, func(r *jsonio.Reader) { d.Error.Type, d.Error.Message = reasonOf(r.String()) })
	read(f.timestamp, func(r *jsonio.Reader) { d.Timestamp = r.Time() })
	read(f.retries, func(r *jsonio.Reader) { d.RetryCount = countOf(r) })
	read(f.data, func(r *jsonio.Reader) {
		if r.Kind() == '"' {
			d.Original.Value = []byte(r.String())
			return
		}
		d.Original.Value = []byte(f.data)
	})
	d.Error.Timestamp = d.Timestamp
	return p.fault()
}

// reasonOf takes a reason apart that begins with the name of a Python exception: `KafkaTimeoutError: no acknowledgement`.
func reasonOf(reason string) (errorType, message string) {
	name, rest, ok := strings.Cut(reason, ": ")
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) || !strings.HasSuffix(name, "Error") && !strings.HasSuffix(name, "Exception") {
		return "", reason
	}
	return name, rest
}
