package golang

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/genapi"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/schema"
)

// infoName is the variable that holds an event's description.
func infoName(goName string) string { return "info" + goName }

// topicNames are the variables of a package's topics.
func topicNames(topics []*schema.Topic) map[*schema.Topic]string {
	given, names := naming.NewDistinct(), make(map[*schema.Topic]string, len(topics))
	for _, t := range topics {
		names[t] = given.Name("topic" + camel(t.Name))
	}
	return names
}

// eventMethods writes what makes a message an event.
func (g *file) eventMethods(e *schema.Event, goName string) {
	g.p("// EventInfo describes the event type %s. It works on a nil receiver.", e.Type)
	g.p("func (*%s) EventInfo() *%s { return &%s }\n", goName, g.trestle("EventInfo"), infoName(goName))
	g.shareEnvelope(e, goName)
	g.partitionKey(e, goName)
}

// shared are the envelope's members that a payload may carry too: the field's name, its name in [wire.Envelope], and
// whether a difference is a fault.
var shared = map[schema.Envelope][]struct {
	field, member string
	time          bool
}{
	schema.EnvelopeOnexV1: {
		{"correlation_id", "CorrelationID", false}, {"session_id", "SessionID", false}, {"timestamp", "Timestamp", true},
	},
	schema.EnvelopeBaseEvent: {
		{"correlation_id", "CorrelationID", false}, {"trace_id", "TraceID", false},
	},
}

// shareEnvelope writes the method that fills payload and envelope from each other.
func (g *file) shareEnvelope(e *schema.Event, goName string) {
	var lines []string
	for _, s := range shared[e.Envelope] {
		f := e.Message.Field(s.field)
		if f == nil || f.Oneof != nil {
			continue
		}
		switch {
		case s.time && f.Type.Kind == schema.Timestamp:
			lines = append(lines, g.shareTime(g.view(f))...)
		case !s.time && f.Type.Kind == schema.String:
			lines = append(lines, g.shareID(g.view(f), "env."+s.member)...)
		}
	}
	g.p("// ShareEnvelope fills what the payload lacks from the envelope, and the other way round.")
	if len(lines) == 0 {
		g.p("// They have no field in common.")
		g.p("func (x *%s) ShareEnvelope(*%s, *%s) {}\n", goName, g.trestle("Envelope"), g.trestle("Violations"))
		return
	}
	g.p("// An id that differs between them is a violation.")
	g.p("func (x *%s) ShareEnvelope(env *%s, v *%s) {", goName, g.trestle("Envelope"), g.trestle("Violations"))
	g.p("%s", strings.Join(lines, "\n"))
	g.p("}\n")
}

func (g *file) shareID(v view, member string) []string {
	absent, set := v.hasNot, v.expr+" = "+member
	if v.pointer {
		absent, set = v.expr+" == nil", v.expr+" = new("+member+")"
	}
	if absent == "" {
		absent = v.value + ` == ""`
	}
	found := v.value
	if v.Sensitive {
		found = "nil"
	}
	fill := []string{set}
	if v.pointer { // an empty id is absent
		fill = guarded("if "+member+` != "" {`, fill)
	}
	lines := append([]string{"switch {", "case " + absent + ":"}, fill...)
	return append(lines,
		"case "+member+` == "":`,
		member+" = "+v.value,
		"case !"+g.std("strings", "EqualFold")+"("+v.value+", "+member+"):",
		"v.Add("+goString(v.JSONName)+", \"envelope.equal\", "+goString("must equal the envelope's "+v.JSONName)+", "+found+")",
		"}")
}

func (g *file) shareTime(v view) []string {
	absent, value, set := v.expr+".IsZero()", v.value, v.expr+" = env.Timestamp"
	switch {
	case g.proto():
		absent, value = v.expr+" == nil", v.expr+".AsTime()"
		set = v.expr + " = " + g.pkg(tspbPath, "timestamppb") + ".New(env.Timestamp)"
	case v.pointer:
		absent, set = v.expr+" == nil", v.expr+" = new(env.Timestamp)"
	}
	return []string{
		"switch {",
		"case " + absent + ":",
		"if !env.Timestamp.IsZero() {",
		set,
		"}",
		"case env.Timestamp.IsZero():",
		"env.Timestamp = " + value,
		"}",
	}
}

// envelopeKeys are the key paths that an envelope has.
var envelopeKeys = map[string]string{
	"correlation_id": "CorrelationID", "session_id": "SessionID", "event_id": "EventID", "trace_id": "TraceID",
	"event_type": "EventType", "source.service_name": "Source.ServiceName",
	"source.service_version": "Source.ServiceVersion", "source.instance_id": "Source.InstanceID",
}

