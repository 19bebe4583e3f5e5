// Package catalog generates catalog.json: every event, topic and consumer group of the schemas, for tools and people
// that read neither protobuf nor JSON Schema.
//
// The catalog is an object with the members events, topics and groups, each a list sorted by type or name. Settings
// are complete: nothing has to be inherited or defaulted by the reader. A member that has no value is left out.
package catalog

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Path is where the catalog is, below the output folder.
const Path = "catalog.json"

type object = orderedjson.Object

// Generate makes the catalog of a set.
func Generate(set *schema.Set) ([]output.File, error) { return GenerateFrom(set, digest.New(set)) }

// GenerateFrom is [Generate] with the digests of the events' schemas.
func GenerateFrom(set *schema.Set, digests *digest.Digests) ([]output.File, error) {
	listed, err := events(set, digests)
	if err != nil {
		return nil, err
	}
	root := &object{}
	root.Set("generated", output.Marker)
	root.Set("events", listed)
	root.Set("topics", topics(set))
	root.Set("groups", groups(set))
	content, err := orderedjson.Indent(root)
	if err != nil {
		return nil, err
	}
	return []output.File{{Path: Path, Content: content}}, nil
}

func events(set *schema.Set, digests *digest.Digests) ([]*object, error) {
	list := set.Events()
	slices.SortStableFunc(list, func(a, b *schema.Event) int { return strings.Compare(a.Type, b.Type) })
	out := make([]*object, 0, len(list))
	for _, e := range list {
		schemaDigest, err := digests.Event(e)
		if err != nil {
			return nil, err
		}
		o := &object{}
		o.Set("type", e.Type)
		o.Set("full_name", e.Message.FullName)
		o.Set("package", e.Package.Name)
		o.Set("language", e.Package.Language)
		o.SetText("description", output.Prose(e.Message.Doc))
		if e.Topic != nil {
			o.Set("topic", e.Topic.Name)
		}
		setList(o, "key", e.Key)
		o.SetText("data_subject", strings.Join(e.SubjectNames(), "."))
		o.Set("role", e.Role)
		if e.Reply != nil {
			o.Set("reply", e.Reply.Type)
		}
		o.Set("envelope", e.Envelope)
		o.Set("encoding", e.Encoding)
		o.Set("schema_digest", schemaDigest)
		setList(o, "published_by", e.PublishedBy)
		setList(o, "consumed_by", e.ConsumedBy)
		setDeprecated(o, e.Message.Deprecated)
		o.Set("fields", fields(e.Message, map[*schema.Message]bool{}))
		if k := keywords(e.Message.Unmodelled); k.Len() > 0 {
			o.Set("json_schema", k)
		}
		out = append(out, o)
	}
	return out, nil
}

func setList(o *object, name string, values []string) {
	if len(values) > 0 {
		o.Set(name, values)
	}
}

func setDeprecated(o *object, d *schema.Deprecation) {
	if d == nil {
		return
	}
	out := &object{}
	out.SetText("since", d.Since)
	out.SetText("reason", d.Reason)
	o.Set("deprecated", out)
}

// fields lists a message's fields. A message inside itself is named, not listed again.
func fields(m *schema.Message, around map[*schema.Message]bool) []*object {
	around[m] = true
	defer delete(around, m)
	out := make([]*object, 0, len(m.Fields))
	for _, f := range m.Fields {
		o := &object{}
		o.Set("name", f.JSONName)
		typeInto(o, f.Type, around)
		if f.Required || f.JSONRequired {
			o.Set("required", true)
		}
		if f.Nullable {
			o.Set("nullable", true)
		}
		if f.Oneof != nil {
			o.Set("oneof", f.Oneof.Name)
		}
		switch {
		case f.Default == "now":
			o.Set("default_now", true)
		case f.Default != "":
			o.Set("default", json.RawMessage(f.Default))
		}
		if f.Sensitive {
			o.Set("sensitive", true)
		}
		o.SetText("encryption_key", f.EncryptionKey)
		if f.EncryptionKey != "" && f.Deterministic {
			o.Set("deterministic", true)
		}
		o.SetText("description", output.Prose(f.Doc))
		setDeprecated(o, f.Deprecated)
		out = append(out, o)
	}
	return out
}

// typeInto describes a type: its kind, its constraints, and what it is made of.
func typeInto(o *object, t *schema.Type, around map[*schema.Message]bool) {
	o.Set("type", t.Kind)
	switch t.Kind {
	case schema.EnumKind:
		o.Set("enum", t.Enum.FullName)
		var values []*object
		for _, v := range t.Enum.Values {
			if v.JSONName == "" {
				continue
			}
			value := &object{}
			value.Set("name", v.JSONName)
			value.SetText("description", output.Prose(v.Doc))
			setDeprecated(value, v.Deprecated)
			values = append(values, value)
		}
		o.Set("values", values)
	case schema.MessageKind:
		o.Set("message", t.Message.FullName)
		if !around[t.Message] {
			o.Set("fields", fields(t.Message, around))
			if k := keywords(t.Message.Unmodelled); k.Len() > 0 {
				o.Set("json_schema", k)
			}
		}
	case schema.JSONObject:
		if t.Union != nil {
			unionInto(o, t.Union, around)
		}
	case schema.List:
		item := &object{}
		typeInto(item, t.Elem, around)
		o.Set("items", item)
	case schema.Map:
		key, value := &object{}, &object{}
		typeInto(key, t.Key, around)
		typeInto(value, t.Elem, around)
		o.Set("keys", key)
		o.Set("values", value)
	}
	if c := constraints(t.Constraints); c.Len() > 0 {
		o.Set("constraints", c)
	}
}

