package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// AlertSettings say who is told when a threshold is passed, and when what was passed is well again.
type AlertSettings struct {
	// Topic gets an event for each; empty: none does. It is one that the schemas declare, or any other: that is planned with theirs.
	Topic string `yaml:"topic"`
	// Events are those of a declared topic that alerts become, by measure; "other" is for the measures that are not named.
	Events  map[string]AlertEvent `yaml:"events"`
	Webhook WebhookSettings       `yaml:"webhook"`
	// Settle is for how long a value that is above half its limit has to be within it before it is well again; default 5 minutes. See [Alerting].
	Settle time.Duration `yaml:"settle"`
}

// alertSettle is the default of Settle.
const alertSettle = 5 * time.Minute

func (s AlertSettings) settle() (time.Duration, error) {
	if s.Settle < 0 {
		return 0, fmt.Errorf("%s: monitor.alerts.settle is %v, want a time such as 5m", ConfigName, s.Settle)
	}
	return cmp.Or(s.Settle, alertSettle), nil
}

// AlertEvent says which event an alert becomes.
type AlertEvent struct {
	// Type is an event type of the alerts' topic.
	Type string `yaml:"type"`
	// Fields says, by a field of the payload, which member of an [Alert] it has; a field that is not named has the member of its own name.
	Fields map[string]string `yaml:"fields"`
}

// The states of an alert.
const (
	AlertRaised  = "raised"
	AlertCleared = "cleared"
)

// Alert says that a threshold was passed, or that it is well again.
type Alert struct {
	Name        string    `json:"name"`        // of the threshold
	Measure     string    `json:"measure"`     // its part before the colon
	Subject     string    `json:"subject"`     // its part behind that, without its scope: a topic, a group, an event type; empty: the whole cluster
	State       string    `json:"state"`       // AlertRaised or AlertCleared
	Value       float64   `json:"value"`       // when it was looked at
	Limit       float64   `json:"limit"`       // that the value may come to
	Environment string    `json:"environment"` // of trestle.yaml; empty: none of there
	Time        time.Time `json:"time"`        // of the look, UTC
}

// members are an alert's, by their names in JSON.
func (a *Alert) members() map[string]json.RawMessage {
	text, err := json.Marshal(a)
	if err != nil {
		panic("an alert that is no JSON: " + err.Error()) // values are counts and ratios
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(text, &out); err != nil {
		panic("an alert that is no JSON object: " + err.Error())
	}
	return out
}

// raisedAlerts are those that somebody was told of last as raised, by their names, with when that was; zero: not known.
type raisedAlerts map[string]time.Time

// alertReceiver is who is told. What it was told outlives the process, and is the same for all who tell it.
type alertReceiver interface {
	// raised returns which alerts of this environment are.
	raised(ctx context.Context) (raisedAlerts, error)
	// tell calls next with those, at a time when nobody else tells it anything, and tells it what next returns, nil for nothing. It returns once the receiver has
	// it, and others would know.
	tell(ctx context.Context, next func(raisedAlerts) *Alert) error
}

// alarm says when a threshold begins to be passed, and when it is well again: at half its limit or below at once, and otherwise once it has been within the limit
// for as long as it has to settle, so that a value that goes up and down around its limit is told of once.
type alarm struct {
	settle time.Duration
	passed map[string]time.Time // when a threshold was last seen to be passed, by name
}

func newAlarm(settle time.Duration) *alarm { return &alarm{settle, map[string]time.Time{}} }

// change is what a look at a threshold changes: AlertRaised, AlertCleared, or empty for nothing.
func (a *alarm) change(t Threshold, at time.Time, raised raisedAlerts) string {
	since, isRaised := raised[t.Name]
	if t.Passed {
		if a.passed[t.Name] = at; !isRaised {
			return AlertRaised
		}
		return ""
	}
	if last := a.passed[t.Name]; last.After(since) {
		since = last
	}
	if isRaised && (t.Value <= t.Limit/2 || at.Sub(since) >= a.settle) {
		return AlertCleared
	}
	return ""
}

// Alerting tells of thresholds that are passed, and of those that are well again, each time once to everybody who is to be told, and holds back what is not well
// for long. What was told already it finds where it was told, so that neither a restart nor another that tells of the same environment repeats anything: in the
// alerts' topic, and for the webhook in a file beside the project.
type Alerting struct {
	senders []*alertSender
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// AlertOptions say what stands before trestle.yaml.
type AlertOptions struct {
	// Webhook is a URL, and WebhookSecretFile has the secret that is sent along.
	Webhook, WebhookSecretFile string
	// Variable looks up TRESTLE_WEBHOOK, TRESTLE_WEBHOOK_SECRET and TRESTLE_WEBHOOK_SECRET_FILE; nil: there are none.
	Variable func(name string) string
	// Failed is told when somebody can't be told; it is tried again at the next look. It may be called from any goroutine.
	Failed func(error)
}

// NewAlerting returns what tells of an environment's thresholds. Where nobody is to be told it does nothing. It contacts nobody yet.
func NewAlerting(ctx context.Context, p *Project, env Environment, o AlertOptions) (*Alerting, error) {
	settings := p.Config.Monitor.Alerts
	settle, err := settings.settle()
	if err != nil {
		return nil, err
	}
	a := &Alerting{}
	hook, err := settings.Webhook.with(o, p)
	if err != nil {
		return nil, err
	}
	if settings.Topic != "" {
		topic, err := newAlertTopic(ctx, p, env, settings)
		if err != nil {
			return nil, err
		}
		a.senders = append(a.senders, &alertSender{to: topic})
	} else if len(settings.Events) > 0 {
		return nil, fmt.Errorf("%s: monitor.alerts.events are those of a topic: name it under monitor.alerts.topic", ConfigName)
	}
	if hook.URL != "" {
		file := p.Path(StackDir, "alerts.json")
		if env.name != "" {
			file = p.Path(StackDir, "alerts-"+env.name+".json")
		}
		a.senders = append(a.senders, &alertSender{to: &webhook{settings: hook, told: file}})
	}
	for _, s := range a.senders {
		s.alarm, s.environment, s.failed, s.latest = newAlarm(settle), env.name, o.Failed, make(chan *Monitored, 1)
	}
	return a, nil
}

// Tell tells everybody of one look, and returns once all are told or it has failed with some.
func (a *Alerting) Tell(ctx context.Context, m *Monitored) error {
	errs := make([]error, len(a.senders))
	var telling sync.WaitGroup
	for i, s := range a.senders {
		telling.Go(func() { errs[i] = s.catchUp(ctx, m) })
	}
	telling.Wait()
	return errors.Join(errs...)
}

// Start has looks be told from now on in the background, until Close: whoever can't be told, or hangs, holds up nobody else.
func (a *Alerting) Start(ctx context.Context) {
	ctx, a.cancel = context.WithCancel(ctx)
	for _, s := range a.senders {
		a.running.Go(func() { s.run(ctx) })
	}
}

// Take has a look be told; it does not wait. Of several that somebody could not be told yet the last counts.
func (a *Alerting) Take(m *Monitored) {
	for _, s := range a.senders {
		select {
		case <-s.latest:
		default:
		}
		s.latest <- m // one goroutine takes looks
	}
}

// Close ends what is under way, and lets go of all connections.
func (a *Alerting) Close() {
	if a.cancel != nil {
		a.cancel()
	}
	a.running.Wait()
	webhookClient.CloseIdleConnections()
}

// alertSender tells one receiver.
type alertSender struct {
	to          alertReceiver
	alarm       *alarm
	environment string
	failed      func(error)
	latest      chan *Monitored
}

func (s *alertSender) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.latest:
			if err := s.catchUp(ctx, m); err != nil && ctx.Err() == nil && s.failed != nil {
				s.failed(err)
			}
		}
	}
}

