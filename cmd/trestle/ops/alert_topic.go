package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
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
	name   string // on the cluster
	events map[string]*alertEncoder
	log    *slog.Logger

	publisher *trestle.Publisher // of a declared topic; nil: not connected yet
	client    *kgo.Client        // of another, likewise
}

// alertEncoder makes events of one type of alerts.
type alertEncoder struct {
	info   *trestle.EventInfo
	fields map[string]string // a field of the payload → a member of the alert
}

// alertPatience is for how long the cluster is waited for, with one alert.
const alertPatience = 15 * time.Second

func newAlertTopic(ctx context.Context, p *Project, env Environment, settings AlertSettings, log *slog.Logger) (*alertTopic, error) {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf(ConfigName+": monitor.alerts: "+format, args...)
	}
	name, err := env.Names().Topic(settings.Topic)
	if err != nil {
		return nil, wrong("%w", err)
	}
	t := &alertTopic{env: env, name: name, log: log}
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	declared := set.Topic(settings.Topic)
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

func (t *alertTopic) raised(ctx context.Context) (map[string]bool, error) {
	conn, err := t.env.connect(ctx)
	if err != nil {
		return nil, err
	}
	raised := map[string]bool{}
	for r, err := range kafka.Scan(ctx, conn, []string{t.name}, kafka.FromStart(), kafka.ToEnd()) {
		if kafka.Classify(err) == kafka.Missing {
			return raised, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find out which alerts were told: %w", err)
		}
		name := r.Header(headerAlertName)
		if name == "" || r.Header(headerAlertEnvironment) != t.env.name {
			continue
		}
		if raised[name] = true; r.Header(headerAlertState) != AlertRaised {
			delete(raised, name)
		}
	}
	return raised, nil
}

func (t *alertTopic) tell(ctx context.Context, a Alert) error {
	encoder := t.events[a.Measure]
	if encoder == nil {
		encoder = t.events[otherMeasures]
	}
	ctx, cancel := context.WithTimeout(ctx, alertPatience)
	defer cancel()
	var err error
	switch {
	case t.events == nil:
		err = t.write(ctx, a)
	default:
		err = t.publish(ctx, encoder, a)
	}
	if err != nil {
		return fmt.Errorf("topic %s: %w", t.name, err)
	}
	return nil
}

func (t *alertTopic) publish(ctx context.Context, encoder *alertEncoder, a Alert) error {
	if t.publisher == nil {
		conn, err := t.env.connect(ctx)
		if err != nil {
			return err
		}
		opts := []trestle.PublisherOption{
			trestle.WithConnection(conn), trestle.WithSource(source), trestle.WithNames(t.env.Names()), trestle.WithDeliveryTimeout(alertPatience),
		}
		if t.log != nil {
			opts = append(opts, trestle.WithLogger(t.log))
		}
		if encoder.info.Encoding == event.Protobuf {
			client, err := t.env.registryClient(ctx)
			if err != nil {
				return err
			}
			opts = append(opts, trestle.WithSchemaIDs(t.env.schemaIDs(client)))
		}
		if t.publisher, err = trestle.NewPublisher(t.env.Brokers, opts...); err != nil {
			return err
		}
	}
	made, envelope, err := encoder.event(a)
	if err != nil {
		return err
	}
	opts := []trestle.PublishOption{trestle.WithEnvelope(envelope)}
	for _, h := range alertHeaders(t.env, a) {
		opts = append(opts, trestle.WithHeader(h.Key, h.Value))
	}
	return t.publisher.Publish(ctx, made, opts...)
}

func alertHeaders(env Environment, a Alert) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: headerAlertName, Value: []byte(a.Name)}, {Key: headerAlertState, Value: []byte(a.State)}, {Key: headerAlertEnvironment, Value: []byte(env.name)},
	}
}

// write writes an alert as it is.
func (t *alertTopic) write(ctx context.Context, a Alert) error {
	if t.client == nil {
		conn, err := t.env.connect(ctx)
		if err != nil {
			return err
		}
		if t.client, err = conn.Client(kgo.RecordDeliveryTimeout(alertPatience)); err != nil {
			return err
		}
	}
	value, err := json.Marshal(a)
	if err != nil {
		return err
	}
	record := &kgo.Record{Topic: t.name, Key: []byte(a.Name), Value: value, Headers: append([]kgo.RecordHeader{
		{Key: wire.HeaderEventID, Value: []byte(uuid.Must(uuid.NewV7()).String())},
		{Key: wire.HeaderEventType, Value: []byte(AlertEventType)}, {Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)},
	}, alertHeaders(t.env, a)...)}
	if err := t.client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("%w%s", err, kafka.AdviceOn("Write", err))
	}
	return nil
}

func (t *alertTopic) close() {
	if t.publisher != nil {
		closing, cancel := context.WithTimeout(context.Background(), alertPatience)
		defer cancel()
		_ = t.publisher.Close(closing)
	}
	if t.client != nil {
		t.client.Close()
	}
}
