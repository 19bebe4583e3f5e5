package jsonschema

import (
	"encoding/json"
)

// member adds a property of an envelope.
func member(properties *object, name, description string, kind any) *object {
	o := &object{}
	o.Set("description", description)
	if kind != nil {
		o.Set("type", kind)
	}
	properties.Set(name, o)
	return o
}

func asUUID(o *object) {
	o.Set("format", "uuid")
	o.Set("pattern", uuidPattern)
}

// onexInto describes an event in the onex_v1 envelope.
func onexInto(root *object, eventType string, payload *object) {
	root.Set("type", "object")
	root.Set("required", []string{"correlation_id", "event_type", "timestamp", "payload"})
	p := &object{}
	member(p, "envelope_version", "Version of the envelope's own format.", "string").Set("default", "1.0")
	asUUID(member(p, "correlation_id", "Joins a request, the status events about it and its response: a UUID.", "string"))
	asUUID(member(p, "session_id", "The session that the event belongs to, a UUID; null outside of one, or where the payload alone carries it.", nullable("string")))
	member(p, "event_type", "What the payload is.", nil).Set("const", eventType)
	member(p, "timestamp", "When the event was put into the envelope, UTC.", "string").Set("format", "date-time")
	p.Set("payload", payload)
	root.Set("properties", p)
}

// baseEventInto describes an event in the base_event envelope.
func baseEventInto(root *object, eventType string, payload *object, hasSource bool) {
	root.Set("type", "object")
	root.Set("required", []string{"event_id", "event_type", "source", "payload"})
	p := &object{}
	asUUID(member(p, "event_id", "The event's own id, a UUID.", "string"))
	member(p, "event_type", "What the payload is.", nil).Set("const", eventType)
	member(p, "timestamp", "When the event was made, UTC. Default: the time of publishing.", "string").Set("format", "date-time")
	member(p, "version", "Version of the event's schema.", "string").Set("default", "1.0.0")
	if hasSource {
		member(p, "source", "Where the event comes from.", nil).Set("$ref", SourceName+".json")
	} else {
		inlineSource(member(p, "source", "Where the event comes from.", "object"))
	}
	asUUID(member(p, "correlation_id", "Joins the events that one request has caused, a UUID; null where no request is behind the event.", nullable("string")))
	member(p, "trace_id", "Id of the distributed trace that the event belongs to; null where there is none.", nullable("string"))
	member(p, "metadata", "What the publisher wants to say beside the payload, free-form.", "object").Set("default", json.RawMessage("{}"))
	p.Set("payload", payload)
	root.Set("properties", p)
}

// inlineSource describes the source where the package has no message for it.
func inlineSource(o *object) {
	o.Set("required", []string{"service_name", "service_version", "instance_id"})
	p := &object{}
	member(p, "service_name", "Name of the service that published the event.", "string")
	member(p, "service_version", "Version of the service that published the event.", "string")
	member(p, "instance_id", "Names the running instance, unique among those of the service.", "string")
	o.Set("properties", p)
}

func nullable(kind string) []string { return []string{kind, "null"} }