// partitionKey writes the method that finds the record's key.
func (g *file) partitionKey(e *schema.Event, goName string) {
	var lines []string
	usesEnvelope := false
	for _, key := range e.Key {
		expr, conds := g.payloadKey(e.Message, key)
		if expr != "" {
			conds = append(conds, expr+` != ""`)
			lines = append(lines, "if "+strings.Join(conds, " && ")+" {", "return "+expr, "}")
		}
		if member := envelopeKeys[key]; member != "" && e.Envelope != schema.EnvelopeNone {
			usesEnvelope = true
			lines = append(lines, "if env."+member+` != "" {`, "return env."+member, "}")
		}
	}
	param := "*"
	if usesEnvelope {
		param = "env *"
	}
	if len(e.Key) == 0 {
		g.p("// PartitionKey returns no key: the schema names none.")
	} else {
		g.p("// PartitionKey returns the first of these that is set: %s.", strings.Join(e.Key, ", "))
	}
	g.p("func (x *%s) PartitionKey(%s%s) string {", goName, param, g.trestle("Envelope"))
	if len(lines) > 0 {
		g.p("%s", strings.Join(lines, "\n"))
	}
	g.p("return \"\"")
	g.p("}\n")
}

// payloadKey is the expression of a key path in the payload, and the conditions under which it may be read; empty when
// the payload has no such path, or not of a type that is a key.
func (g *file) payloadKey(m *schema.Message, key string) (expr string, conds []string) {
	expr = "x"
	parts := strings.Split(key, ".")
	for i, part := range parts {
		f := m.Field(part)
		if f == nil || f.Oneof != nil {
			return "", nil
		}
		v := g.view(f)
		at := expr + strings.TrimPrefix(v.expr, "x")
		if i < len(parts)-1 {
			if f.Type.Kind != schema.MessageKind {
				return "", nil
			}
			if v.has != "" {
				conds = append(conds, at+" != nil")
			}
			m, expr = f.Type.Message, at
			continue
		}
		if v.pointer {
			conds = append(conds, at+" != nil")
			at = "*" + at
		}
		if f.Type.Kind != schema.String {
			return "", nil
		}
		return at, conds
	}
	return "", nil
}

// packageFile writes what a package has once: the guard against an old runtime, its events, topics and groups, its patterns.
func packageFile(set *schema.Set, pkg *schema.Package, names *protoNames, json *jsonNames, shared *patterns, opts Options) ([]unformatted, error) {
	g := &file{writer: newWriter(pkg, "", shared), set: set, owner: pkg, names: names, json: json}
	if names != nil {
		g.writer = newProtoWriter(pkg, "", shared, names)
	}
	g.guard = "// Not found? The package was generated for another version of the runtime: run trestle generate, or take its version.\n" +
		"import _ " + strconv.Quote(genapi.Version) + "\n\n"
	var topics []*schema.Topic
	for _, t := range set.Topics {
		if t.Package == pkg {
			topics = append(topics, t)
		}
	}
	slices.SortFunc(topics, func(a, b *schema.Topic) int { return strings.Compare(a.Name, b.Name) })
	variables := topicNames(topics)
	if err := g.events(variables, opts.Digests); err != nil {
		return nil, err
	}
	g.topics(topics, variables)
	g.groups()
	g.masks()
	if err := g.conversations(); err != nil {
		return nil, err
	}
	g.patternFunctions()
	return []unformatted{g.finish(layoutOf(pkg).path("", "trestle.go"), "package "+pkg.Name)}, nil
}

// events writes the descriptions of the package's events.
func (g *file) events(topics map[*schema.Topic]string, digests *digest.Digests) error {
	if len(g.owner.Events) == 0 {
		return nil
	}
	name := g.function("Events")
	g.p("// %s returns the descriptions of the package's events, in the order of the schemas. They must not be changed.", name)
	g.p("func %s() []*%s {", name, g.trestle("EventInfo"))
	g.p("return []*%s{", g.trestle("EventInfo"))
	for _, e := range g.owner.Events {
		g.p("&%s,", infoName(g.messageType(e.Message)))
	}
	g.p("}")
	g.p("}\n")
	g.p("var (")
	for _, e := range g.owner.Events {
		if err := g.eventInfo(e, topics, digests); err != nil {
			return err
		}
	}
	g.p(")\n")
	return nil
}

var roleNames = map[schema.Role]string{
	schema.RoleRequest: "RoleRequest", schema.RoleResponse: "RoleResponse", schema.RoleStatus: "RoleStatus",
	schema.RoleEvent: "RoleEvent", schema.RoleDeadLetter: "RoleDeadLetter",
}

