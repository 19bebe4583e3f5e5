package ops

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/omninode/trestle/tools/schema"
	"go.yaml.in/yaml/v3"
)

// ImportTopics takes over a file of topic settings, such as codegen-topics-config.yaml, into an environment of trestle.yaml: partitions, replicas,
// retention and compression of the topics that the schemas declare, where they are otherwise than the schemas say. What the schemas or a program say is
// held to the file: it is refused where it differs, as is what has no place at all. Nothing of the file is passed over in silence.
func ImportTopics(ctx context.Context, p *Project, environment, file string) (*Imported, error) {
	if p.missing != nil {
		return nil, p.missing
	}
	env, ok := p.Config.Environments[environment]
	if !ok {
		return nil, fmt.Errorf("environment %q is not in %s: name the one that the settings are for with --env", environment, p.Path(ConfigName))
	}
	env.name = environment
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, misread(file, err)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: it is no mapping of topics to their settings", file)
	}
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := env.namesOf(set); err != nil {
		return nil, err
	}
	in := &topicsImport{file: file, set: set, env: env, edited: maps.Clone(env.Topics), out: &Imported{Written: []string{}, Refused: []Refusal{}}}
	if in.edited == nil {
		in.edited = map[string]TopicSettings{}
	}
	in.each(document.Content[0], "", func(key, value *yaml.Node) {
		switch key.Value {
		case "performance":
			in.each(value, key.Value, in.performance)
		case "consumer_groups":
			in.each(value, key.Value, in.group)
		default:
			in.topic(key, value)
		}
	})
	if len(in.edits) == 0 {
		return in.out, nil
	}
	return in.out, p.editConfig(in.edit, func(c *Config) {
		env := c.Environments[environment]
		env.Topics = in.edited
		c.Environments[environment] = env
	})
}

type topicsImport struct {
	file   string
	set    *schema.Set
	env    Environment
	edited map[string]TopicSettings // what the environment is to say
	edits  []topicEdit
	out    *Imported
}

// topicEdit is one setting of a topic in trestle.yaml; with an empty value it is taken out.
type topicEdit struct{ topic, key, value string }

func (in *topicsImport) refuse(at *yaml.Node, format string, args ...any) {
	in.out.Refused = append(in.out.Refused, Refusal{in.file, fmt.Sprintf("%d:%d", at.Line, at.Column), fmt.Sprintf(format, args...)})
}

// each calls visit for the keys of a mapping; one that stands there twice counts once.
func (in *topicsImport) each(mapping *yaml.Node, what string, visit func(key, value *yaml.Node)) {
	if mapping.Kind == yaml.AliasNode {
		mapping = mapping.Alias
	}
	if mapping.Kind != yaml.MappingNode {
		in.refuse(mapping, "%s is no mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if seen[key.Value] {
			in.refuse(key, "%s stands here twice: the first counts", key.Value)
			continue
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		visit(key, value)
	}
}

func (in *topicsImport) topic(key, value *yaml.Node) {
	t := in.set.Topic(key.Value)
	if logical, ok := in.env.Names().TopicOf(key.Value); t == nil && ok {
		t = in.set.Topic(logical)
	}
	if t == nil {
		in.refuse(key, "the schemas declare no topic %s: declare it there", key.Value)
		return
	}
	in.each(value, key.Value, func(key, value *yaml.Node) { in.setting(t, key, value) })
}

func (in *topicsImport) setting(t *schema.Topic, key, value *yaml.Node) {
	overlay, declared := in.edited[t.Name], t.Settings
	switch key.Value {
	case "partitions":
		if n, ok := in.number(t, key, value, 1, 1<<31-1); ok {
			in.override(t, key.Value, n, int64(overlay.Partitions), int64(declared.Partitions))
		}
	case "replication_factor":
		if n, ok := in.number(t, key, value, 1, 1<<15-1); ok {
			in.override(t, key.Value, n, int64(overlay.ReplicationFactor), int64(in.env.ReplicationFactor))
		}
	case "retention_ms":
		if n, ok := in.number(t, key, value, -1, 1<<63-1); ok && n == 0 {
			in.refuse(value, "retention_ms of topic %s is 0: no record would be kept", t.Name)
		} else if ok {
			in.override(t, key.Value, n, overlay.RetentionMS, max(-1, declared.Retention.Milliseconds()))
		}
	case "compression_type":
		if in.text(t, key, value) {
			in.overrideText(t, key.Value, value.Value, overlay.CompressionType, declared.CompressionType)
		}
	case "cleanup_policy":
		in.declared(t, key, value, declared.CleanupPolicy)
	case "max_message_bytes":
		in.declared(t, key, value, strconv.Itoa(int(declared.MaxMessageBytes)))
	case "description":
		if value.Value != t.Description {
			in.refuse(key, "what topic %s is for stands in the schemas, in the comments of its events or its description", t.Name)
		}
	default:
		in.refuse(key, "topic %s: %s is no setting that is known here", t.Name, key.Value)
	}
}

// number reads a whole number between bounds.
func (in *topicsImport) number(t *schema.Topic, key, value *yaml.Node, least, most int64) (int64, bool) {
	var n int64
	if value.Kind != yaml.ScalarNode || value.Tag != "!!int" || value.Decode(&n) != nil || n < least || n > most {
		in.refuse(value, "%s of topic %s is %s, want a whole number from %d to %d", key.Value, t.Name, shownValue(value), least, most)
		return 0, false
	}
	return n, true
}

func (in *topicsImport) text(t *schema.Topic, key, value *yaml.Node) bool {
	if value.Kind == yaml.ScalarNode && value.Tag == "!!str" && value.Value != "" {
		return true
	}
	in.refuse(value, "%s of topic %s is %s, want a text", key.Value, t.Name, shownValue(value))
	return false
}

func shownValue(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "no single value"
	}
	return strconv.Quote(n.Value)
}

