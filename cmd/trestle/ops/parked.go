package ops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/parking"
)

// Parked is a dead letter that its topic refused, so that it stands in the store.
type Parked struct {
	Topic       string `json:"topic"` // the dead-letter topic that it belongs to
	SourceTopic string `json:"source_topic"`
	Partition   int32  `json:"partition"` // of the source topic, as the offset
	Offset      int64  `json:"offset"`
	Group       string `json:"group"` // that could not handle the event
	// Key is null for a letter without one, and "***" where it is a field's that is sensitive.
	Key      *string   `json:"key"`
	Refusal  string    `json:"refusal"`
	ParkedAt time.Time `json:"parked_at"` // UTC
}

// ParkedOptions say which parked letters are meant, and how they are shown.
type ParkedOptions struct {
	// Topic is a dead-letter topic, and Group a consumer group, as the schemas name it or by the name that it has in the
	// environment; empty: all.
	Topic, Group string
	// Reveal shows what the schemas mark sensitive; otherwise "***" stands in its place.
	Reveal bool
	// Warn is told that nothing is masked, where there is no project to say what is sensitive. It may be nil.
	Warn func(error)
}

func (o ParkedOptions) filter(env Environment) parking.Filter {
	names := env.Names()
	physical := func(named string, logicalOf func(string) (string, bool), of func(string) (string, error)) string {
		if _, known := logicalOf(named); named == "" || known && !names.IsZero() {
			return named
		}
		if name, err := of(named); err == nil {
			return name
		}
		return named
	}
	return parking.Filter{
		DeadLetter: physical(o.Topic, names.TopicOf, names.Topic),
		Group:      physical(o.Group, names.GroupOf, names.Group),
	}
}

// ListParked calls show for the parked dead letters of the environment's topics, in the order of source topic, partition and
// offset. An error of show ends it and is its own.
func ListParked(ctx context.Context, p *Project, env Environment, o ParkedOptions, show func(Parked) error) error {
	db, err := env.openStoreToRead(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	shows, err := newShower(ctx, p, env, o.Reveal, o.Warn)
	if err != nil {
		return err
	}
	if o.Reveal {
		if err := shows.reveal(ctx, env, "parked dead letters"); err != nil {
			return err
		}
	}
	for l, err := range db.Parking().List(ctx, o.filter(env)) {
		if err != nil {
			return err
		}
		if _, ours := env.Names().TopicOf(l.Topic); !ours {
			continue
		}
		if err := show(shows.parked(l)); err != nil {
			return err
		}
	}
	return nil
}

func (s *shower) parked(l parking.Letter) Parked {
	out := Parked{
		Topic: l.DeadLetter, SourceTopic: l.Topic, Partition: l.Partition, Offset: l.Offset, Group: l.Group,
		Refusal: l.Refusal, ParkedAt: l.ParkedAt,
	}
	if l.Key != nil {
		key := s.key(l.DeadLetter, "", strings.ToValidUTF8(string(l.Key), "\uFFFD"))
		out.Key = &key
	}
	return out
}

// Unparked says what became of the parked letters of a dead-letter topic.
type Unparked struct {
	Topic     string `json:"topic"`
	Published int    `json:"published"`
	Left      int    `json:"left"` // still parked
	// Error says why letters are left.
	Error string `json:"error,omitempty"`
}

// PublishParked publishes the parked dead letters of the environment's topics, as [parking.Publish] does: topic by topic, so that
// one which still refuses its letters holds up no other. The error is of the store and of connecting; why letters are left,
// the answer says.
func PublishParked(ctx context.Context, env Environment, o ParkedOptions) ([]Unparked, error) {
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, err
	}
	db, err := env.openStoreToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := env.audit.begin(ctx); err != nil {
		return nil, err
	}
	store, filter := db.Parking(), o.filter(env)
	counts, err := store.Count(ctx, filter)
	if err != nil {
		return nil, err
	}
	done := []Unparked{}
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		if _, ours := env.Names().TopicOf(topic); !ours {
			continue
		}
		filter.DeadLetter = topic
		published, failed := parking.Publish(ctx, conn, store, filter)
		left, err := store.Count(ctx, filter)
		if err != nil {
			return done, fmt.Errorf("%d dead letters were published to %s: %w", published, topic, err)
		}
		one := Unparked{Topic: topic, Published: published, Left: left[topic]}
		if failed != nil {
			one.Error = failed.Error()
		}
		done = append(done, one)
		if published > 0 {
			err := env.audit.add(ctx, change{what: "dlq parked publish", target: "topic " + topic, after: map[string]int64{"letters": int64(published)}})
			if err != nil {
				return done, err
			}
		}
	}
	return done, nil
}