var envelopeNames = map[schema.Envelope]string{
	schema.EnvelopeOnexV1: "OnexV1", schema.EnvelopeBaseEvent: "BaseEvent", schema.EnvelopeNone: "None",
}

func (g *file) eventInfo(e *schema.Event, topics map[*schema.Topic]string, digests *digest.Digests) error {
	goName := g.messageType(e.Message)
	role, ok := roleNames[e.Role]
	if !ok {
		return refuse(e.Pos, e.Type, "unknown role %q", e.Role)
	}
	envelope, ok := envelopeNames[e.Envelope]
	if !ok {
		return refuse(e.Pos, e.Type, "unknown envelope %q", e.Envelope)
	}
	encoding := "JSON"
	if e.Encoding == schema.EncodingProtobuf {
		encoding = "Protobuf"
	}
	schemaDigest, err := digests.Event(e)
	if err != nil {
		return &undigestedError{err}
	}
	g.p("%s = %s{", infoName(goName), g.trestle("EventInfo"))
	g.p("Type: %s,", goString(e.Type))
	g.p("FullName: %s,", goString(e.Message.FullName))
	g.p("Role: %s,", g.trestle(role))
	g.p("Envelope: %s.%s,", g.pkg(wirePath, "wire"), envelope)
	g.p("Encoding: %s,", g.trestle(encoding))
	if e.Topic != nil {
		if name := topics[e.Topic]; name != "" {
			g.p("Topic: &%s,", name)
		} else {
			g.p("Topic: &%s{", g.trestle("TopicInfo"))
			g.topicMembers(e.Topic)
			g.p("},")
		}
	}
	if e.Reply != nil {
		g.p("Reply: %s,", goString(e.Reply.Type))
	}
	g.p("SchemaDigest: %s,", goString(schemaDigest))
	if e.Message.HasBinary() {
		g.p("MessageIndexes: []int{%s},", messageIndexes(e.Message.Proto))
	}
	if e.Message.HoldsSensitive {
		g.p("Masks: masks,")
	}
	if slices.ContainsFunc(e.Key, func(key string) bool { return e.Message.SensitivePath(strings.Split(key, ".")) }) {
		g.p("SensitiveKey: true,")
	}
	g.encryption(e, goName)
	if e.KeyedByCorrelation() {
		g.p("KeyedByCorrelation: true,")
	}
	if e.Message.RuledTimes() {
		g.p("RuledTimes: true,")
	}
	g.p("New: func() %s { return new(%s) },", g.trestle("Event"), goName)
	g.schemaVersion(e, goName)
	g.p("}")
	return nil
}

// encryption writes by which classes of keys fields of an event are encrypted, and whom it is about.
func (g *file) encryption(e *schema.Event, goName string) {
	var keys []string
	for _, key := range g.set.SealedKeys(e.Message) {
		keys = append(keys, goString(key))
	}
	if len(keys) > 0 {
		g.p("SealedKeys: []string{%s},", strings.Join(keys, ", "))
	}
	if e.DataSubject == nil {
		return
	}
	g.p("DataSubject: func(e %s) string {", g.trestle("Event"))
	defer g.p("},")
	at := "e.(*" + goName + ")"
	if g.proto() {
		for _, f := range e.DataSubject {
			at += ".Get" + g.names.fields[string(f.Proto.FullName())].GoName + "()"
		}
		g.p("return %s", at)
		return
	}
	g.p("x := %s", at)
	at = "x"
	var conds []string
	for _, f := range e.DataSubject {
		v := g.view(f)
		at += strings.TrimPrefix(v.expr, "x")
		if v.has != "" && (v.pointer || f.Type.Kind == schema.MessageKind) {
			conds = append(conds, at+" != nil")
		}
		if v.pointer && f.Type.Kind == schema.String {
			at = "*" + at
		}
	}
	if len(conds) == 0 {
		g.p("return %s", at)
		return
	}
	g.p("if %s {", strings.Join(conds, " && "))
	g.p("return %s", at)
	g.p("}")
	g.p(`return ""`)
}

// schemaVersion writes the version of its schema that an event carries, and how it is read.
func (g *file) schemaVersion(e *schema.Event, goName string) {
	version, f := e.SchemaVersion(), e.Message.Field(schema.VersionField)
	if version == "" || f.Type.Kind != schema.String || f.Oneof != nil {
		return
	}
	v := g.view(f)
	carried := fmt.Sprintf("e.(*%s).%s", goName, strings.TrimPrefix(v.expr, "x."))
	g.p("SchemaVersion: %s,", goString(version))
	g.p("VersionOf: func(e %s) string {", g.trestle("Event"))
	switch {
	case g.proto():
		g.p("return e.(*%s).Get%s()", goName, strings.TrimPrefix(v.expr, "x."))
	case v.pointer:
		g.p("if version := %s; version != nil {", carried)
		g.p("return *version")
		g.p("}")
		g.p(`return ""`)
	default:
		g.p("return %s", carried)
	}
	g.p("},")
}

