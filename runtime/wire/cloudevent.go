package wire

import (
	"net/url"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/format"
	"github.com/omninode/trestle/runtime/jsonio"
)

// Headers of CloudEvents' binary mode, which carry the envelope of an event in protobuf. Those of empty members are
// left out.
const (
	HeaderCESpecVersion     = "ce_specversion" // CESpecVersion
	HeaderCEID              = "ce_id"
	HeaderCEType            = "ce_type"
	HeaderCESource          = "ce_source" // service_name/instance_id, each escaped as in a URI; CENoSource without one
	HeaderCETime            = "ce_time"
	HeaderCECorrelationID   = "ce_correlationid"
	HeaderCESessionID       = "ce_sessionid"
	HeaderCETraceID         = "ce_traceid"
	HeaderCEEnvelopeVersion = "ce_envelopeversion"
	HeaderCEServiceVersion  = "ce_serviceversion"
	HeaderCEMetadata        = "ce_metadata" // a JSON object

	CESpecVersion = "1.0"
	CENoSource    = "trestle"
)

// AppendCloudEvent appends the headers that carry the envelope.
func AppendCloudEvent(headers []Header, env *Envelope) []Header {
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, Header{name, []byte(value)})
		}
	}
	add(HeaderCESpecVersion, CESpecVersion)
	add(HeaderCEID, env.EventID)
	add(HeaderCEType, env.EventType)
	add(HeaderCESource, sourceURI(env.Source))
	if !env.Timestamp.IsZero() {
		if quoted, err := jsonio.AppendTime(nil, env.Timestamp); err == nil {
			add(HeaderCETime, string(quoted[1:len(quoted)-1]))
		}
	}
	add(HeaderCECorrelationID, env.CorrelationID)
	add(HeaderCESessionID, env.SessionID)
	add(HeaderCETraceID, env.TraceID)
	add(HeaderCEEnvelopeVersion, env.Version)
	add(HeaderCEServiceVersion, env.Source.ServiceVersion)
	if env.Metadata != "{}" {
		add(HeaderCEMetadata, string(env.Metadata))
	}
	return headers
}

// ReadCloudEvent reads the envelope from headers; those that are absent leave their members empty. Of headers that
// repeat, the first counts.
func ReadCloudEvent(headers []Header, opts ReadOptions) Found {
	var f Found
	env := &f.Envelope
	for i := len(headers) - 1; i >= 0; i-- {
		value := string(headers[i].Value)
		switch headers[i].Key {
		case HeaderCEID:
			env.EventID = value
		case HeaderCEType:
			env.EventType = value
		case HeaderCESource:
			env.Source.ServiceName, env.Source.InstanceID = parseSourceURI(value)
		case HeaderCECorrelationID:
			env.CorrelationID = value
		case HeaderCESessionID:
			env.SessionID = value
		case HeaderCETraceID:
			env.TraceID = value
		case HeaderCEEnvelopeVersion:
			env.Version = value
		case HeaderCEServiceVersion:
			env.Source.ServiceVersion = value
		}
	}
	f.idHeader("event_id", env.EventID)
	f.idHeader("correlation_id", env.CorrelationID)
	f.idHeader("session_id", env.SessionID)
	if value := HeaderValue(headers, HeaderCETime); value != "" {
		f.timeHeader(value, opts.StrictTime)
	}
	if value := HeaderValue(headers, HeaderCEMetadata); value != "" {
		f.metadataHeader(value)
	}
	return f
}

func (f *Found) fault(field, rule, message, found string) {
	f.Faults = append(f.Faults, jsonio.Fault{
		Path: "envelope." + field, Rule: rule, Message: message, Found: jsonio.Excerpt(found), Offset: -1,
	})
}

func (f *Found) idHeader(field, value string) {
	if value != "" && !format.UUID(value) {
		f.fault(field, "string.uuid", "must be a valid UUID", value)
	}
}

func (f *Found) timeHeader(value string, strict bool) {
	t, zoned, err := jsonio.ParseTime(value)
	switch {
	case err != nil:
		f.fault("timestamp", "format", "must be an RFC 3339 time", value)
	case !zoned && strict:
		f.Zoneless++
		f.fault("timestamp", "format", "must be a time with a zone", value)
	default:
		if !zoned {
			f.Zoneless++
		}
		f.Envelope.Timestamp = t
	}
}

func (f *Found) metadataHeader(value string) {
	object, err := jsonio.AppendObject(nil, value)
	if err != nil {
		f.fault("metadata", "type", "must be an object", value)
		return
	}
	f.Envelope.Metadata = jsonio.Raw(object)
}

func sourceURI(s Source) string {
	if s.ServiceName == "" && s.InstanceID == "" {
		return CENoSource
	}
	return url.PathEscape(s.ServiceName) + "/" + url.PathEscape(s.InstanceID)
}

func parseSourceURI(uri string) (service, instance string) {
	if uri == CENoSource {
		return "", ""
	}
	service, instance, _ = strings.Cut(uri, "/")
	return unescape(service), unescape(instance)
}

// unescape leaves what is not escaped properly, as another producer's source may be, as it is.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