// unionInto lists the messages that a value is one of.
func unionInto(o *object, u *schema.Union, around map[*schema.Message]bool) {
	o.Set("union", u.FullName)
	o.Set("told_apart_by", u.Property)
	var choices []*object
	for _, v := range u.Variants {
		choice := &object{}
		choice.Set("message", v.Message.FullName)
		choice.Set(u.Property, v.Values)
		if !around[v.Message] {
			choice.Set("fields", fields(v.Message, around))
		}
		choices = append(choices, choice)
	}
	o.Set("one_of", choices)
}

// keywords are the keywords of JSON Schema that no other member tells.
func keywords(r *schema.Unmodelled) *object {
	o := &object{}
	if r != nil {
		for _, k := range r.Texts() {
			o.Set(k.Keyword, json.RawMessage(k.JSON))
		}
	}
	return o
}

func constraints(c schema.Constraints) *object {
	o := &object{}
	bound := func(b *schema.Bound, inclusive, exclusive string) {
		switch {
		case b == nil:
		case b.Exclusive:
			o.Set(exclusive, number(b.Value))
		default:
			o.Set(inclusive, number(b.Value))
		}
	}
	count := func(name string, n *uint64) {
		if n != nil {
			o.Set(name, *n)
		}
	}
	bound(c.Min, "minimum", "exclusive_minimum")
	bound(c.Max, "maximum", "exclusive_maximum")
	if c.MultipleOf != "" {
		o.Set("multiple_of", number(c.MultipleOf))
	}
	count("min_length", c.MinLen)
	count("max_length", c.MaxLen)
	o.SetText("pattern", c.Pattern)
	o.SetText("format", c.Format)
	count("min_items", c.MinItems)
	count("max_items", c.MaxItems)
	if c.Unique {
		o.Set("unique", true)
	}
	count("min_entries", c.MinPairs)
	count("max_entries", c.MaxPairs)
	if c.Const != "" {
		o.Set("const", text(c.Const))
	}
	if len(c.In) > 0 {
		o.Set("in", texts(c.In))
	}
	if len(c.NotIn) > 0 {
		o.Set("not_in", texts(c.NotIn))
	}
	if k := keywords(c.Unmodelled); k.Len() > 0 {
		o.Set("json_schema", k)
	}
	return o
}

// number writes a bound as a number, or as text where JSON has no such number, as for infinity.
func number(value string) any { return text(value) }

func text(value string) any {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	return value
}

func texts(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = text(v)
	}
	return out
}

func topics(set *schema.Set) []*object {
	list := slices.Clone(set.Topics)
	slices.SortFunc(list, func(a, b *schema.Topic) int { return strings.Compare(a.Name, b.Name) })
	out := make([]*object, 0, len(list))
	for _, t := range list {
		o := &object{}
		o.Set("name", t.Name)
		o.SetText("description", t.Description)
		o.Set("partitions", t.Settings.Partitions)
		retention := t.Settings.Retention.Milliseconds()
		if t.Settings.Retention < 0 {
			retention = -1
		}
		o.Set("retention_ms", retention)
		o.SetText("cleanup_policy", t.Settings.CleanupPolicy)
		o.SetText("compression_type", t.Settings.CompressionType)
		if t.Settings.MaxMessageBytes > 0 {
			o.Set("max_message_bytes", t.Settings.MaxMessageBytes)
		}
		if t.DeadLetter != nil {
			o.Set("dead_letter", t.DeadLetter.Name)
		}
		var retries []*object
		for _, r := range t.Retries {
			retry := &object{}
			retry.Set("topic", r.Topic.Name)
			retry.Set("delay_ms", r.Delay.Milliseconds())
			retry.Set("attempts", r.Attempts)
			retries = append(retries, retry)
		}
		if len(retries) > 0 {
			o.Set("retries", retries)
		}
		if t.RetryOf != nil {
			o.Set("retry_of", t.RetryOf.Name)
		}
		var sources []string
		for _, source := range t.DeadLetterOf {
			sources = append(sources, source.Name)
		}
		slices.Sort(sources)
		setList(o, "dead_letter_of", sources)
		var types []string
		for _, e := range t.Events {
			types = append(types, e.Type)
		}
		slices.Sort(types)
		setList(o, "event_types", slices.Compact(types))
		out = append(out, o)
	}
	return out
}

func groups(set *schema.Set) []*object {
	list := slices.Clone(set.Groups)
	slices.SortFunc(list, func(a, b *schema.Group) int { return strings.Compare(a.Name, b.Name) })
	out := make([]*object, 0, len(list))
	for _, g := range list {
		o := &object{}
		o.Set("name", g.Name)
		o.SetText("owner", g.Owner)
		o.Set("topics", g.Topics)
		o.SetText("auto_offset_reset", g.AutoOffsetReset)
		o.Set("enable_auto_commit", g.EnableAutoCommit)
		o.Set("session_timeout_ms", g.SessionTimeout.Milliseconds())
		o.Set("heartbeat_interval_ms", g.HeartbeatInterval.Milliseconds())
		out = append(out, o)
	}
	return out
}
