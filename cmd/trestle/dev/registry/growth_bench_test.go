package registry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	server "github.com/omninode/trestle/cmd/trestle/dev/registry"
)

const few, many = 100, 10_000

// BenchmarkGrowth measures what registering a new schema, registering one that is there, and reading take among 10,000 stored schemas beside among 100, as
// ratios of the medians, in turns; and the memory that a stored one takes. Both spreads are measured: a subject each, and all in one at BACKWARD. The
// ratios are to stay near 1.
func BenchmarkGrowth(b *testing.B) {
	for _, spread := range []string{"subjects", "versions"} {
		b.Run(spread, func(b *testing.B) {
			subject := func(i int) string {
				if spread == "versions" {
					return "s"
				}
				return fmt.Sprint("s", i)
			}
			small, large := filled(b, few, subject), filled(b, many, subject)
			next := many
			for _, c := range []struct {
				name string
				do   func(*stock)
			}{
				{"new", func(s *stock) { s.h.register(b, subject(next), title(next)) }},
				{"again", func(s *stock) { s.h.register(b, subject(s.stored/2), title(s.stored/2)) }},
				{"latest", func(s *stock) { s.h.ask("GET", "/subjects/"+subject(s.stored-1)+"/versions/latest", "") }},
				{"id", func(s *stock) { s.h.ask("GET", fmt.Sprintf("/schemas/ids/%d", s.stored/2), "") }},
			} {
				b.Run(c.name, func(b *testing.B) {
					var took [2][]time.Duration
					for b.Loop() {
						for range 100 {
							next++
							for i, s := range []*stock{small, large} {
								begun := time.Now()
								c.do(s)
								took[i] = append(took[i], time.Since(begun))
							}
						}
					}
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(median(took[1])/median(took[0]), "ratio")
					b.ReportMetric(median(took[1])*1e6, "µs")
				})
			}
			b.Run("memory", func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(large.each/small.each, "ratio")
				b.ReportMetric(large.each, "B/schema")
			})
		})
	}
}

type stock struct {
	h      *handler
	stored int
	each   float64 // bytes in memory
}

func filled(b *testing.B, n int, subject func(int) string) *stock {
	s, err := server.NewServer(filepath.Join(b.TempDir(), "registry"), silent{}, server.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	h := &handler{s}
	h.ask("PUT", "/config", `{"compatibility":"BACKWARD"}`)
	before := inUse()
	for i := range n {
		h.register(b, subject(i), title(i))
	}
	return &stock{h, n, float64(inUse()-before) / float64(n)}
}

func title(i int) string {
	return fmt.Sprintf(`{"title":"%d","type":"object","properties":{"a":{"type":"string"}}}`, i)
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return took[len(took)/2].Seconds()
}

// silent finds every schema compatible: what a verdict takes is another's cost.
type silent struct{}

func (silent) Check(context.Context, string, []server.Candidate, server.Candidate) ([]string, error) {
	return nil, nil
}
