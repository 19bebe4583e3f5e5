package trestle

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestGroupKnowsWhichPartitionsAreNewToIt(t *testing.T) {
	t.Parallel()
	id, old := kadm.TopicID{1}, kadm.TopicID{2}
	commits := func(metadata ...string) map[int32]kadm.OffsetResponse {
		all := map[int32]kadm.OffsetResponse{99: {Offset: kadm.Offset{At: -1}}}
		for i, m := range metadata {
			all[int32(i)] = kadm.OffsetResponse{Offset: kadm.Offset{At: 7, Metadata: m}}
		}
		return all
	}
	cases := map[string]struct {
		known   map[string]commitNote
		commits map[int32]kadm.OffsetResponse
		want    int // partitions that are not new
	}{
		"nobody has read the topic":               {nil, nil, 12},
		"it had three when the group read it":     {nil, commits(commitNote{id, 3}.String()), 3},
		"this member read it":                     {map[string]commitNote{"t": {id, 3}}, nil, 3},
		"this member waited for it":               {map[string]commitNote{"t": {}}, nil, 0},
		"another waited, too":                     {map[string]commitNote{"t": {id, 12}}, commits(commitNote{id, 0}.String()), 0},
		"the group read another of its name":      {nil, commits(commitNote{old, 12}.String()), 0},
		"this member read another of its name":    {map[string]commitNote{"t": {old, 12}}, nil, 0},
		"somebody else committed, saying no more": {nil, commits("consumer-1-7f"), 0},
		"somebody else committed, and ours did":   {nil, commits("", commitNote{id, 3}.String(), "trestle/2 x=1"), 3},
		"a later version says more":               {nil, commits(commitNote{id, 3}.String() + " more=1"), 3},
		"notes that are cut off":                  {nil, commits("trestle/1 first=3", "trestle/1 topic=AQ first=3"), 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notes := commitNotes{byTopic: map[string]commitNote{}}
			for topic, note := range c.known {
				notes.byTopic[topic] = note
			}
			topic := kadm.TopicDetail{Topic: "t", ID: id, Partitions: kadm.PartitionDetails{}}
			for p := range int32(12) {
				topic.Partitions[p] = kadm.PartitionDetail{}
			}
			if got, want := notes.settle(topic, c.commits), (commitNote{id, c.want}); got != want || notes.byTopic["t"] != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
