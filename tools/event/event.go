package event

import (
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/schema"
)

// protoEvent is an event of a protobuf schema.
type protoEvent struct {
	*protoValue
	info  *trestle.EventInfo
	event *schema.Event
}

func (x *protoEvent) EventInfo() *trestle.EventInfo { return x.info }

func (x *protoEvent) ShareEnvelope(env *trestle.Envelope, v *trestle.Violations) {
	shareEnvelope(x.protoValue, x.event.Message, x.info.Envelope, env, v)
}

func (x *protoEvent) PartitionKey(env *trestle.Envelope) string {
	return partitionKey(x.protoValue, x.event, env)
}

// jsonEvent is an event of a JSON Schema.
type jsonEvent struct {
	*jsonValue
	info  *trestle.EventInfo
	event *schema.Event
}

func (x *jsonEvent) EventInfo() *trestle.EventInfo { return x.info }

func (x *jsonEvent) ShareEnvelope(env *trestle.Envelope, v *trestle.Violations) {
	shareEnvelope(x.jsonValue, x.event.Message, x.info.Envelope, env, v)
}

func (x *jsonEvent) PartitionKey(env *trestle.Envelope) string {
	return partitionKey(x.jsonValue, x.event, env)
}
