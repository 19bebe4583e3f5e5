package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/omninode/trestle/runtime/kafka"
)

// Place is what a right is on.
type Place struct {
	Resource Resource
	Name     string
}

// Actual is what a credential may do on each place, as brokers say: also what it may do because it may do something else.
type Actual struct {
	May map[Place][]Operation
	// Unknown are places of which brokers don't say what may be done there, such as topics that don't exist, with why.
	Unknown map[Place]string
}

// Ask finds out what the client of a connection may really do, on all topics and groups that it sees and on those places that it is asked about besides, and
// does nothing. It takes no rights: brokers tell each client what it may do. Of transactional ids they don't, so only those are
// asked for that are named, by a request that ends a transaction of a producer that there is not: whether they may be written.
func Ask(ctx context.Context, conn kafka.Connection, places []Place) (*Actual, error) {
	most := kversion.Stable()
	most.SetMaxKeyVersion(kmsg.DescribeGroups.Int16(), 5) // from 6 on a group that does not exist says nothing of rights
	cl, err := conn.Client(kgo.MaxVersions(most))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	a := &Actual{May: map[Place][]Operation{}, Unknown: map[Place]string{}}
	named := func(r Resource) []string {
		var names []string
		for _, p := range places {
			if p.Resource == r && !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
		return names
	}
	if err := a.askCluster(ctx, cl); err != nil {
		return nil, err
	}
	if err := a.askTopics(ctx, cl, nil); err != nil {
		return nil, err
	}
	var hidden []string
	for _, name := range named(Topic) {
		if _, seen := a.May[Place{Topic, name}]; !seen {
			hidden = append(hidden, name)
		}
	}
	if len(hidden) > 0 {
		if err := a.askTopics(ctx, cl, hidden); err != nil {
			return nil, err
		}
	}
	if err := a.askGroups(ctx, cl, named(Group)); err != nil {
		return nil, err
	}
	for _, id := range named(TransactionalID) {
		if err := again(ctx, func() error { return a.askTransactionalID(ctx, cl, id) }); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// operationsIn are the operations of a bit field.
func operationsIn(bits int32) []Operation {
	var out []Operation
	for name, number := range operations {
		if bits > 0 && bits&(1<<number) != 0 { // a negative one was not asked for
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (a *Actual) askCluster(ctx context.Context, cl *kgo.Client) error {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeClusterAuthorizedOperations = true
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("ask what this user may do on the cluster: %w", err)
	}
	a.May[Place{Cluster, ClusterName}] = operationsIn(resp.ClusterAuthorizedOperations)
	return nil
}

// askTopics asks of some topics, or of all that the client sees.
func (a *Actual) askTopics(ctx context.Context, cl *kgo.Client, names []string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("ask what this user may do on topics: %w", err)
	}
	for _, t := range resp.Topics {
		at := Place{Topic, *t.Topic}
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			a.May[at] = []Operation{}
		case kafka.Classify(err) == kafka.Missing:
			a.Unknown[at] = "the topic does not exist"
		case err != nil && kafka.Classify(err) != kafka.Retriable: // one without a leader has its rights all the same
			return fmt.Errorf("ask what this user may do on topic %s: %w", *t.Topic, err)
		default:
			a.May[at] = operationsIn(t.AuthorizedOperations)
		}
	}
	return nil
}

// askGroups asks of some groups, and of all others that the client sees.
func (a *Actual) askGroups(ctx context.Context, cl *kgo.Client, names []string) error {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	for _, shard := range cl.RequestSharded(ctx, kmsg.NewPtrListGroupsRequest()) {
		if shard.Err != nil {
			return fmt.Errorf("list groups: %w", shard.Err)
		}
		for _, g := range shard.Resp.(*kmsg.ListGroupsResponse).Groups {
			all[g.Group] = true
		}
	}
	if len(all) == 0 {
		return nil
	}
	return again(ctx, func() error { return a.describeGroups(ctx, cl, slices.Sorted(maps.Keys(all))) })
}

// again asks anew while what is in the way passes by itself: a new cluster chooses its coordinators once somebody asks for them.
func again(ctx context.Context, ask func() error) error {
	return kafka.AskAgain(ctx, ask, func(err error) bool { return kafka.Classify(err) == kafka.Retriable })
}

func (a *Actual) describeGroups(ctx context.Context, cl *kgo.Client, names []string) error {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups, req.IncludeAuthorizedOperations = names, true
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil && !kafka.IsUnauthorised(shard.Err) {
			return fmt.Errorf("ask what this user may do with groups: %w", shard.Err)
		}
		if shard.Err != nil { // the group's coordinator is told to who may describe it alone
			for _, name := range shard.Req.(*kmsg.DescribeGroupsRequest).Groups {
				a.May[Place{Group, name}] = []Operation{}
			}
			continue
		}
		for _, g := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			at := Place{Group, g.Group}
			switch err := kerr.ErrorForCode(g.ErrorCode); {
			case errors.Is(err, kerr.GroupAuthorizationFailed):
				a.May[at] = []Operation{}
			case err != nil && kafka.Classify(err) == kafka.Retriable:
				return fmt.Errorf("ask what this user may do with group %s: %w", g.Group, err)
			case err != nil:
				a.Unknown[at] = err.Error()
			default:
				a.May[at] = operationsIn(g.AuthorizedOperations)
			}
		}
	}
	return nil
}

// askTransactionalID ends a transaction that nobody has: who may not write the id is told so, and who may that there is no such producer.
func (a *Actual) askTransactionalID(ctx context.Context, cl *kgo.Client, id string) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, -1, -1
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	at := Place{TransactionalID, id}
	switch {
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		a.May[at] = []Operation{}
	case errors.Is(err, kerr.InvalidProducerIDMapping), errors.Is(err, kerr.TransactionalIDNotFound), errors.Is(err, kerr.InvalidTxnState), errors.Is(err, kerr.InvalidProducerEpoch),
		errors.Is(err, kerr.ProducerFenced):
		a.May[at] = []Operation{Describe, Write}
	case err != nil:
		return fmt.Errorf("ask what this user may do with transactional id %s: %w", id, err)
	}
	return nil
}
