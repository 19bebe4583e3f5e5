// Package loglimit keeps lines of a log that are alike from burying the others: so many a minute are written, and the next says
// how many were left out.
package loglimit

import (
	"sync"
	"time"
)

// Every is how long a limit counts for.
const Every = time.Minute

// maxKinds bounds how many kinds of lines are told apart; past it, counting begins anew.
const maxKinds = 1000

// Limiter counts lines by their kind. It may be used from many goroutines.
type Limiter struct {
	burst int

	mu    sync.Mutex
	kinds map[string]*count
}

type count struct {
	since            time.Time
	written, leftOut int
}

// New returns a limiter that lets so many lines of a kind through in each minute, which begins with the first of them.
func New(burst int) *Limiter { return &Limiter{burst: burst, kinds: map[string]*count{}} }

// Allow says whether a line of the kind may be written now, and if so, how many of the kind were left out since the last that
// was.
func (l *Limiter) Allow(kind string) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	c := l.kinds[kind]
	switch {
	case c == nil:
		if len(l.kinds) >= maxKinds {
			clear(l.kinds)
		}
		c = &count{since: now}
		l.kinds[kind] = c
	case now.Sub(c.since) >= Every:
		leftOut = c.leftOut
		*c = count{since: now}
	case c.written >= l.burst:
		c.leftOut++
		return 0, false
	}
	c.written++
	return leftOut, true
}

// Forget begins anew with a kind, and returns how many of its lines were left out since the last that was written.
func (l *Limiter) Forget(kind string) (leftOut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.kinds[kind]; c != nil {
		leftOut = c.leftOut
		delete(l.kinds, kind)
	}
	return leftOut
}
