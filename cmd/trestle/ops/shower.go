package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	trestle "github.com/omninode/trestle/runtime"
	runtimeevent "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// withheld says why the bytes of a value are not shown.
const withheld = "the value cannot be read, and its type has sensitive fields: --reveal shows its bytes"

// withheldReason stands for why a record of the trace store cannot be read.
const withheldReason = "the record cannot be read, and its type has sensitive fields: --reveal shows why"

// shower shows records by a project's schemas, and hides what they mark sensitive.
type shower struct {
	masker  *event.Masker // nil: everything is shown
	set     *schema.Set   // nil: there are no schemas
	names   trestle.Names
	known   *trestle.Types
	missing error // why there are no types
	warn    func(error)
	open    func(*kafka.Record) kafka.Record // decrypts what is encrypted; nil: it is shown as it stands
}

// newShower loads the project's schemas. Where there is no project, nothing is known to be sensitive, which is told to
// warn. With reveal, what is wrong with the schemas is no error.
func newShower(ctx context.Context, p *Project, env Environment, reveal bool, warn func(error)) (*shower, error) {
	s := &shower{known: EventTypes(nil).decoding(), warn: warn}
	if s.warn == nil {
		s.warn = func(error) {}
	}
	set, err := p.loadIn(ctx, env)
	switch {
	case err == nil:
		s.set, s.names = set, env.Names()
		if s.known = EventTypesOf(set).decoding(); !reveal {
			s.masker = event.NewMasker(set)
		}
		return s, nil
	case reveal:
	case errors.Is(err, ErrNoProject):
		s.warn(errors.New("nothing is masked: what is sensitive, the schemas of a project say, and this is outside of one"))
	default:
		return nil, fmt.Errorf("what is sensitive is not known (--reveal shows everything): %w", err)
	}
	s.missing = err
	return s, nil
}

// revealed has it written down that somebody is shown what is sensitive. What can't be written down is not to be shown.
func (e Environment) revealed(ctx context.Context, what string) error {
	if err := e.audit.begin(ctx); err != nil {
		return err
	}
	return e.audit.add(ctx, change{what: "reveal", target: what})
}

// reveal has it written down that somebody is shown what is sensitive, and what is encrypted be decrypted where the environment has keys, until ctx ends: that, too,
// is written down, with the key.
func (s *shower) reveal(ctx context.Context, env Environment, what string) error {
	if err := env.revealed(ctx, what); err != nil {
		return err
	}
	classes := keyClasses(s.set)
	if len(classes) == 0 || env.Encryption.isEmpty() {
		return nil
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return err
	}
	keys, err := env.keysIfAny(ctx, conn, classes)
	if err != nil {
		return err
	}
	revealing := &revealingKeys{Keys: keys, ctx: ctx, audit: env.audit, what: what}
	said := map[string]bool{}
	s.open = func(r *kafka.Record) kafka.Record {
		opened, decoded, err := runtimeevent.Open(r, s.types(), trestle.DecodeOptions{Keys: revealing, Context: ctx})
		if _, away := errors.AsType[*trestle.KeysAwayError](err); away {
			s.warnOnce(said, err)
		}
		for _, u := range decoded.Unavailable {
			s.warnOnce(said, u.Err)
		}
		return opened
	}
	return nil
}

func (s *shower) warnOnce(said map[string]bool, err error) {
	if text := err.Error(); !said[text] {
		said[text] = true
		s.warn(fmt.Errorf("what is encrypted is shown as it stands: %w", err))
	}
}

// topic is the name in the environment of a topic that somebody has named.
func (s *shower) topic(named string) string {
	if s.set == nil {
		return named
	}
	return topicOf(s.set, s.names, named)
}

// topicOf is the name in an environment of a topic that somebody has named: as the schemas do, else as the cluster does. The
// set has the environment's names.
func topicOf(set *schema.Set, names trestle.Names, named string) string {
	if physical, err := names.Topic(named); err == nil && set.Topic(physical) != nil {
		return physical
	}
	return named
}

func (s *shower) types() *trestle.Types { return s.known }

// warnWithoutTypes tells once why a record in protobuf is shown as bytes.
func (s *shower) warnWithoutTypes() {
	if s.missing != nil {
		s.warn(fmt.Errorf("records in protobuf are shown as bytes: %w", s.missing))
		s.missing = nil
	}
}

// record is the JSON of a record as it is shown.
func (s *shower) record(topic, named string, text []byte) (json.RawMessage, error) {
	if s.masker == nil {
		return checkedJSON(text)
	}
	out, err := s.masker.Record(topic, named, text)
	if err != nil {
		return nil, err
	}
	return checkedJSON(out)
}

// payload is the JSON of a payload, or of a whole dead letter, as it is shown.
func (s *shower) payload(topic, eventType string, text []byte) (json.RawMessage, error) {
	if s.masker == nil {
		return json.RawMessage(text), nil
	}
	out, err := s.masker.Payload(topic, eventType, text)
	return json.RawMessage(out), err
}

// conceals says whether nothing is shown of a record that cannot be read.
func (s *shower) conceals(topic, eventType string) bool {
	return s.masker != nil && s.masker.Conceals(topic, eventType)
}

// key is a record's key as it is shown.
func (s *shower) key(topic, eventType, key string) string {
	if s.masker != nil && s.masker.ConcealsKey(topic, eventType) {
		return jsonio.Hidden
	}
	return key
}

// hiddenMessage stands for an error's message that may tell what is sensitive.
const hiddenMessage = "***"

// errorMessage is the message of a dead letter's error as it is shown: it may tell what is in the event.
func (s *shower) errorMessage(source, eventType, message string) string {
	if s.conceals(source, eventType) {
		return hiddenMessage
	}
	return message
}
