package trestle

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

const headerEventID = "event-id"

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func (p *Publisher) record(ctx context.Context, e Event, opts []PublishOption) (*kgo.Record, int, error) {
	return nil, 0, errors.ErrUnsupported
}

func (c *Consumer) decode(topic *topicHandlers, t *task) (Event, *eventHandler, error) {
	return nil, nil, errors.ErrUnsupported
}
