package python

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// topics writes the module of all topics.
func (p *project) topics() (output.File, error) {
	list := slices.Clone(p.set.Topics)
	slices.SortFunc(list, func(a, b *schema.Topic) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	b.WriteString("\"\"\"The topics that the schemas declare.\"\"\"\n\nfrom __future__ import annotations\n\n")
	b.WriteString("from collections.abc import Mapping\nfrom typing import Final\n\nfrom ._support.events import ")
	if slices.ContainsFunc(list, func(t *schema.Topic) bool { return len(t.Retries) > 0 }) {
		b.WriteString("RetryTopic, ")
	}
	b.WriteString("Topic\n")
	for _, t := range list {
		deadLetter := "None"
		if t.DeadLetter != nil {
			deadLetter = quote(t.DeadLetter.Name)
		}
		var types []string
		for _, e := range t.Events {
			types = append(types, e.Type)
		}
		slices.Sort(types)
		limit := "None"
		if t.Settings.MaxMessageBytes != 0 {
			limit = fmt.Sprint(t.Settings.MaxMessageBytes)
		}
		retention := t.Settings.Retention.Milliseconds()
		if t.Settings.Retention < 0 {
			retention = -1
		}
		fmt.Fprintf(&b, "\n%s: Final = Topic(\n", p.given.topics[t.Name])
		fmt.Fprintf(&b, "    name=%s,\n    dead_letter=%s,\n    event_types=%s,\n", quote(t.Name), deadLetter, tuple(slices.Compact(types)))
		fmt.Fprintf(&b, "    partitions=%d,\n    retention_ms=%d,\n", t.Settings.Partitions, retention)
		fmt.Fprintf(&b, "    cleanup_policy=%s,\n    compression_type=%s,\n", quote(t.Settings.CleanupPolicy), quote(t.Settings.CompressionType))
		fmt.Fprintf(&b, "    max_message_bytes=%s,\n", limit)
		if len(t.Retries) > 0 {
			b.WriteString("    retries=(\n")
			for _, r := range t.Retries {
				fmt.Fprintf(&b, "        RetryTopic(topic=%s, delay_ms=%d, attempts=%d),\n", quote(r.Topic.Name), r.Delay.Milliseconds(), r.Attempts)
			}
			b.WriteString("    ),\n")
		}
		if t.RetryOf != nil {
			fmt.Fprintf(&b, "    retry_of=%s,\n", quote(t.RetryOf.Name))
		}
		b.WriteString(")\n")
	}
	b.WriteString("\nTOPICS: Final[Mapping[str, Topic]] = {\n")
	for _, t := range list {
		fmt.Fprintf(&b, "    %s: %s,\n", quote(t.Name), p.given.topics[t.Name])
	}
	b.WriteString("}\n\"\"\"All of them, by name.\"\"\"\n")
	return p.file("topics.py", b.String()), nil
}

// groups writes the module of all consumer groups.
func (p *project) groups() (output.File, error) {
	list := slices.Clone(p.set.Groups)
	slices.SortFunc(list, func(a, b *schema.Group) int { return strings.Compare(a.Name, b.Name) })
	var b strings.Builder
	b.WriteString("\"\"\"The consumer groups that the schemas declare.\"\"\"\n\nfrom __future__ import annotations\n\n")
	b.WriteString("from collections.abc import Mapping\nfrom typing import Final\n\nfrom ._support.events import ConsumerGroup\n")
	for _, g := range list {
		fmt.Fprintf(&b, "\n%s: Final = ConsumerGroup(\n    name=%s,\n    topics=(\n", p.given.groups[g.Name], quote(g.Name))
		for _, t := range g.Topics {
			fmt.Fprintf(&b, "        %s,\n", quote(t))
		}
		fmt.Fprintf(&b, "    ),\n    auto_offset_reset=%s,\n    enable_auto_commit=%s,\n", quote(g.AutoOffsetReset), pythonBool(g.EnableAutoCommit))
		fmt.Fprintf(&b, "    session_timeout_ms=%d,\n    heartbeat_interval_ms=%d,\n    owner=%s,\n",
			g.SessionTimeout.Milliseconds(), g.HeartbeatInterval.Milliseconds(), quote(g.Owner))
		if retries := p.retryTopics(g); len(retries) > 0 {
			b.WriteString("    retry_topics=(\n")
			for _, t := range retries {
				fmt.Fprintf(&b, "        %s,\n", quote(t))
			}
			b.WriteString("    ),\n")
		}
		b.WriteString(")\n")
	}
	b.WriteString("\nGROUPS: Final[Mapping[str, ConsumerGroup]] = {\n")
	for _, g := range list {
		fmt.Fprintf(&b, "    %s: %s,\n", quote(g.Name), p.given.groups[g.Name])
	}
	b.WriteString("}\n\"\"\"All of them, by name.\"\"\"\n")
	return p.file("groups.py", b.String()), nil
}

// retryTopics are those of a group's topics.
func (p *project) retryTopics(g *schema.Group) (names []string) {
	for _, name := range g.Topics {
		if t := p.set.Topic(name); t != nil {
			for _, r := range t.Retries {
				names = append(names, r.Topic.Name)
			}
		}
	}
	return names
}

// events are the events of all packages, by type, then by full name.
func (p *project) events() []*schema.Event {
	var list []*schema.Event
	for _, pkg := range p.packages {
		list = append(list, pkg.Events...)
	}
	slices.SortStableFunc(list, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	return list
}

// eventTypes writes the module of the event types' names.
func (p *project) eventTypes() (output.File, error) {
	list := p.events()
	var b strings.Builder
	b.WriteString("\"\"\"The event types that the schemas declare, as they are on the wire.\"\"\"\n\nfrom typing import Final\n\n")
	last := ""
	for _, e := range list {
		if e.Type != last {
			fmt.Fprintf(&b, "%s: Final = %s\n", p.given.types[e.Type], quote(e.Type))
		}
		last = e.Type
	}
	return p.file("event_types.py", b.String()), nil
}

// public are the names of _support that the package offers.
var public = []struct {
	from  string
	names []string
}{
	{"errors", []string{"Fault", "InvalidEventError", "NoKeysError", "NotJSONError", "RecordError", "TooLargeError", "UnavailableError", "UnknownEventTypeError"}},
	{"events", []string{"Catalog", "ConsumerGroup", "Envelope", "Event", "EventInfo", "Received", "Record", "RetryTopic", "Source", "Topic"}},
	{"model", []string{"Model"}},
	{"sealed", []string{"Keys", "Unavailable"}},
}

// front writes the package's front: what most users import, and all events.
func (p *project) front() (output.File, error) {
	var b strings.Builder
	b.WriteString(`"""Events as pydantic models, and the records that carry them.

to_record of an event makes its record; parse_record reads one of any event. The models stand in a module a schema
package.
"""

from __future__ import annotations

from typing import Final

from . import event_types, groups, topics
`)
	var all []string
	for _, source := range public {
		b.WriteString(importStatement("._support."+source.from, source.names))
		all = append(all, source.names...)
	}
	var entries strings.Builder
	modules := map[*schema.Package]bool{}
	for _, e := range p.events() {
		modules[e.Package] = true
		fmt.Fprintf(&entries, "    _%s.%s,\n", p.given.aliases[e.Package], p.className(e.Message))
	}
	for _, pkg := range p.packages {
		if modules[pkg] {
			parts := p.given.modules[pkg]
			fmt.Fprintf(&b, "from .%s import %s as _%s\n", strings.Join(parts[:len(parts)-1], "."), parts[len(parts)-1], p.given.aliases[pkg])
		}
	}
	b.WriteString("\nEVENTS: Final[tuple[type[Event], ...]] = (\n" + entries.String() + ")\n\"\"\"The events of all schema packages, by type.\"\"\"\n")
	b.WriteString("\nCATALOG: Final = Catalog(EVENTS)\n\nparse_record = CATALOG.parse\n\n")
	all = append(all, "CATALOG", "EVENTS", "event_types", "groups", "parse_record", "topics")
	slices.SortFunc(all, func(a, b string) int { // constants, classes, then the rest
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	b.WriteString("__all__ = [\n")
	for _, name := range all {
		fmt.Fprintf(&b, "    %s,\n", quote(name))
	}
	b.WriteString("]\n")
	return p.file("__init__.py", b.String()), nil
}

func rank(name string) int {
	switch {
	case strings.ToUpper(name) == name:
		return 0
	case strings.ToUpper(name[:1]) == name[:1]:
		return 1
	}
	return 2
}
