package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
)

// AlertEventType is the event type of alerts on a topic that the schemas do not declare.
const AlertEventType = "ThresholdAlert"

// The headers of every alert, by which the topic says what was told.
const (
	headerAlertName        = "alert-name"
	headerAlertState       = "alert-state"
	headerAlertEnvironment = "alert-environment"
)

// otherMeasures stands for the measures that no event is named for.
const otherMeasures = "other"

// alertTopic tells of alerts on a topic. Its own records say what was told.
type alertTopic struct {
	env    Environment
	name   string                   // on the cluster
	events map[string]*alertEncoder // by measure; nil: the schemas do not declare the topic

	ids   *registry.SchemaIDs // of events in protobuf; nil: not connected yet
	found raisedAlerts        // by what stands before read
	read  kafka.Offsets
	topic string // its id
}

// alertTransactionalID is the transactional id of those who write to the topic of alerts, by its name on the cluster.
func alertTransactionalID(topic string) string { return "trestle-alerts-" + topic }

// alertEncoder makes events of one type of alerts.
type alertEncoder struct {
	info   *trestle.EventInfo
	fields map[string]string // a field of the payload → a member of the alert
}

// alertPatience is for how long the cluster is waited for, with one alert.
const alertPatience = 15 * time.Second

func newAlertTopic(ctx context.Context, p *Project, env Environment, settings AlertSettings) (*alertTopic, error) {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf(ConfigName+": monitor.alerts: "+format, args...)
	}
	name, err := env.Names().Topic(settings.Topic)
	if err != nil {
		return nil, wrong("%w", err)
	}
	t := &alertTopic{env: env, name: name}
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	declared := set.Topic(name)
	switch {
	case declared == nil && len(settings.Events) > 0:
		return nil, wrong("events are named, and the schemas do not declare the topic %s", settings.Topic)
	case declared == nil:
		return t, nil
	case len(settings.Events) == 0:
		return nil, wrong("topic %s is declared: say under events which event alerts become, such as {%s: {type: %s}}", settings.Topic, otherMeasures, AlertEventType)
	}
	types := EventTypesOf(set)
	t.events = map[string]*alertEncoder{}
	for _, measure := range slices.Sorted(maps.Keys(settings.Events)) {
		if measure != otherMeasures && !slices.Contains(Measures(), measure) {
			return nil, wrong("events.%s: there is no such measure: one of %s, or %s", measure, strings.Join(Measures(), ", "), otherMeasures)
		}
		encoder, err := newAlertEncoder(set, types, declared, settings.Events[measure])
		if err == nil {
			err = encoder.try(measure)
		}
		if err != nil {
			return nil, wrong("events.%s: %w", measure, err)
		}
		t.events[measure] = encoder
	}
	for _, measure := range Measures() {
		if t.events[measure] == nil && t.events[otherMeasures] == nil {
			return nil, wrong("no event is named for %s: name one, or one for %s measures", measure, otherMeasures)
		}
	}
	return t, nil
}

func newAlertEncoder(set *schema.Set, types EventTypes, topic *schema.Topic, is AlertEvent) (*alertEncoder, error) {
	info, err := types.Named(is.Type)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(topic.Events, func(e *schema.Event) bool { return e.Message.FullName == info.FullName })
	if at < 0 {
		return nil, fmt.Errorf("event type %s is not one of topic %s", is.Type, topic.Name)
	}
	members := (&Alert{}).members()
	encoder := &alertEncoder{info: info, fields: map[string]string{}}
	for _, f := range topic.Events[at].Message.Fields {
		if _, ok := members[f.JSONName]; ok {
			encoder.fields[f.JSONName] = f.JSONName
		}
	}
	for field, member := range is.Fields {
		if _, ok := members[member]; !ok {
			return nil, fmt.Errorf("fields.%s: an alert has no %s: it has %s", field, member, strings.Join(slices.Sorted(maps.Keys(members)), ", "))
		}
		encoder.fields[field] = member
	}
	return encoder, nil
}

// payload is the alert as an event's payload.
func (e *alertEncoder) payload(a Alert) ([]byte, error) {
	out, members := map[string]json.RawMessage{}, a.members()
	for field, member := range e.fields {
		out[field] = members[member]
	}
	return json.Marshal(out)
}

// event is the alert as an event.
func (e *alertEncoder) event(a Alert) (trestle.Event, trestle.Envelope, error) {
	payload, err := e.payload(a)
	if err != nil {
		return nil, trestle.Envelope{}, err
	}
	return event.ReadText(e.info, payload, event.TextOptions{KnownOnly: true})
}

