package trestle

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxSnooze is how long an event is put off at most: a handler is called again then, and may put it off once more.
const MaxSnooze = time.Hour

// Snooze returns an error by which a handler puts its event off: it is called again after d, at once where d isn't positive, after
// [MaxSnooze] where d is more. It need not be returned as it is: it may be wrapped, or joined with others.
//
// That is no failure: it doesn't count as an attempt, nor for the breaker, and is neither logged nor measured as one. There is no limit to
// how often an event is put off; [Delivery.Snoozes] says how often it was. Its key waits, the others go on, and what is done of them is
// committed as done. The event waits in the consumer: when that ends, or the partition goes to another member, nobody waits for it, and
// the next member's handler gets it at once.
func Snooze(d time.Duration) error { return &snoozeError{min(max(d, 0), MaxSnooze)} }

type snoozeError struct{ wait time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("put off for %v", e.wait) }

// snoozing takes the error of a handler that puts its event off out, for process.
func snoozing(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) error {
		err := next(ctx, e)
		if b := batchIn(ctx); b != nil {
			return b.note(err)
		}
		if put, ok := errors.AsType[*snoozeError](err); ok {
			ctx.Value(handlingKey{}).(*handling).snooze = put
			return nil
		}
		return err
	}
}

// snooze puts a record off that its handler does not want yet.
func (q *keyQueue) snooze(t *task, d time.Duration) {
	q.mu.Lock()
	t.snoozed = true
	q.mu.Unlock()
	q.park(t, d)
}

// dropSnoozed drops a lane whose head was put off: who gives up its partition doesn't wait for it. It says false where that is not so.
func (q *keyQueue) dropSnoozed(p *partition, l *lane) bool {
	if l.state != parked || l.head == nil || !l.head.snoozed {
		return false
	}
	l.timer.Stop()
	q.drop(p, l, l.cutAfter(-1))
	return true
}
