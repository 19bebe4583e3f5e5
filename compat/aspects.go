package compat

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/proto"
)

// constraintRules judge what values are allowed.
var constraintRules = []string{constraintExchanged.ID, constraintLoosened.ID, constraintTightened.ID}

var packageAspects = []aspect[schema.Package]{
	{text: func(o, n *schema.Package) string {
		return changedListText("routes of ", n.Name, routeTexts(o), routeTexts(n), ", ")
	}},
	{kind: Documented, doc: true, text: func(o, n *schema.Package) string { return docText(n.Name, o.Doc, n.Doc) }},
}

var eventAspects = []aspect[schema.Event]{
	{text: func(o, n *schema.Event) string {
		return changedText("name of ", o.Message.Name, o.Message.Name, n.Message.Name)
	}},
	{text: func(o, n *schema.Event) string {
		return changedText("package of ", n.Type, o.Package.Name, n.Package.Name)
	}},
	{rules: []string{eventTypeChanged.ID}, text: func(o, n *schema.Event) string { return changedText("event type", "", o.Type, n.Type) }},
	{rules: []string{eventTopicChanged.ID}, text: func(o, n *schema.Event) string { return changedText("topic of ", n.Type, topicName(o), topicName(n)) }},
	{rules: []string{eventKeyChanged.ID}, text: func(o, n *schema.Event) string {
		return changedListText("key of ", n.Type, o.Key, n.Key, ", else ")
	}},
	{rules: []string{eventEncodingChanged.ID}, text: func(o, n *schema.Event) string { return changedText("encoding of ", n.Type, o.Encoding, n.Encoding) }},
	{rules: []string{eventEnvelopeChanged.ID}, text: func(o, n *schema.Event) string { return changedText("envelope of ", n.Type, o.Envelope, n.Envelope) }},
	{rules: []string{eventPairingChanged.ID}, text: func(o, n *schema.Event) string { return changedText("role of ", n.Type, o.Role, n.Role) }},
	{rules: []string{eventPairingChanged.ID}, text: func(o, n *schema.Event) string { return changedText("answer of ", n.Type, replyType(o), replyType(n)) }},
	{rules: []string{eventDataSubjectChanged.ID}, text: func(o, n *schema.Event) string {
		return changedText("data subject of ", n.Type, subjectText(o), subjectText(n))
	}},
	{kind: Documented, text: func(o, n *schema.Event) string {
		return changedListText("publishers of ", n.Type, o.PublishedBy, n.PublishedBy, ", ")
	}},
	{kind: Documented, text: func(o, n *schema.Event) string {
		return changedListText("consumers of ", n.Type, o.ConsumedBy, n.ConsumedBy, ", ")
	}},
}

var messageAspects = []aspect[schema.Message]{
	{rules: append([]string{messageClosed.ID}, constraintRules...), text: func(o, n *schema.Message) string {
		return toggledText("", n.Name, " lets no undeclared property pass", o.Closed, n.Closed)
	}},
	{rules: []string{messageClosed.ID}, text: func(o, n *schema.Message) string {
		if o.Undeclared == nil && n.Undeclared == nil {
			return ""
		}
		return changedText("undeclared properties of ", n.Name, restText(o), restText(n))
	}},
	{text: func(o, n *schema.Message) string {
		return toggledText("", n.Name, " keeps unknown properties and writes them again", o.KeepUnknown, n.KeepUnknown)
	}},
	{rules: constraintRules, kind: Documented, text: func(o, n *schema.Message) string {
		if proto.Equal(o.Rules, n.Rules) {
			return ""
		}
		return "rules of " + n.Name + " are written otherwise"
	}},
	{rules: []string{reservedRemoved.ID}, kind: Documented, text: func(o, n *schema.Message) string {
		if slices.Equal(o.ReservedNumbers, n.ReservedNumbers) && slices.Equal(o.ReservedNames, n.ReservedNames) {
			return ""
		}
		return changedText("what is reserved in ", n.Name, reservedText(o), reservedText(n))
	}},
	{rules: []string{documentNotRead.ID}, text: func(o, n *schema.Message) string {
		return changedListText("keywords of ", n.Name, remainderTexts(o.Unmodelled), remainderTexts(n.Unmodelled), ", ")
	}},
	{rules: []string{deprecatedWithoutReplacement.ID}, kind: Deprecated, text: func(o, n *schema.Message) string {
		return deprecatedText(n.Name, o.Deprecated, n.Deprecated)
	}},
	{names: true, text: func(o, n *schema.Message) string { return revivedText(n.Name, o.Deprecated, n.Deprecated) }},
	{kind: Documented, doc: true, text: func(o, n *schema.Message) string { return docText(n.Name, o.Doc, n.Doc) }},
}

