package acl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Resource is a kind of what a cluster guards.
type Resource string

// The kinds that Kafka has.
const (
	Topic           Resource = "topic"
	Group           Resource = "group"
	Cluster         Resource = "cluster"
	TransactionalID Resource = "transactional id"
	DelegationToken Resource = "delegation token"
	User            Resource = "user"
)

// ClusterName is the name of the one resource that is a [Cluster].
const ClusterName = "kafka-cluster"

// AnyHost is the host of a binding that holds wherever the client is.
const AnyHost = "*"

// Operation is what may be done.
type Operation string

// The operations that Kafka has.
const (
	All             Operation = "All"
	Read            Operation = "Read"
	Write           Operation = "Write"
	Create          Operation = "Create"
	Delete          Operation = "Delete"
	Alter           Operation = "Alter"
	Describe        Operation = "Describe"
	ClusterAction   Operation = "ClusterAction"
	DescribeConfigs Operation = "DescribeConfigs"
	AlterConfigs    Operation = "AlterConfigs"
	IdempotentWrite Operation = "IdempotentWrite"
	CreateTokens    Operation = "CreateTokens"
	DescribeTokens  Operation = "DescribeTokens"
)

// Implied is what a cluster lets who may do an operation do besides.
func (o Operation) Implied() []Operation {
	switch o {
	case Read, Write, Delete, Alter:
		return []Operation{Describe}
	case AlterConfigs:
		return []Operation{DescribeConfigs}
	}
	return nil
}

var resources = map[Resource]kmsg.ACLResourceType{
	Topic: kmsg.ACLResourceTypeTopic, Group: kmsg.ACLResourceTypeGroup, Cluster: kmsg.ACLResourceTypeCluster,
	TransactionalID: kmsg.ACLResourceTypeTransactionalId, DelegationToken: kmsg.ACLResourceTypeDelegationToken, User: kmsg.ACLResourceTypeUser,
}

var operations = map[Operation]kmsg.ACLOperation{
	All: kmsg.ACLOperationAll, Read: kmsg.ACLOperationRead, Write: kmsg.ACLOperationWrite, Create: kmsg.ACLOperationCreate,
	Delete: kmsg.ACLOperationDelete, Alter: kmsg.ACLOperationAlter, Describe: kmsg.ACLOperationDescribe,
	ClusterAction: kmsg.ACLOperationClusterAction, DescribeConfigs: kmsg.ACLOperationDescribeConfigs, AlterConfigs: kmsg.ACLOperationAlterConfigs,
	IdempotentWrite: kmsg.ACLOperationIdempotentWrite, CreateTokens: kmsg.ACLOperationCreateTokens,
	DescribeTokens: kmsg.ACLOperationDescribeTokens,
}

// nameOf is the name that a table has for one of Kafka's numbers; what it lacks, a later version of Kafka has.
func nameOf[N ~string, K comparable](table map[N]K, number K) N {
	for name, n := range table {
		if n == number {
			return name
		}
	}
	return N(fmt.Sprintf("unknown (%v)", number))
}

// Binding is one line of what a cluster knows of rights.
type Binding struct {
	Resource Resource `json:"resource"`
	Name     string   `json:"name"`
	// Prefixed says that it is about all whose names begin so, else about the one of that name; the name * then stands for all.
	Prefixed bool `json:"prefixed,omitempty"`
	// Principal is who, such as User:billing; User:* is everybody.
	Principal string `json:"principal"`
	// Host is the address that the client has to come from, AnyHost for whichever.
	Host      string    `json:"host"`
	Operation Operation `json:"operation"`
	// Denied takes the right away, whoever gives it.
	Denied bool `json:"denied,omitempty"`
}

// String is the binding in one line: "User:billing: Read on topic orders".
func (b Binding) String() string {
	var text strings.Builder
	text.WriteString(b.Principal + ": ")
	if b.Denied {
		text.WriteString("not ")
	}
	text.WriteString(string(b.Operation) + " on " + On(b.Resource, b.Name, b.Prefixed))
	if b.Host != AnyHost {
		text.WriteString(" from " + b.Host)
	}
	return text.String()
}

// On names what a right is on: "topic orders", "transactional ids that begin with trestle-consumer-billing-".
func On(resource Resource, name string, prefixed bool) string {
	switch {
	case resource == Cluster:
		return "the cluster"
	case prefixed:
		return string(resource) + "s that begin with " + name
	case name == "*":
		return "all " + string(resource) + "s"
	}
	return string(resource) + " " + name
}

// compare orders bindings by principal, resource, name, pattern, operation and host.
func compare(a, b Binding) int {
	flag := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	return cmp.Or(
		strings.Compare(a.Principal, b.Principal), strings.Compare(string(a.Resource), string(b.Resource)), strings.Compare(a.Name, b.Name),
		flag(a.Prefixed, b.Prefixed), strings.Compare(string(a.Operation), string(b.Operation)), strings.Compare(a.Host, b.Host), flag(a.Denied, b.Denied),
	)
}

// sorted returns bindings in their order, each once.
func sorted(bindings []Binding) []Binding {
	out := slices.Clone(bindings)
	slices.SortFunc(out, compare)
	return slices.Compact(out)
}
