package asyncapi

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

func (d *document) channels() *object {
	out := &object{}
	for _, t := range d.set.Topics {
		o := &object{}
		o.Set("address", t.Name)
		o.SetText("description", describe(t))
		messages := &object{}
		for _, e := range sortedEvents(t) {
			messages.Set(d.keys[e], reference("components", "messages", d.keys[e]))
		}
		if messages.Len() > 0 {
			o.Set("messages", messages)
		}
		kind := ""
		if len(t.DeadLetterOf) > 0 {
			kind = "dead letter"
		}
		if t.RetryOf != nil {
			kind = "retry"
		}
		pkg := ""
		if t.Package != nil {
			pkg = t.Package.Name
		}
		if list := tags(pkg, kind); len(list) > 0 {
			o.Set("tags", list)
		}
		o.Set("bindings", kafka(topicBinding(t)))
		if t.DeadLetter != nil {
			o.Set("x-dead-letter", t.DeadLetter.Name)
		}
		var retries []string
		for _, r := range t.Retries {
			retries = append(retries, r.Topic.Name)
		}
		if len(retries) > 0 {
			o.Set("x-retries", retries)
		}
		out.Set(t.Name, o)
	}
	return out
}

// describe says what a topic is for.
func describe(t *schema.Topic) string {
	if text := output.Prose(t.Description); text != "" {
		return text
	}
	var types []string
	for _, e := range sortedEvents(t) {
		types = append(types, e.Type)
	}
	if len(types) == 0 {
		return ""
	}
	return "Carries " + strings.Join(slices.Compact(types), ", ") + "."
}

func sortedEvents(t *schema.Topic) []*schema.Event {
	list := slices.Clone(t.Events)
	slices.SortStableFunc(list, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	return slices.Compact(list)
}

func kafka(binding *object) *object {
	binding.Set("bindingVersion", bindingVersion)
	o := &object{}
	o.Set("kafka", binding)
	return o
}

// topicBinding is a topic's settings. Replicas are the environment's.
func topicBinding(t *schema.Topic) *object {
	s := t.Settings
	config := &object{}
	if s.CleanupPolicy != "" {
		policies := strings.Split(s.CleanupPolicy, ",")
		for i, p := range policies {
			policies[i] = strings.TrimSpace(p)
		}
		config.Set("cleanup.policy", policies)
	}
	switch {
	case s.Retention < 0:
		config.Set("retention.ms", -1)
	case s.Retention > 0:
		config.Set("retention.ms", s.Retention.Milliseconds())
	}
	if s.MaxMessageBytes > 0 {
		config.Set("max.message.bytes", s.MaxMessageBytes)
	}
	config.SetText("compression.type", s.CompressionType)
	o := &object{}
	o.Set("topic", t.Name)
	if s.Partitions > 0 {
		o.Set("partitions", s.Partitions)
	}
	if config.Len() > 0 {
		o.Set("topicConfiguration", config)
	}
	return o
}

// operations lists what each service does with each event on each topic, by key.
func (d *document) operations() *object {
	all := map[string]*object{}
	for _, t := range d.set.Topics {
		for _, e := range sortedEvents(t) {
			for _, service := range e.PublishedBy {
				d.operation(all, service, "send", e, t, nil)
			}
			for _, service := range e.ConsumedBy {
				d.operation(all, service, "receive", e, t, d.groupsOf(service, t))
			}
		}
	}
	out := &object{}
	for _, key := range sortedKeys(all) {
		out.Set(key, all[key])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// groupsOf names the consumer groups with which a service reads a topic.
func (d *document) groupsOf(service string, t *schema.Topic) []string {
	var names []string
	for _, g := range d.set.Groups {
		if g.Owner == service && slices.Contains(g.Topics, t.Name) {
			names = append(names, g.Name)
		}
	}
	return names
}

var verbs = map[string]string{"send": "publishes", "receive": "consumes"}

func (d *document) operation(all map[string]*object, service, action string, e *schema.Event, t *schema.Topic, groups []string) {
	key := component(service) + "." + action + "." + d.keys[e]
	if e.Topic == nil {
		key += "." + component(t.Name)
	}
	o := &object{}
	o.Set("action", action)
	o.Set("channel", reference("channels", t.Name))
	o.Set("title", service+" "+verbs[action]+" "+e.Type)
	o.Set("tags", tags(service))
	if len(groups) > 0 {
		group := &object{}
		group.Set("type", "string")
		group.Set("enum", groups)
		binding := &object{}
		binding.Set("groupId", group)
		o.Set("bindings", kafka(binding))
	}
	o.Set("messages", []*object{d.onChannel(t, e)})
	if e.Reply != nil && e.Reply.Topic != nil {
		reply := &object{}
		reply.Set("channel", reference("channels", e.Reply.Topic.Name))
		reply.Set("messages", []*object{d.onChannel(e.Reply.Topic, e.Reply)})
		o.Set("reply", reply)
	}
	all[key] = o
}

func (d *document) onChannel(t *schema.Topic, e *schema.Event) *object {
	return reference("channels", t.Name, "messages", d.keys[e])
}
