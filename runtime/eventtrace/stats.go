package eventtrace

import (
	"errors"
	"fmt"
	"time"
)

// Tally is how many events there are of a type on a topic.
type Tally struct {
	// EventType is empty for records whose type could not be read.
	EventType, Topic string
	Count            int64
}

// SessionTally is how many events there are of a session, and the records' times of its first and last.
type SessionTally struct {
	SessionID   string
	Count       int64
	First, Last time.Time
}

// ResponseQuery says of which requests it is asked how long they waited for their responses: a response has the request's
// correlation id, and the first one counts. Times are those of the records.
type ResponseQuery struct {
	// Request and Reply are event types.
	Request, Reply string
	// Topics are those that both may be on. Empty: any.
	Topics []string
	// From and Until are the window. A response within it may be to a request of before it, as long ago as the window is long. Until is
	// the present, too: what comes later is not looked at, and what has no response then waits.
	From, Until time.Time
	// Patience is for how long a request without a deadline may wait.
	Patience time.Duration
	// Slowest is how many of the slowest to return.
	Slowest int
}

// Validate reports what no store can be asked for.
func (q *ResponseQuery) Validate() error {
	switch {
	case q.Request == "" || q.Reply == "":
		return errors.New("response times: without the type of a request and of its response")
	case !q.From.Before(q.Until):
		return fmt.Errorf("response times from %v until %v: want a time that ends after it begins", q.From, q.Until)
	case q.Slowest < 0:
		return fmt.Errorf("response times: the slowest %d", q.Slowest)
	}
	return nil
}

// Responses are how long requests waited: those that were answered in the window, and for how long those of the window wait
// that were not. All to the millisecond.
type Responses struct {
	// Requests were published in the window, Answered got their response in it.
	Requests, Answered int64
	// Unanswered are those of Requests without a response that are past their deadline.
	Unanswered int64
	// P50, P95 and P99 are the smallest times that so many of 100 did not exceed; 0 where there is none.
	P50, P95, P99 time.Duration
	// Slowest are those that waited longest, first.
	Slowest []Wait
}

// Wait is how long a request waited, or waits.
type Wait struct {
	CorrelationID string
	Asked         time.Time
	For           time.Duration
	Answered      bool
}
