// Package grants says what each service has to be allowed on a cluster, and why, by what the schemas say of it: who publishes and who consumes which event, and
// whose consumer groups there are.
//
//	for _, g := range grants.Of(set, "billing", nil, names).Grants {
//		fmt.Println(g.Operation, acl.On(g.Resource, g.Name, g.Prefixed), g.Reasons)
//	}
//
// It is what package runtime asks of a cluster for it, and nothing besides: a right that another one brings with it, as Write brings Describe, is not among them.
package grants

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/schema"
)

// Use is what a service uses of package runtime that the schemas don't tell of, and that takes rights of its own.
type Use string

// The uses.
const (
	Transactions  Use = "transactions"   // trestle.WithTransactions
	HeldKeys      Use = "held_keys"      // trestle.WithHeldKeys
	BreakerReplay Use = "breaker_replay" // trestle.Breaker with Replay
	Outbox        Use = "outbox"         // a relay of package outbox
	Replay        Use = "replay"         // package replay, in the program itself
)

// Uses are all of them.
func Uses() []Use { return []Use{Transactions, HeldKeys, BreakerReplay, Outbox, Replay} }

// Grant is one right, and what it is for.
type Grant struct {
	Resource  acl.Resource    `json:"resource"`
	Name      string          `json:"name"`
	Prefixed  bool            `json:"prefixed,omitempty"`
	Operation acl.Operation   `json:"operation"`
	Implied   []acl.Operation `json:"implied,omitempty"` // what Kafka allows with it
	Reasons   []string        `json:"reasons"`
}

// Service is what a service has to be allowed.
type Service struct {
	Name   string  `json:"service"`
	Grants []Grant `json:"grants"` // by kind and name
	// Notes say what else is to be known: what it consumes without a group, say, or what a right allows besides.
	Notes []string `json:"notes"`
}

// Own are the names, in an environment, of the topics that are nobody's events.
type Own struct {
	Resolutions string // of dead letters
	Keys        string // of encrypted fields
}

// Of says what a service has to be allowed, by a set with the names of an environment.
func Of(set *schema.Set, service string, uses []Use, own Own) Service {
	d := &derivation{set: set, service: service, uses: uses, own: own, at: map[place]*Grant{}}
	d.publishing()
	d.handling()
	d.calling()
	d.deadLetters()
	d.withoutGroups()
	d.encrypting()
	d.using()
	out := Service{Name: service, Grants: []Grant{}, Notes: d.notes}
	for _, g := range d.at {
		out.Grants = append(out.Grants, *g)
	}
	slices.SortFunc(out.Grants, func(a, b Grant) int {
		return cmp.Or(order(a.Resource)-order(b.Resource), strings.Compare(a.Name, b.Name), strings.Compare(string(a.Operation), string(b.Operation)))
	})
	if out.Notes == nil {
		out.Notes = []string{}
	}
	return out
}

func order(r acl.Resource) int {
	return slices.Index([]acl.Resource{acl.Topic, acl.Group, acl.TransactionalID}, r)
}

type place struct {
	resource  acl.Resource
	name      string
	operation acl.Operation
}

// derivation finds out what a service has to be allowed.
type derivation struct {
	set     *schema.Set
	service string
	uses    []Use
	own     Own
	at      map[place]*Grant
	notes   []string
}

// allow notes a right with its reason.
func (d *derivation) allow(resource acl.Resource, name string, operation acl.Operation, format string, args ...any) *Grant {
	g := d.at[place{resource, name, operation}]
	if g == nil {
		g = &Grant{Resource: resource, Name: name, Operation: operation, Implied: operation.Implied()}
		d.at[place{resource, name, operation}] = g
	}
	if reason := fmt.Sprintf(format, args...); !slices.Contains(g.Reasons, reason) {
		g.Reasons = append(g.Reasons, reason)
	}
	return g
}

// reads notes that a topic is read, and that its limits are asked for: a client that does not know how large records may be goes by what the
// schemas say, or by Kafka's default.
func (d *derivation) reads(topic, format string, args ...any) {
	d.allow(acl.Topic, topic, acl.Read, format, args...)
	d.allow(acl.Topic, topic, acl.DescribeConfigs, "asks how large records of what it reads may be")
}

