package trestle

import (
	"context"
	"errors"
	"log/slog"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// replays has a breaker say that there are letters to be replayed, if it is to.
func (b *breaker) replays(over chan<- struct{}) {
	if b == nil || !b.Replay {
		return
	}
	b.some = func() {
		select {
		case over <- struct{}{}:
		default:
		}
	}
}

// replayAfterOutages replays the letters that outages have led to, once they are over, until ctx ends.
func (c *Consumer) replayAfterOutages(ctx context.Context, topics []string, over <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
		}
		for _, topic := range topics {
			if letters := c.topics[topic].breaker.takeOver(); len(letters) > 0 {
				c.replay(ctx, topic, letters)
			}
		}
	}
}

// replay replays letters of this group, and tries again while others do the same or the cluster is away.
func (c *Consumer) replay(ctx context.Context, topic string, letters []replay.Position) {
	attrs := []slog.Attr{slog.String("topic", topic), slog.String("group", c.group), slog.Int("letters", len(letters))}
	for failures := 1; ; failures++ {
		counts, err := c.replayOnce(ctx, letters)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			c.cfg.logger.LogAttrs(ctx, slog.LevelInfo, "dead letters of an outage were replayed", append(attrs, slog.Int("replayed", counts.Done))...)
			return
		case !passes(err):
			c.cfg.logger.LogAttrs(ctx, slog.LevelError, "dead letters of an outage can't be replayed, and stay", append(attrs, slog.Any("error", err))...)
			return
		}
		c.cfg.logger.LogAttrs(ctx, slog.LevelWarn, "dead letters of an outage could not be replayed, will be tried again", append(attrs, slog.Any("error", err))...)
		if kafka.Sleep(ctx, c.cfg.backoff.After(failures)) != nil {
			return
		}
	}
}

func passes(err error) bool {
	if isA[*replay.FencedError](err) {
		return true
	}
	if isA[*replay.RecreatedTopicError](err) || errors.Is(err, context.Canceled) {
		return false
	}
	switch kafka.Classify(err) {
	case kafka.Unknown, kafka.Retriable:
		return true
	}
	return false
}

func (c *Consumer) replayOnce(ctx context.Context, letters []replay.Position) (replay.Counts, error) {
	r, err := replay.New(c.cfg.kafka, replay.Options{
		Resolutions: c.cfg.names.topic(replay.ResolutionsTopic), By: "consumer group " + c.group + ", after an outage",
	})
	if err != nil {
		return replay.Counts{}, err
	}
	selection, err := r.Select(ctx, replay.Filter{Positions: letters, Groups: []string{c.group}})
	if err != nil {
		return replay.Counts{}, err
	}
	return selection.Replay(ctx, replay.ReplayOptions{})
}

// writtenTopics are those that the consumer writes.
func (c *Consumer) writtenTopics() []string {
	topics := c.deadLetterTopics()
	if c.cfg.breaker != nil && c.cfg.breaker.Replay || len(c.cfg.heldKeys) > 0 {
		topics = append(topics, c.cfg.names.topic(replay.ResolutionsTopic))
	}
	return topics
}
