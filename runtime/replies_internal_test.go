package trestle

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTopicOfResponsesIsNotGivenUp has the cluster refuse a topic of responses as soon as it is read: it is none of dead letters, which
// are done without.
func TestTopicOfResponsesIsNotGivenUp(t *testing.T) {
	t.Parallel()
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &replies{id: "caller", client: client, topics: map[string]*replyTopic{}}
	info := &EventInfo{FullName: "test.Price", Topic: &TopicInfo{Name: "prices"}}
	r.begin("prices", map[int32]kgo.Offset{0: kgo.NewOffset()}, true, info)
	if r.giveUpLetters("prices", kerr.TopicAuthorizationFailed) || r.topics["prices"] == nil {
		t.Error("a topic of responses was given up")
	}
}