// messageIndexes are the positions of a message and those around it in their file, outermost first.
func messageIndexes(desc protoreflect.MessageDescriptor) string {
	var path []string
	for {
		path = append(path, fmt.Sprint(desc.Index()))
		parent, ok := desc.Parent().(protoreflect.MessageDescriptor)
		if !ok {
			break
		}
		desc = parent
	}
	slices.Reverse(path)
	return strings.Join(path, ", ")
}

// topics writes the descriptions of the package's topics.
func (g *file) topics(topics []*schema.Topic, names map[*schema.Topic]string) {
	if len(topics) == 0 {
		return
	}
	function := g.function("Topics")
	g.p("// %s returns the descriptions of the topics that the package declares, by name. They must not be changed.", function)
	g.p("func %s() []*%s {", function, g.trestle("TopicInfo"))
	g.p("return []*%s{", g.trestle("TopicInfo"))
	for _, t := range topics {
		g.p("&%s,", names[t])
	}
	g.p("}")
	g.p("}\n")
	g.p("var (")
	for _, t := range topics {
		g.p("%s = %s{", names[t], g.trestle("TopicInfo"))
		g.topicMembers(t)
		g.p("}")
	}
	g.p(")\n")
}

func (g *file) topicMembers(t *schema.Topic) {
	g.p("Name: %s,", goString(t.Name))
	if t.DeadLetter != nil {
		g.p("DeadLetter: %s,", goString(t.DeadLetter.Name))
	}
	if len(t.Retries) > 0 {
		g.p("Retries: []%s{", g.trestle("RetryTopic"))
		for _, r := range t.Retries {
			g.p("{Name: %s, Delay: %s, Attempts: %d},", goString(r.Topic.Name), g.duration(r.Delay), r.Attempts)
		}
		g.p("},")
	}
	var types []string
	for _, e := range t.Events {
		types = append(types, goString(e.Type))
	}
	slices.Sort(types)
	if types = slices.Compact(types); len(types) > 0 {
		g.p("EventTypes: []string{%s},", strings.Join(types, ", "))
	}
	if t.Settings.MaxMessageBytes != 0 {
		g.p("MaxMessageBytes: %d,", t.Settings.MaxMessageBytes)
	}
	if t.Settings.Compacted() {
		g.p("Compacted: true,")
	}
	g.p("Partitions: %d,", t.Settings.Partitions)
	g.p("Config: map[string]string{")
	config := t.Settings.Config()
	for _, name := range slices.Sorted(maps.Keys(config)) {
		g.p("%s: %s,", goString(name), goString(config[name]))
	}
	g.p("},")
}

// groups writes the consumer groups that the package declares, by name.
func (g *file) groups() {
	names := naming.NewDistinct()
	byName := slices.SortedFunc(slices.Values(g.set.Groups), func(a, b *schema.Group) int { return strings.Compare(a.Name, b.Name) })
	for _, group := range byName {
		if group.Package != g.owner {
			continue
		}
		name := g.function(names.Name("Group" + camel(group.Name)))
		by := ""
		if group.Owner != "" {
			by = ", run by " + oneLine(group.Owner)
		}
		g.p("// %s is the consumer group %s%s. It must not be changed.", name, oneLine(group.Name), by)
		g.p("var %s = %s{", name, g.trestle("Group"))
		g.p("Name: %s,", goString(group.Name))
		if len(group.Topics) > 0 {
			g.p("Topics: []string{")
			for _, topic := range group.Topics {
				g.p("%s,", goString(topic))
			}
			g.p("},")
		}
		start := "Latest"
		if group.AutoOffsetReset == "earliest" {
			start = "Earliest"
		}
		g.p("Start: %s,", g.trestle(start))
		g.p("SessionTimeout: %s,", g.duration(group.SessionTimeout))
		g.p("HeartbeatInterval: %s,", g.duration(group.HeartbeatInterval))
		if group.EnableAutoCommit {
			g.p("AutoCommit: true,")
		}
		if group.Owner != "" {
			g.p("Owner: %s,", goString(group.Owner))
		}
		g.p("}\n")
	}
}

// duration writes a duration that is a number of milliseconds.
func (g *file) duration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d * %s", d/time.Second, g.std("time", "Second"))
	}
	return fmt.Sprintf("%d * %s", d/time.Millisecond, g.std("time", "Millisecond"))
}
