package eventtrace

import (
	"fmt"
	"slices"
	"testing"
)

// TestShareIsOfOneSinkEach has sinks come and go: each partition is one's alone, each has some, and what is not of a sink that came or went stays
// where it was.
func TestShareIsOfOneSinkEach(t *testing.T) {
	const partitions = 120
	owners := func(ids ...string) map[int32]string {
		t.Helper()
		at := map[string][]string{}
		for _, id := range ids {
			at[id] = []string{"a", "of others"}
		}
		at["elsewhere"] = []string{"of others"}
		owners, count := map[int32]string{}, map[string]int{}
		for _, id := range ids {
			s := &share{id: id, sinks: sinksOf([]string{"a"}, at)}
			for p := range int32(partitions) {
				if !s.picks("a", p) {
					continue
				}
				if other, taken := owners[p]; taken {
					t.Errorf("partition %d is followed by %s and %s", p, other, id)
				}
				owners[p] = id
				count[id]++
			}
		}
		if len(owners) != partitions {
			t.Errorf("%v follow %d of %d partitions", ids, len(owners), partitions)
		}
		for _, id := range ids {
			if even := partitions / len(ids); count[id] < even/2 || count[id] > 2*even {
				t.Errorf("%s follows %d of %d partitions beside %d others", id, count[id], partitions, len(ids)-1)
			}
		}
		return owners
	}
	var ids []string
	for n := range 6 {
		before := ids
		ids = append(slices.Clone(ids), fmt.Sprintf("sink %d", n))
		if n == 0 {
			continue
		}
		were, are := owners(before...), owners(ids...)
		for p, id := range are {
			if id != were[p] && id != ids[n] {
				t.Errorf("partition %d went from %s to %s as %s came", p, were[p], id, ids[n])
			}
		}
	}
}