func (d *derivation) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.notes, text) {
		d.notes = append(d.notes, text)
	}
}

func (d *derivation) publishes(e *schema.Event) bool {
	return slices.Contains(e.PublishedBy, d.service)
}
func (d *derivation) consumes(e *schema.Event) bool { return slices.Contains(e.ConsumedBy, d.service) }
func (d *derivation) has(use Use) bool              { return slices.Contains(d.uses, use) }

// groups are the service's own.
func (d *derivation) groups() []*schema.Group {
	return slices.DeleteFunc(slices.Clone(d.set.Groups), func(g *schema.Group) bool { return g.Owner != d.service })
}

// groupsOn are the service's groups that read a topic.
func (d *derivation) groupsOn(topic string) []*schema.Group {
	return slices.DeleteFunc(d.groups(), func(g *schema.Group) bool { return !slices.Contains(g.Topics, topic) })
}

// published are the service's events that have a topic of their own.
func (d *derivation) published() []*schema.Event {
	return slices.DeleteFunc(d.set.Events(), func(e *schema.Event) bool { return e.Topic == nil || !d.publishes(e) })
}

func (d *derivation) publishing() {
	for _, e := range d.published() {
		d.allow(acl.Topic, e.Topic.Name, acl.Write, "publishes %s", e.Type)
	}
}

// handling is what a consumer asks of a cluster for each topic that a group of the service reads.
func (d *derivation) handling() {
	for _, g := range d.groups() {
		for _, name := range g.Topics {
			t := d.set.Topic(name)
			if t == nil {
				continue
			}
			what := "events"
			if types := d.consumed(t); len(types) > 0 {
				what = strings.Join(types, ", ")
			}
			d.reads(t.Name, "handles %s in group %s", what, g.Name)
			d.allow(acl.Group, g.Name, acl.Read, "is a member of it, and commits")
			if t.DeadLetter != nil {
				d.allow(acl.Topic, t.DeadLetter.Name, acl.Write, "writes the dead letters of %s", t.Name)
			}
			for _, r := range t.Retries {
				d.allow(acl.Topic, r.Topic.Name, acl.Write, "has events of %s wait there that are tried again", t.Name)
				d.reads(r.Topic.Name, "tries events of %s again in group %s", t.Name, g.Name)
			}
		}
	}
}

// consumed are the event types of a topic that the service consumes.
func (d *derivation) consumed(t *schema.Topic) []string {
	var types []string
	for _, e := range t.Events {
		if d.consumes(e) {
			types = append(types, e.Type)
		}
	}
	return types
}

// calling is what a caller asks for, which reads without a group.
func (d *derivation) calling() {
	for _, e := range d.set.Events() {
		if e.Reply == nil || e.Topic == nil || e.Reply.Topic == nil || !d.publishes(e) || !d.consumes(e.Reply) {
			continue
		}
		d.reads(e.Reply.Topic.Name, "awaits %s, the reply to %s", e.Reply.Type, e.Type)
		if letters := e.Topic.DeadLetter; letters != nil {
			d.reads(letters.Name, "learns that a %s was given up", e.Type)
		}
	}
}

// calls says whether the service awaits replies.
func (d *derivation) calls() bool {
	return slices.ContainsFunc(d.set.Events(), func(e *schema.Event) bool { return e.Reply != nil && d.publishes(e) && d.consumes(e.Reply) })
}

// deadLetters are of the services that the schemas name for the events of dead-letter topics.
func (d *derivation) deadLetters() {
	for _, t := range d.set.Topics {
		for _, e := range t.Events {
			if len(t.DeadLetterOf) == 0 || e.Topic != nil {
				continue
			}
			if d.consumes(e) {
				d.reads(t.Name, "reads %s", e.Type)
				d.reads(d.own.Resolutions, "tells which dead letters are resolved")
			}
			if !d.publishes(e) {
				continue
			}
			for _, source := range t.DeadLetterOf {
				if slices.ContainsFunc(source.Events, d.publishes) {
					d.allow(acl.Topic, t.Name, acl.Write, "publishes %s of what it could not publish to %s", e.Type, source.Name)
				}
			}
		}
	}
}

