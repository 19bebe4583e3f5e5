package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// partitionsPause is for how long the default partition takes what has none, after others were in the way of making it.
const partitionsPause = 5 * time.Second

// partitions knows for which days there are partitions, so that they are made once.
type partitions struct {
	mutex sync.Mutex
	days  map[int64]bool // by the number since 1970
	again time.Time      // when to try next to make some
}

// ensure makes the partitions of the events' days that there are to be. It asks the database's function, so that an account that may not
// change tables has them made, too. Where others are in the way for longer than moments, it leaves them to a later batch, which moves the
// rows that went to the default partition.
func (p *partitions) ensure(ctx context.Context, db *Database, events []eventtrace.Event) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := time.Now()
	if now.Before(p.again) {
		return nil
	}
	for i := range events {
		at := events[i].LogTime
		if at.Before(oldestPartition) || at.After(now.Add(newestPartition)) {
			continue // to the default partition, and asking for it each time would cost a call
		}
		day := at.Unix() / int64(24*time.Hour/time.Second)
		if p.days[day] {
			continue
		}
		var made bool
		switch err := db.pool.QueryRow(ctx, "SELECT trace_partition($1)", at).Scan(&made); {
		case inTheWay(err):
			p.again = now.Add(partitionsPause)
			return nil
		case err != nil:
			return err
		}
		if p.days == nil {
			p.days = map[int64]bool{}
		}
		p.days[day] = made // else it is asked for again, when it may have come nearer
	}
	return nil
}

// Times before oldestPartition, and those further ahead than newestPartition, have no partition of their own: trace_partition's bounds.
var oldestPartition = time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)

const newestPartition = 3 * 24 * time.Hour

// inTheWay says whether a statement failed for what others do at the moment: they have a lock, or both wait for each other.
func inTheWay(err error) bool {
	switch sqlState(err) {
	case "55P03", "40P01":
		return true
	}
	return false
}