var fieldAspects = []aspect[schema.Field]{
	{names: true, rules: []string{fieldRenamed.ID, fieldJSONNameChanged.ID}, text: func(o, n *schema.Field) string { return changedText("name of ", o.Name, o.Name, n.Name) }},
	{rules: []string{fieldTypeChanged.ID, fieldCardinalityChanged.ID}, text: func(o, n *schema.Field) string {
		if sameKinds(o.Type, n.Type) {
			return ""
		}
		return changedText("type of ", n.Name, typeName(o.Type), typeName(n.Type))
	}},
	{names: true, text: func(o, n *schema.Field) string {
		if !sameKinds(o.Type, n.Type) || sameNames(o.Type, n.Type) {
			return ""
		}
		return changedText("type of ", n.Name, typeName(o.Type), typeName(n.Type))
	}},
	{rules: []string{fieldRequiredAdded.ID, fieldRequiredRemoved.ID, fieldNullabilityChanged.ID}, text: func(o, n *schema.Field) string {
		return toggledText("", n.Name, " must be set", o.Required || o.JSONRequired, n.Required || n.JSONRequired)
	}},
	{rules: []string{fieldNullabilityChanged.ID}, text: func(o, n *schema.Field) string {
		return toggledText("", n.Name, " may be null", o.Nullable, n.Nullable)
	}},
	{rules: []string{fieldDefaultChanged.ID}, text: func(o, n *schema.Field) string {
		if sameDefault(o.Default, n.Default) {
			return ""
		}
		return changedText("default of ", n.Name, o.Default, n.Default)
	}},
	{
		rules: []string{fieldPresenceChanged.ID, fieldCardinalityChanged.ID, fieldTypeChanged.ID, fieldOneofChanged.ID},
		text: func(o, n *schema.Field) string {
			if o.Explicit == n.Explicit || o.Type.Kind != n.Type.Kind || o.Number == 0 || n.Number == 0 {
				return ""
			}
			return n.Name + " " + presenceText(n.Explicit)
		},
	},
	{rules: []string{fieldOneofChanged.ID}, text: func(o, n *schema.Field) string {
		return changedText("oneof of ", n.Name, oneofName(o), oneofName(n))
	}},
	{rules: []string{fieldSensitiveRemoved.ID}, text: func(o, n *schema.Field) string {
		return toggledText("", n.Name, " is sensitive", o.Sensitive, n.Sensitive)
	}},
	{rules: []string{fieldEncryptionAdded.ID, fieldEncryptionRemoved.ID, fieldEncryptionKeyChanged.ID}, text: func(o, n *schema.Field) string {
		return changedText("class of keys of ", n.Name, o.EncryptionKey, n.EncryptionKey)
	}},
	{rules: []string{fieldDeterministicChanged.ID}, text: func(o, n *schema.Field) string {
		return toggledText("", n.Name, " is encrypted deterministically", o.Deterministic, n.Deterministic)
	}},
	{rules: append([]string{fieldTypeChanged.ID, fieldCardinalityChanged.ID}, constraintRules...), kind: Documented, text: func(o, n *schema.Field) string {
		if sameRules(o.Type, n.Type) {
			return ""
		}
		return "rules of " + n.Name + " are written otherwise, and allow the same"
	}},
	{rules: []string{documentNotRead.ID, fieldTypeChanged.ID}, text: func(o, n *schema.Field) string {
		return changedListText("keywords of ", n.Name, typeRemainders(o.Type), typeRemainders(n.Type), ", ")
	}},
	{rules: []string{deprecatedWithoutReplacement.ID}, kind: Deprecated, text: func(o, n *schema.Field) string {
		return deprecatedText(n.Name, o.Deprecated, n.Deprecated)
	}},
	{names: true, text: func(o, n *schema.Field) string { return revivedText(n.Name, o.Deprecated, n.Deprecated) }},
	{kind: Documented, doc: true, text: func(o, n *schema.Field) string { return docText(n.Name, o.Doc, n.Doc) }},
	{kind: Documented, text: func(o, n *schema.Field) string {
		if slices.Equal(o.Examples, n.Examples) {
			return ""
		}
		return "examples of " + n.Name + " changed"
	}},
}

var enumAspects = []aspect[schema.Enum]{
	{text: func(o, n *schema.Enum) string {
		return toggledText("", n.Name, " takes no number that it does not declare", o.Closed, n.Closed)
	}},
	{kind: Documented, doc: true, text: func(o, n *schema.Enum) string { return docText(n.Name, o.Doc, n.Doc) }},
}

