// Package scram makes and removes the users of a cluster that authenticate by SCRAM-SHA-512, and says which there are.
//
//	err := scram.Set(ctx, cl, "billing-a", password, scram.DefaultIterations)
package scram

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// Mechanism is how the users authenticate.
const Mechanism = kafka.ScramSHA512

// How often a password is hashed: what Kafka takes, and what is used where nobody says otherwise.
const (
	LeastIterations   = 4096
	DefaultIterations = 8192
	MostIterations    = 16384
)

// List asks which of some users there are, and returns their iterations by name. It needs Describe on the cluster. All users can't be asked for: brokers, Kafka 4.3 for
// one, give no answer to that where it is not allowed.
func List(ctx context.Context, from kmsg.Requestor, users ...string) (map[string]int, error) {
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	for _, name := range users {
		u := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
		u.Name = name
		req.Users = append(req.Users, u)
	}
	if len(users) == 0 {
		return map[string]int{}, nil
	}
	resp, err := req.RequestWith(ctx, from)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, refused("list users", "Describe", err)
	}
	out := map[string]int{}
	for _, r := range resp.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil && !errors.Is(err, kerr.ResourceNotFound) {
			return nil, refused("list user "+r.User, "Describe", err)
		}
		for _, c := range r.CredentialInfos {
			if c.Mechanism == int8(kadm.ScramSha512) {
				out[r.User] = int(c.Iterations)
			}
		}
	}
	return out, nil
}

// refused is why a cluster did not do something, for somebody who lacks an operation on the cluster.
func refused(what, operation string, err error) error {
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return fmt.Errorf("%s: %w: does an ACL of the cluster allow this user %s on the cluster?", what, err, operation)
	}
	return fmt.Errorf("%s: %w%s", what, err, kafka.Advice(err))
}

// Set makes a user, or gives one another password, and returns once every broker that is up knows the user. It needs Alter on the cluster, and fails where
// iterations are not from LeastIterations to MostIterations. Of a user that was there, brokers don't tell whether they know the password already.
func Set(ctx context.Context, cl *kgo.Client, user, password string, iterations int) error {
	if iterations < LeastIterations || iterations > MostIterations {
		return fmt.Errorf("iterations of user %s: want %d to %d, got %d", user, LeastIterations, MostIterations, iterations)
	}
	upsert := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha512, Iterations: int32(iterations), Password: password}
	if err := alter(ctx, cl, "make user "+user, nil, []kadm.UpsertSCRAM{upsert}); err != nil {
		return err
	}
	return await(ctx, cl, func(known map[string]int) bool { return known[user] == iterations }, user)
}

// Remove removes a user, and returns once no broker that is up lets it in any more. Connections that it has open go on. It needs Alter on the cluster.
func Remove(ctx context.Context, cl *kgo.Client, user string) error {
	if err := alter(ctx, cl, "remove user "+user, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil); err != nil {
		return err
	}
	return await(ctx, cl, func(known map[string]int) bool { _, there := known[user]; return !there }, user)
}

func alter(ctx context.Context, cl *kgo.Client, what string, remove []kadm.DeleteSCRAM, set []kadm.UpsertSCRAM) error {
	answered, err := kadm.NewClient(cl).AlterUserSCRAMs(ctx, remove, set)
	if err == nil {
		err = answered.Error()
	}
	if err != nil {
		return refused(what, "Alter", err)
	}
	return nil
}

func await(ctx context.Context, cl *kgo.Client, as func(known map[string]int) bool, user string) error {
	err := kafka.AwaitBrokers(ctx, cl, func(ctx context.Context, id int32, broker *kgo.Broker) error {
		known, err := List(ctx, broker, user)
		if err != nil {
			return fmt.Errorf("broker %d does not show it: %w", id, err)
		}
		if !as(known) {
			return fmt.Errorf("broker %d has not heard of it yet", id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("user %s is changed, but %w", user, err)
	}
	return nil
}
