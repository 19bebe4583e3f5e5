package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// described is what a cluster, or one broker of it, knows of a topic.
type described struct {
	partitions int32
	config     map[string]string
}

// describe asks for the topics that exist. The answer is the broker's own: a client's view may be seconds old.
func describe(ctx context.Context, from kmsg.Requestor, names []string) (map[string]described, error) {
	out, err := describePartitions(ctx, from, names)
	if err != nil || len(out) == 0 {
		return out, err
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range names {
		if _, ok := out[name]; ok {
			r := kmsg.NewDescribeConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, name
			req.Resources = append(req.Resources, r)
		}
	}
	resp, err := req.RequestWith(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("describe topic settings: %w", err)
	}
	for _, r := range resp.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return nil, fmt.Errorf("describe settings of topic %s: %w%s", r.ResourceName, err, kafka.AdviceOn("DescribeConfigs", err))
		}
		config := make(map[string]string, len(r.Configs))
		for _, c := range r.Configs {
			if c.Value != nil {
				config[c.Name] = *c.Value
			}
		}
		out[r.ResourceName] = described{out[r.ResourceName].partitions, config}
	}
	return out, nil
}

func describePartitions(ctx context.Context, from kmsg.Requestor, names []string) (map[string]described, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	out := make(map[string]described, len(resp.Topics))
	for _, t := range resp.Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil:
			out[*t.Topic] = described{partitions: int32(len(t.Partitions))}
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return nil, fmt.Errorf("describe topic %s: %w%s", *t.Topic, err, kafka.AdviceOn("Describe", err))
		}
	}
	return out, nil
}