var enumValueAspects = []aspect[schema.EnumValue]{
	{rules: []string{enumValueRenumbered.ID}, text: func(o, n *schema.EnumValue) string {
		return changedText("number of ", n.Name, o.Number, n.Number)
	}},
	{rules: []string{enumValueJSONNameChanged.ID}, text: func(o, n *schema.EnumValue) string {
		return changedText("JSON name of ", n.Name, o.JSONName, n.JSONName)
	}},
	{names: true, rules: []string{enumValueJSONNameChanged.ID}, text: func(o, n *schema.EnumValue) string { return changedText("name of ", o.Name, o.Name, n.Name) }},
	{rules: []string{deprecatedWithoutReplacement.ID}, kind: Deprecated, text: func(o, n *schema.EnumValue) string {
		return deprecatedText(n.Name, o.Deprecated, n.Deprecated)
	}},
	{names: true, text: func(o, n *schema.EnumValue) string { return revivedText(n.Name, o.Deprecated, n.Deprecated) }},
	{kind: Documented, doc: true, text: func(o, n *schema.EnumValue) string { return docText(n.Name, o.Doc, n.Doc) }},
}

var topicAspects = []aspect[schema.Topic]{
	{rules: []string{topicPartitionsChanged.ID}, text: func(o, n *schema.Topic) string {
		return changedText("partitions of ", n.Name, o.Settings.Partitions, n.Settings.Partitions)
	}},
	{rules: []string{topicRetentionShortened.ID}, text: func(o, n *schema.Topic) string {
		return changedText("retention of ", n.Name, keepText(o.Settings.Retention), keepText(n.Settings.Retention))
	}},
	{rules: []string{topicCleanupPolicyChanged.ID}, text: func(o, n *schema.Topic) string {
		return changedText("cleanup policy of ", n.Name, o.Settings.CleanupPolicy, n.Settings.CleanupPolicy)
	}},
	{text: func(o, n *schema.Topic) string {
		return changedText("compression of ", n.Name, o.Settings.CompressionType, n.Settings.CompressionType)
	}},
	{rules: []string{topicMessageSizeLowered.ID}, text: func(o, n *schema.Topic) string {
		return changedText("largest message of ", n.Name, sizeText(o.Settings.MaxMessageBytes), sizeText(n.Settings.MaxMessageBytes))
	}},
	{rules: []string{topicDeadLetterChanged.ID}, text: func(o, n *schema.Topic) string {
		return changedText("dead-letter topic of ", n.Name, deadLetterName(o), deadLetterName(n))
	}},
	{rules: []string{topicRetryRemoved.ID}, text: func(o, n *schema.Topic) string {
		return changedListText("retry topics of ", n.Name, retryTexts(o), retryTexts(n), ", ")
	}},
	{kind: Documented, text: func(o, n *schema.Topic) string { return docText(n.Name, o.Description, n.Description) }},
}

var groupAspects = []aspect[schema.Group]{
	{rules: []string{groupTopicRemoved.ID}, text: func(o, n *schema.Group) string {
		return changedListText("topics of ", n.Name, o.Topics, n.Topics, ", ")
	}},
	{text: func(o, n *schema.Group) string {
		return changedText("start of ", n.Name, o.AutoOffsetReset, n.AutoOffsetReset)
	}},
	{text: func(o, n *schema.Group) string {
		return toggledText("offsets of ", n.Name, " are committed by themselves", o.EnableAutoCommit, n.EnableAutoCommit)
	}},
	{text: func(o, n *schema.Group) string {
		return changedText("session timeout of ", n.Name, o.SessionTimeout, n.SessionTimeout)
	}},
	{text: func(o, n *schema.Group) string {
		return changedText("heartbeat interval of ", n.Name, o.HeartbeatInterval, n.HeartbeatInterval)
	}},
	{kind: Documented, text: func(o, n *schema.Group) string { return changedText("owner of ", n.Name, o.Owner, n.Owner) }},
}

// changedText says what something of an element changed from and to; empty when it did not.
func changedText[T comparable](what, name string, old, new T) string {
	if old == new {
		return ""
	}
	return fmt.Sprintf("%s%s changed from %s to %s", what, name, orNone(fmt.Sprint(old)), orNone(fmt.Sprint(new)))
}

func changedListText(what, name string, old, new []string, separator string) string {
	if slices.Equal(old, new) {
		return ""
	}
	return changedText(what, name, strings.Join(old, separator), strings.Join(new, separator))
}

