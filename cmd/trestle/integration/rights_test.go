package integration_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/cmd/trestle/ops"
	connection "github.com/omninode/trestle/runtime/kafka"
)

// right is an operation that a user may do on what there is of a kind, by its name or, as *, all of it.
type right struct {
	kind      kmsg.ACLResourceType
	operation string
	name      string
}

// String is the right as commands name it, with a name where it is on one alone.
func (r right) String() string {
	text := r.operation + " on the " + strings.ReplaceAll(strings.ToLower(r.kind.String()), "_", " ")
	if r.name == stackAudit || r.kind == kmsg.ACLResourceTypeTransactionalId && r.name != "*" {
		text += " of changes"
	}
	return text
}

// less is what is left of rights without one: what that implied stays.
func less(rights []right, without right) []right {
	var out []right
	for _, r := range rights {
		if r != without {
			out = append(out, r)
		} else if slices.Contains([]string{"Read", "Write", "Alter", "Delete"}, r.operation) {
			out = append(out, right{r.kind, "Describe", r.name})
		}
	}
	return out
}

// lacking is what commands do without a right where they do not end and name it.
var lacking = map[string]string{
	"topics describe: Describe on the cluster": "it shows no sizes",
	"topics delete: Describe on the group":     "it names no groups",
	"dlq replay: Describe on the group":        "it names no groups",
	"dlq purge: Delete on the topic":           "it names it, once letters are resolved",
	"tail: Read on the topic":                  "it is as peek, which ends",
	"dlq watch: Write on the topic":            "it says what it can't tell, and goes on",
	"dlq watch: Write on the transactional id": "it says what it can't tell, and goes on",
}

// need is what each of some commands needs.
type need struct {
	commands []string
	rights   []right
}

// readNeeds reads from the page on operations what commands need.
func readNeeds(t *testing.T) []need {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(project, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "| command | topics | groups | cluster | transactional ids |\n")
	if !ok {
		t.Fatal("docs/operations.md has no table of what commands need")
	}
	kinds := []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId}
	var out []need
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|--") {
			continue
		}
		cells := strings.Split(line, "|")
		var row need
		for i, kind := range kinds {
			for _, operation := range strings.FieldsFunc(cells[i+2], func(r rune) bool { return r == ',' || r == ' ' }) {
				row.rights = append(row.rights, right{kind, operation, named(kind, strings.Contains(cells[1], "`audit`"))})
			}
		}
		for i, command := range strings.Split(cells[1], "`") {
			if i%2 == 1 && command != "audit" {
				row.commands = append(row.commands, command)
			}
		}
		out = append(out, row)
	}
	return out
}

// rightsOf are all that a command needs.
func rightsOf(needs []need, command string) []right {
	var out []right
	for _, n := range needs {
		if slices.Contains(n.commands, command) {
			out = append(out, n.rights...)
		}
	}
	return out
}

// named is what a right is on: all of a kind, or what changes are written down with.
func named(kind kmsg.ACLResourceType, audit bool) string {
	switch {
	case kind == kmsg.ACLResourceTypeCluster:
		return "kafka-cluster"
	case audit && kind == kmsg.ACLResourceTypeTransactionalId:
		return ops.AuditTransactionalID(stackAudit)
	case audit:
		return stackAudit
	}
	return "*"
}

// setRights has brokers know a user for each command, who has its rights, and one for each of them, who has all but that.
func setRights(t *testing.T, brokers []string, needs []need) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var users []kadm.UpsertSCRAM
	acls := kmsg.NewPtrCreateACLsRequest()
	add := func(user string, rights []right) {
		users = append(users, kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha512, Password: stackPassword})
		slices.SortFunc(rights, func(a, b right) int { return strings.Compare(a.String()+a.name, b.String()+b.name) })
		for _, r := range slices.Compact(rights) {
			a := kmsg.NewCreateACLsRequestCreation()
			a.ResourceType, a.ResourceName, a.ResourcePatternType = r.kind, r.name, kmsg.ACLResourcePatternTypeLiteral
			a.Principal, a.Host, a.PermissionType = "User:"+user, "*", kmsg.ACLPermissionTypeAllow
			if a.Operation, err = kmsg.ParseACLOperation(r.operation); err != nil {
				t.Fatal(err)
			}
			acls.Creations = append(acls.Creations, a)
		}
	}
	add("orders", nil) // the environment's own, who may do nothing
	known := map[string]bool{}
	for _, n := range needs {
		for _, command := range n.commands {
			if known[command] {
				continue
			}
			known[command] = true
			all := rightsOf(needs, command)
			add(userOf(command, nil), slices.Clone(all))
			for _, r := range all {
				add(userOf(command, &r), less(all, r))
			}
		}
	}
	ctx := within(t, patience)
	made, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, users)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	answer, err := acls.RequestWith(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d users, %d ACLs", len(users), len(acls.Creations))
	eventuallyOnEach(ctx, t, client, len(acls.Creations))
}

// eventuallyOnEach waits until every broker knows so many ACLs: then it knows the users, too, which were made before.
func eventuallyOnEach(ctx context.Context, t *testing.T, client *kgo.Client, acls int) {
	t.Helper()
	brokers, err := kadm.NewClient(client).ListBrokers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range brokers {
		for have := -1; have < acls; {
			if err := connection.Sleep(ctx, 50*time.Millisecond); err != nil {
				t.Fatalf("broker %d has %d of %d ACLs: %v", b.NodeID, have, acls, err)
			}
			all := kmsg.NewPtrDescribeACLsRequest()
			all.ResourceType, all.ResourcePatternType, all.Operation, all.PermissionType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
			answer, err := all.RequestWith(ctx, client.Broker(int(b.NodeID)))
			if err != nil {
				t.Fatal(err)
			}
			have = 0
			for _, r := range answer.Resources {
				have += len(r.ACLs)
			}
		}
	}
}

// userOf is the user who has what a command needs, but for one right; nil: all of it.
func userOf(command string, lacks *right) string {
	user := strings.ReplaceAll(command, " ", "-")
	if lacks != nil {
		user += "-without-" + strings.ReplaceAll(lacks.String(), " ", "-")
	}
	return user
}
