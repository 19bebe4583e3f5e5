package acl

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// ErrNoAuthorizer says that a cluster asks nobody what they may do: it has no authorizer.
var ErrNoAuthorizer = errors.New("the cluster has no authorizer, so that everybody may do everything: do its brokers have authorizer.class.name set?")

// wrong is why a cluster did not answer about rights, for somebody who may do an operation on the cluster or lacks that.
func wrong(what string, operation Operation, code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.SecurityDisabled):
		return fmt.Errorf("%s: %w", what, ErrNoAuthorizer)
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("%s: %w: does an ACL of the cluster allow this user %s on the cluster?", what, err, operation)
	case message != nil && *message != "":
		return fmt.Errorf("%s: %w: %s%s", what, err, *message, kafka.Advice(err))
	}
	return fmt.Errorf("%s: %w%s", what, err, kafka.Advice(err))
}

// List asks for all bindings of a cluster, in their order. It needs Describe on the cluster. Where brokers ask nobody the error is an ErrNoAuthorizer.
func List(ctx context.Context, from kmsg.Requestor) ([]Binding, error) {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	const what = "list ACLs"
	resp, err := req.RequestWith(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := wrong(what, Describe, resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	var out []Binding
	for _, r := range resp.Resources {
		for _, a := range r.ACLs {
			out = append(out, Binding{
				Resource: nameOf(resources, r.ResourceType), Name: r.ResourceName, Prefixed: r.ResourcePatternType == kmsg.ACLResourcePatternTypePrefixed,
				Principal: a.Principal, Host: a.Host, Operation: nameOf(operations, a.Operation), Denied: a.PermissionType == kmsg.ACLPermissionTypeDeny,
			})
		}
	}
	return sorted(out), nil
}
