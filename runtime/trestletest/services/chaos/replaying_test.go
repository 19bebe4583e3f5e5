package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// replay replays dead letters of orders again and again, so few at a time that something is left when it is killed.
func (a *acting) replay(ctx context.Context) error {
	conn := kafka.Connection{Brokers: a.Brokers, Options: a.options(), Logger: a.logger}
	r, err := replay.New(conn, replay.Options{By: a.Part, Timeout: 5 * time.Second})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		o := replay.ReplayOptions{Rate: 20}
		select {
		case <-a.hurry:
			o.Rate = 0
		default:
		}
		if s, err := r.Select(ctx, replay.Filter{Topics: []string{orders.DeadLetter}}); err == nil {
			counts, err := s.Replay(ctx, o) // another operator may have begun, or the cluster be away: in the end all letters are to be replayed
			a.logger.Info("replayed", "counts", counts, "error", err)
		}
		_ = kafka.Sleep(ctx, time.Duration(rand.Float64()*float64(time.Second)))
	}
	return nil
}