// catchUp tells what has changed since the receiver was told last. What could not be told counts as not told. Thresholds that a look does not have stay as
// they are.
func (s *alertSender) catchUp(ctx context.Context, m *Monitored) error {
	raised, err := s.to.raised(ctx)
	if err != nil {
		return err
	}
	for _, t := range m.Thresholds {
		state := s.alarm.change(t, m.Time, raised)
		if state == "" {
			continue
		}
		err := s.to.tell(ctx, func(raised raisedAlerts) *Alert { // somebody else may have told it meanwhile
			if state = s.alarm.change(t, m.Time, raised); state == "" {
				return nil
			}
			measure, subject := t.Subject()
			return &Alert{t.Name, measure, subject, state, t.Value, t.Limit, s.environment, m.Time}
		})
		if err != nil {
			return fmt.Errorf("%s is %s, and that could not be told: %w", t.Name, state, err)
		}
	}
	return nil
}

// take takes in what somebody was told.
func (r raisedAlerts) take(name, state string, at time.Time) {
	if state == AlertRaised {
		r[name] = at
	} else {
		delete(r, name)
	}
}

// toldAlerts is the file of what a webhook was told.
type toldAlerts struct {
	Version int      `json:"version"`
	Raised  []string `json:"raised"`
	// Since says of them when that was told; of some it may not.
	Since raisedAlerts `json:"since,omitempty"`
}

func readTold(file string) (raisedAlerts, error) {
	raised := raisedAlerts{}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return raised, nil
	}
	if err != nil {
		return nil, err
	}
	var told toldAlerts
	if err := json.Unmarshal(text, &told); err != nil || told.Version != 1 {
		return nil, fmt.Errorf("%s: it does not say which alerts were told, of version 1: remove it, and they are told anew: %w", file, cmp.Or(err, errors.New("another version")))
	}
	for _, name := range told.Raised {
		raised[name] = told.Since[name]
	}
	return raised, nil
}

func writeTold(file string, raised raisedAlerts) error {
	text, err := json.Marshal(toldAlerts{1, slices.Sorted(maps.Keys(raised)), raised})
	if err != nil {
		return err
	}
	return replaceFile(file, append(text, '\n'))
}