// declared refuses what is otherwise in the schemas and can't be otherwise in an environment.
func (in *topicsImport) declared(t *schema.Topic, key, value *yaml.Node, declares string) {
	if value.Value != declares {
		in.refuse(value, "%s of topic %s is %s, and %q in the schemas, for all environments: is it to be edited there?", key.Value, t.Name, shownValue(value), declares)
	}
}

func (in *topicsImport) override(t *schema.Topic, key string, value, overlay, declared int64) {
	text := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	in.overrideText(t, key, text(value), text(overlay), text(declared))
}

// overrideText has the environment say what the file does, where the schemas do not.
func (in *topicsImport) overrideText(t *schema.Topic, key, value, overlay, declared string) {
	if value == cmp.Or(overlay, declared) {
		return
	}
	if value == declared {
		value = ""
	}
	o := in.edited[t.Name]
	n, _ := strconv.ParseInt(value, 10, 64)
	switch key {
	case "partitions":
		o.Partitions = int32(n)
	case "replication_factor":
		o.ReplicationFactor = int16(n)
	case "retention_ms":
		o.RetentionMS = n
	case "compression_type":
		o.CompressionType = value
	}
	in.edited[t.Name] = o
	in.edits = append(in.edits, topicEdit{t.Name, key, value})
	in.out.Written = append(in.out.Written, fmt.Sprintf("environments.%s.topics.%s.%s: %s", in.env.name, t.Name, key, cmp.Or(value, "taken out, as the schemas say the same")))
}

// performance holds what the file says of all topics, of producers and of consumers to where that stands.
func (in *topicsImport) performance(key, value *yaml.Node) {
	if key.Value != "max_message_bytes" {
		in.refuse(key, "performance.%s is a setting of programs: they give it to their publisher or consumer as an option", key.Value)
		return
	}
	for _, t := range in.set.Topics {
		declares := strconv.Itoa(int(t.Settings.MaxMessageBytes))
		// 0 takes the brokers' default; dead letters have to be larger than what they hold.
		if declares != "0" && len(t.DeadLetterOf) == 0 && value.Value != declares {
			in.refuse(value, "performance.max_message_bytes is %s, and %q for topic %s in the schemas, for all environments: is it to be edited there?",
				shownValue(value), declares, t.Name)
			return
		}
	}
}

func (in *topicsImport) group(key, value *yaml.Node) {
	i := slices.IndexFunc(in.set.Groups, func(g *schema.Group) bool { return g.Name == key.Value })
	if i < 0 {
		in.refuse(key, "the schemas declare no consumer group %s: declare it there", key.Value)
		return
	}
	g := in.set.Groups[i]
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	declared := map[string]string{
		"auto_offset_reset": g.AutoOffsetReset, "enable_auto_commit": strconv.FormatBool(g.EnableAutoCommit),
		"session_timeout_ms": milliseconds(g.SessionTimeout), "heartbeat_interval_ms": milliseconds(g.HeartbeatInterval),
	}
	in.each(value, key.Value, func(key, value *yaml.Node) {
		declares, known := declared[key.Value]
		switch {
		case key.Value == "topics":
			var topics []string
			if err := value.Decode(&topics); err != nil || !slices.Equal(slices.Sorted(slices.Values(topics)), slices.Sorted(slices.Values(g.Topics))) {
				in.refuse(value, "consumer group %s reads other topics in the schemas, for all environments: is it to be edited there?", g.Name)
			}
		case !known:
			in.refuse(key, "consumer group %s: %s is no setting that is known here", g.Name, key.Value)
		case value.Value != declares:
			in.refuse(value, "%s of consumer group %s is %s, and %q in the schemas, for all environments: is it to be edited there?", key.Value, g.Name, shownValue(value), declares)
		}
	})
}

// edit writes the edits into trestle.yaml's document. A topic that nothing is said of any more is taken out.
func (in *topicsImport) edit(root *yaml.Node) error {
	topics, err := mappingAt(root, "environments", in.env.name, "topics")
	if err != nil {
		return err
	}
	for _, e := range in.edits {
		topic, err := mappingAt(topics, e.topic)
		if err != nil {
			return err
		}
		if e.value != "" {
			setScalar(topic, e.key, e.value)
			continue
		}
		if removeKey(topic, e.key); len(topic.Content) == 0 {
			removeKey(topics, e.topic)
			delete(in.edited, e.topic)
		}
	}
	return nil
}