// try says whether alerts of a measure can be such events, before there is one.
func (e *alertEncoder) try(measure string) error {
	if measure == otherMeasures {
		measure = MeasureLag
	}
	for _, state := range []string{AlertRaised, AlertCleared} {
		made, envelope, err := e.event(Alert{Name: measure + ":x", Measure: measure, Subject: "x", State: state, Value: 1, Environment: "x"})
		if err == nil {
			_, err = trestle.Encode(made, &envelope, trestle.EncodeOptions{Source: source, SchemaID: anySchemaID})
		}
		if err != nil {
			return fmt.Errorf("no alert can be a %s: %w", e.info.Type, err)
		}
	}
	return nil
}

func (t *alertTopic) raised(ctx context.Context) (raisedAlerts, error) {
	conn, err := t.env.connect(ctx)
	if err != nil {
		return nil, err
	}
	client, err := conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	spans, err := kafka.FindSpans(ctx, client, time.Time{}, t.name)
	if err != nil {
		return nil, fmt.Errorf("find out which alerts were told: %w", err)
	}
	if id := spans.IDs[t.name]; t.found == nil || id != t.topic { // made anew, it has told nothing
		t.found, t.read, t.topic = raisedAlerts{}, kafka.Offsets{}, id
	}
	if len(spans.Missing) > 0 {
		return raisedAlerts{}, nil
	}
	for r, err := range kafka.Scan(ctx, conn, []string{t.name}, kafka.FromOffsets(t.read), kafka.ToOffsets(spans.Ends)) {
		if err != nil {
			return nil, fmt.Errorf("find out which alerts were told: %w", err)
		}
		t.read.Set(r.Topic, r.Partition, r.Offset+1)
		if name := r.Header(headerAlertName); name != "" && r.Header(headerAlertEnvironment) == t.env.name {
			t.found.take(name, r.Header(headerAlertState), r.Timestamp)
		}
	}
	for partition, end := range spans.Ends[t.name] { // behind which transactions' markers may stand
		t.read.Set(t.name, partition, end)
	}
	return maps.Clone(t.found), nil
}

func (t *alertTopic) tell(ctx context.Context, next func(raisedAlerts) *Alert) error {
	ctx, cancel := context.WithTimeout(ctx, alertPatience)
	defer cancel()
	conn, err := t.env.connect(ctx)
	if err == nil {
		err = kafka.WriteAlone(ctx, conn, t.name, alertTransactionalID(t.name), func() ([]*kafka.Record, error) {
			raised, err := t.raised(ctx)
			if err != nil {
				return nil, err
			}
			a := next(raised)
			if a == nil {
				return nil, nil
			}
			record, err := t.record(ctx, a)
			return []*kafka.Record{record}, err
		})
	}
	if err != nil {
		return fmt.Errorf("topic %s: %w", t.name, err)
	}
	return nil
}

// record is that of an alert: an event of a declared topic, and otherwise the alert as it is.
func (t *alertTopic) record(ctx context.Context, a *Alert) (*kafka.Record, error) {
	headers := []kafka.Header{
		{Key: headerAlertName, Value: []byte(a.Name)}, {Key: headerAlertState, Value: []byte(a.State)}, {Key: headerAlertEnvironment, Value: []byte(t.env.name)},
	}
	if t.events == nil {
		value, err := json.Marshal(a)
		return &kafka.Record{Topic: t.name, Key: []byte(a.Name), Value: value, Headers: append([]kafka.Header{
			{Key: wire.HeaderEventID, Value: []byte(uuid.Must(uuid.NewV7()).String())},
			{Key: wire.HeaderEventType, Value: []byte(AlertEventType)}, {Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)},
		}, headers...)}, err
	}
	encoder := t.events[a.Measure]
	if encoder == nil {
		encoder = t.events[otherMeasures]
	}
	options := trestle.EncodeOptions{Source: source, Topic: t.name, Headers: headers}
	if encoder.info.Encoding == event.Protobuf {
		var err error
		if options.SchemaID, err = t.schemaID(ctx, encoder.info); err != nil {
			return nil, err
		}
	}
	made, envelope, err := encoder.event(*a)
	if err != nil {
		return nil, err
	}
	record, err := trestle.Encode(made, &envelope, options)
	return &record, err
}

func (t *alertTopic) schemaID(ctx context.Context, info *trestle.EventInfo) (int, error) {
	if t.ids == nil {
		client, err := t.env.registryClient(ctx)
		if err != nil {
			return 0, err
		}
		t.ids = t.env.schemaIDs(client)
	}
	return t.ids.SchemaID(ctx, info)
}
