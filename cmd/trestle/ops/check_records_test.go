package ops

import (
	"fmt"
	"slices"
	"testing"

	"github.com/omninode/trestle/runtime/kafka"
)

// A sample has one offset of each of as many equal parts of a topic as are wanted, over its partitions; of a smaller topic it is all of it.
func TestDraw(t *testing.T) {
	t.Parallel()
	spans := kafka.Spans{
		Starts: kafka.Offsets{"orders": {0: 100, 1: 0, 2: 50, 3: 7}}, Ends: kafka.Offsets{"orders": {0: 1100, 1: 3000, 2: 50, 3: 1007}},
	}
	const all = 5000
	for _, wanted := range []int{1, 7, 1000, all, 2 * all} {
		t.Run(fmt.Sprint(wanted), func(t *testing.T) {
			t.Parallel()
			var at []int64 // among all offsets, in the order of partitions
			begin := map[int32]int64{0: 0, 1: 1000, 3: 4000}
			for partition, offsets := range draw(spans, "orders", wanted) {
				for _, o := range offsets {
					if o < spans.Starts["orders"][partition] || o >= spans.Ends["orders"][partition] {
						t.Errorf("partition %d has no offset %d", partition, o)
					}
					at = append(at, begin[partition]+o-spans.Starts["orders"][partition])
				}
			}
			slices.Sort(at)
			n := int64(min(wanted, all))
			if int64(len(at)) != n {
				t.Fatalf("%d offsets, want %d", len(at), n)
			}
			for part, offset := range at {
				if low, high := int64(part)*all/n, int64(part+1)*all/n; offset < low || offset >= high {
					t.Errorf("offset %d of all, want one in part %d: from %d to %d", offset, part, low, high)
				}
			}
		})
	}
}