// withoutGroups is what the service consumes, and has neither a group nor a call for.
func (d *derivation) withoutGroups() {
	for _, e := range d.set.Events() {
		if e.Topic == nil || !d.consumes(e) || len(d.groupsOn(e.Topic.Name)) > 0 {
			continue
		}
		switch {
		case e.Role == schema.RoleStatus && d.calls():
			d.reads(e.Topic.Name, "watches %s while it awaits a reply", e.Type)
		case d.at[place{acl.Topic, e.Topic.Name, acl.Read}] == nil:
			d.reads(e.Topic.Name, "consumes %s", e.Type)
			d.note("%s consumes %s, and no consumer group of topic %s has it as its owner: it may read the topic, and be a member of no group",
				d.service, e.Type, e.Topic.Name)
		}
	}
}

// encrypting is what the keys of encrypted fields need: who publishes makes some, who consumes follows them.
func (d *derivation) encrypting() {
	for _, e := range d.set.Events() {
		classes := strings.Join(d.set.SealedKeys(e.Message), ", ")
		if classes == "" {
			continue
		}
		if d.publishes(e) {
			d.allow(acl.Topic, d.own.Keys, acl.Read, "follows the keys (%s) that %s is encrypted with", classes, e.Type)
			d.allow(acl.Topic, d.own.Keys, acl.Write, "makes keys (%s) to encrypt %s with", classes, e.Type)
		}
		if d.consumes(e) || len(e.ConsumedBy) == 0 && e.Topic != nil && len(d.groupsOn(e.Topic.Name)) > 0 {
			d.allow(acl.Topic, d.own.Keys, acl.Read, "follows the keys (%s) to decrypt %s", classes, e.Type)
		}
	}
}

// using is what the schemas don't tell of.
func (d *derivation) using() {
	if d.has(Transactions) {
		for _, g := range d.groups() {
			id := d.allow(acl.TransactionalID, trestle.TransactionalIDPrefix+g.Name+"-", acl.Write, "publishes in the transactions of group %s's commits", g.Name)
			id.Prefixed = true
			for _, other := range d.set.Groups {
				if other.Owner != d.service && strings.HasPrefix(other.Name, g.Name+"-") {
					d.note("transactional ids of group %s begin as those of %s do, so that %s may write them, too", other.Name, g.Name, d.service)
				}
			}
		}
	}
	if published := d.published(); len(published) > 0 && d.has(Outbox) {
		id := d.allow(acl.TransactionalID, outbox.TransactionalIDPrefix, acl.Write, "relays its outbox")
		id.Prefixed = true
		for _, e := range published {
			d.reads(e.Topic.Name, "finds out whether what its outbox relayed is there")
		}
		d.note("transactional ids of all outboxes begin with %s: a service with one may end another's transactions", outbox.TransactionalIDPrefix)
	}
	for _, t := range d.set.Topics {
		handles := len(d.groupsOn(t.Name)) > 0
		if t.DeadLetter == nil || !handles && !slices.ContainsFunc(t.DeadLetter.Events, d.consumes) {
			continue
		}
		letters := t.DeadLetter.Name
		if handles && d.has(HeldKeys) {
			d.reads(letters, "finds out which keys of %s are held", t.Name)
			d.reads(d.own.Resolutions, "tells which dead letters are resolved")
		}
		if handles && d.has(BreakerReplay) || d.has(Replay) {
			d.reads(letters, "replays dead letters of %s", t.Name)
			d.allow(acl.Topic, t.Name, acl.Write, "replays dead letters there")
			d.reads(d.own.Resolutions, "tells which dead letters are resolved")
			d.allow(acl.Topic, d.own.Resolutions, acl.Write, "notes which dead letters it has replayed")
			d.allow(acl.TransactionalID, replay.TransactionalID(letters), acl.Write, "replays each dead letter once")
		}
	}
}