// toggledText is the change of a demand that is there or not.
func toggledText(before, name, after string, old, new bool) string {
	if old == new {
		return ""
	}
	return toggled(old, new, before+name+after).text
}

func docText(name, old, new string) string {
	if old == new {
		return ""
	}
	return "description of " + name + " changed"
}

func deprecatedText(name string, old, new *schema.Deprecation) string {
	if old != nil || new == nil {
		return ""
	}
	text := name + " is deprecated"
	if new.Since != "" {
		text += " since " + new.Since
	}
	if new.Reason != "" {
		text += ": " + strings.TrimSuffix(new.Reason, ".")
	}
	return text
}

func revivedText(name string, old, new *schema.Deprecation) string {
	if old == nil || new != nil {
		return ""
	}
	return name + " is no longer deprecated"
}

func routeTexts(p *schema.Package) []string {
	if p.Family == nil {
		return nil
	}
	var out []string
	for _, r := range p.Family.Routes {
		out = append(out, cmp.Or(r.Prefix, "anything else")+" to "+r.Topic)
	}
	return out
}

func oneofName(f *schema.Field) string {
	if f.Oneof == nil {
		return ""
	}
	return f.Oneof.Name
}

func restText(m *schema.Message) string {
	if m.Undeclared == nil {
		return "anything"
	}
	return typeName(m.Undeclared)
}

func reservedText(m *schema.Message) string {
	var parts []string
	for _, r := range m.ReservedNumbers {
		if r[0] == r[1] {
			parts = append(parts, fmt.Sprint(r[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%d to %d", r[0], r[1]))
		}
	}
	return strings.Join(append(parts, m.ReservedNames...), ", ")
}

func sizeText(n int32) string {
	if n == 0 {
		return "the broker's default"
	}
	return fmt.Sprintf("%d bytes", n)
}

// sameKinds says whether two types differ in names of messages and enums at most.
func sameKinds(old, new *schema.Type) bool {
	for old != nil && new != nil {
		if (old.Union != nil || new.Union != nil) && typeName(old) != typeName(new) {
			return false
		}
		if old.Kind != new.Kind || old.Proto != new.Proto || old.Key != nil && new.Key != nil && !sameKinds(old.Key, new.Key) {
			return false
		}
		old, new = old.Elem, new.Elem
	}
	return old == new
}

// sameNames says whether two types of the same kinds have the messages and enums of the same names.
func sameNames(old, new *schema.Type) bool {
	for ; old != nil && new != nil; old, new = old.Elem, new.Elem {
		if old.Message != nil && old.Message.FullName != new.Message.FullName || old.Enum != nil && old.Enum.FullName != new.Enum.FullName {
			return false
		}
	}
	return true
}

// remainderTexts are the keywords of JSON Schema that the model does not hold.
func remainderTexts(r *schema.Unmodelled) []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, k := range r.Texts() {
		out = append(out, k.Keyword+" "+k.JSON)
	}
	return out
}

// typeRemainders are those of a type, and of what is in it.
func typeRemainders(t *schema.Type) []string {
	if t == nil {
		return nil
	}
	out := append(remainderTexts(t.Constraints.Unmodelled), typeRemainders(t.Key)...)
	return append(out, typeRemainders(t.Elem)...)
}

// sameRules says whether two types, and what is in them, are limited by the same words.
func sameRules(old, new *schema.Type) bool {
	for old != nil && new != nil {
		if (!values.Free(old) || !values.Free(new)) && !sameConstraints(old.Constraints, new.Constraints) {
			return false
		}
		if old.Key != nil && new.Key != nil && !sameRules(old.Key, new.Key) {
			return false
		}
		old, new = old.Elem, new.Elem
	}
	return true
}

func sameConstraints(old, new schema.Constraints) bool {
	if !proto.Equal(old.Rules, new.Rules) {
		return false
	}
	old.Pos, new.Pos, old.Rules, new.Rules = schema.Position{}, schema.Position{}, nil, nil
	old.Unmodelled, new.Unmodelled = nil, nil // an aspect of its own
	return reflect.DeepEqual(old, new)
}

// fieldSketch says in a few words what a field that was added is: "string, default 5".
func fieldSketch(f *schema.Field) string {
	parts := []string{typeName(f.Type)}
	if f.Required || f.JSONRequired {
		parts = append(parts, "required")
	}
	if f.Default != "" {
		parts = append(parts, "default "+f.Default)
	}
	if values := values.Allowed(f.Type); values != nil {
		parts = append(parts, "one of "+listText(values))
	}
	return strings.Join(parts, ", ")
}
