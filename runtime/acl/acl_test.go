package acl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/kafka"
)

// guarded is a cluster where admin may do everything and bob what ACLs say.
func guarded(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(1, "orders", "orders_dlq", "salaries"),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "bob", "bob"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func as(c *kfake.Cluster, user string) kafka.Connection {
	return kafka.Connection{Brokers: c.ListenAddrs(), Options: []kgo.Opt{kgo.SASL(plain.Auth{User: user, Pass: user}.AsMechanism())}}
}

func client(t *testing.T, c *kfake.Cluster, user string) *kgo.Client {
	t.Helper()
	cl, err := as(c, user).Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func allow(principal string, operation acl.Operation, resource acl.Resource, name string) acl.Binding {
	return acl.Binding{Resource: resource, Name: name, Principal: principal, Host: acl.AnyHost, Operation: operation}
}

func apply(t *testing.T, cl *kgo.Client, remove bool, declared ...acl.Binding) *acl.Plan {
	t.Helper()
	plan, err := acl.NewPlan(t.Context(), cl, declared, []string{"User:bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(t.Context(), cl, remove); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestPlanAddsWhatIsMissingAndRemovesWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	cl := client(t, guarded(t), "admin")
	read, write := allow("User:bob", acl.Read, acl.Topic, "orders"), allow("User:bob", acl.Write, acl.Topic, "orders_dlq")
	ids := allow("User:bob", acl.Write, acl.TransactionalID, "trestle-consumer-billing-")
	ids.Prefixed = true
	denied := allow("User:bob", acl.All, acl.Topic, "salaries")
	denied.Denied = true
	alice := allow("User:alice", acl.Read, acl.Topic, "orders")
	apply(t, cl, false, denied, alice, write)

	plan := apply(t, cl, false, read, ids, read, write)
	var said []string
	for _, b := range plan.Bindings {
		said = append(said, fmt.Sprintf("%s %s done=%v", b.Action, b, b.Done))
	}
	want := []string{
		"create User:bob: Read on topic orders done=true",
		"none User:bob: Write on topic orders_dlq done=false",
		"create User:bob: Write on transactional ids that begin with trestle-consumer-billing- done=true",
		"delete User:bob: not All on topic salaries done=false",
	}
	if !slices.Equal(said, want) {
		t.Errorf("the plan was\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	if len(plan.Others) != 1 || plan.Others[0] != alice {
		t.Errorf("of others there is %v", plan.Others)
	}
	if plan = apply(t, cl, true, read, ids, write); !plan.Bindings[3].Done {
		t.Errorf("%s was not removed", plan.Bindings[3])
	}
	found, err := acl.List(t.Context(), cl)
	if err != nil || len(found) != 4 || slices.Contains(found, denied) || !slices.Contains(found, alice) {
		t.Errorf("in the end there is %v, %v", found, err)
	}
}

func TestErrorsSayWhatIsLacking(t *testing.T) {
	t.Parallel()
	c := guarded(t)
	bob, admin := client(t, c, "bob"), client(t, c, "admin")
	declared := []acl.Binding{allow("User:bob", acl.Read, acl.Topic, "orders")}
	if _, err := acl.NewPlan(t.Context(), bob, declared, nil); err == nil || !strings.Contains(err.Error(), "allow this user Describe on the cluster?") {
		t.Errorf("without Describe on the cluster: %v", err)
	}
	apply(t, admin, false, allow("User:bob", acl.Describe, acl.Cluster, acl.ClusterName))
	plan, err := acl.NewPlan(t.Context(), bob, declared, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(t.Context(), bob, false); err == nil || !strings.Contains(err.Error(), "allow this user Alter on the cluster?") {
		t.Errorf("without Alter on the cluster: %v", err)
	}
	if b := plan.Bindings[0]; b.Done || b.Failure() == nil {
		t.Errorf("%s: done %v, failure %v", b, b.Done, b.Failure())
	}
	c.ControlKey(int16(kmsg.DescribeACLs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.DescribeACLsResponse)
		resp.ErrorCode = kerr.SecurityDisabled.Code
		return resp, nil, true
	})
	if _, err := acl.List(t.Context(), admin); !errors.Is(err, acl.ErrNoAuthorizer) {
		t.Errorf("without an authorizer: %v", err)
	}
}

func TestAskSaysWhatACredentialMayDo(t *testing.T) {
	t.Parallel()
	c := guarded(t)
	apply(t, client(t, c, "admin"), false,
		allow("User:bob", acl.Read, acl.Topic, "orders"), allow("User:bob", acl.AlterConfigs, acl.Topic, "orders"), allow("User:bob", acl.Describe, acl.Topic, "missing"),
		allow("User:bob", acl.Read, acl.Group, "billing"), allow("User:bob", acl.Write, acl.TransactionalID, "mine"))
	at := func(r acl.Resource, name string) acl.Place { return acl.Place{Resource: r, Name: name} }
	actual, err := acl.Ask(context.Background(), as(c, "bob"), []acl.Place{
		at(acl.Topic, "orders"), at(acl.Topic, "salaries"), at(acl.Topic, "missing"), at(acl.Group, "billing"), at(acl.Group, "other"),
		at(acl.TransactionalID, "mine"), at(acl.TransactionalID, "theirs"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[acl.Place]string{
		at(acl.Topic, "orders"): "[AlterConfigs Describe DescribeConfigs Read]", at(acl.Topic, "salaries"): "[]",
		at(acl.Group, "billing"): "[Describe Read]", at(acl.Group, "other"): "[]", at(acl.Cluster, acl.ClusterName): "[]",
		at(acl.TransactionalID, "mine"): "[Describe Write]", at(acl.TransactionalID, "theirs"): "[]",
	} {
		if may, known := actual.May[place]; !known || fmt.Sprint(may) != want {
			t.Errorf("%v: %v (%v, %q), want %s", place, may, known, actual.Unknown[place], want)
		}
	}
	if actual.Unknown[at(acl.Topic, "missing")] == "" {
		t.Error("of a topic that does not exist it says that it is known")
	}
}
