package bench

import (
	"math"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// heap is what a service has in memory beside its events, so that the collector runs as often as in one.
var heap = make([]byte, 64<<20)

// compared runs two ways to the same end in turns, so that whatever else the machine does falls on both. Time is that of
// the processor, collection of garbage included. It reports how many times as fast ours is, the goal for that where there
// is one, both times, and our allocations. It returns the first, 0 when -bench left it out.
func compared(b *testing.B, name string, goal float64, ours, peer func()) (ratio float64) {
	b.Run(name, func(b *testing.B) {
		const turn = 1000
		var own, other int64
		rounds := 0
		for b.Loop() {
			own += timed(turn, ours)
			other += timed(turn, peer)
			rounds++
		}
		runtime.KeepAlive(heap)
		ratio = float64(other) / float64(own)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(own)/float64(rounds*turn), "own-ns")
		b.ReportMetric(float64(other)/float64(rounds*turn), "peer-ns")
		b.ReportMetric(testing.AllocsPerRun(50, ours), "own-allocs")
		b.ReportMetric(ratio, "times-as-fast")
		if goal > 0 {
			b.ReportMetric(goal, "goal")
		}
	})
	return ratio
}

// timed returns the nanoseconds that the process computes while run runs.
func timed(turn int, run func()) int64 {
	start := computed()
	for range turn {
		run()
	}
	return computed() - start
}

func computed() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// geometricMean reports the mean of what compared returned.
func geometricMean(b *testing.B, name string, goal float64, ratios ...float64) {
	sum := 0.0
	for _, ratio := range ratios {
		if ratio == 0 {
			return
		}
		sum += math.Log(ratio)
	}
	b.Run(name, func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(math.Exp(sum/float64(len(ratios))), "times-as-fast")
		b.ReportMetric(goal, "goal")
	})
}
