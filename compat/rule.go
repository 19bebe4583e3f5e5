package compat

import "github.com/omninode/trestle/tools/schema"

// Rule is one way in which a new schema breaks an old one. A rule has a check for each kind of element that it
// judges; the others are nil. A check gets both sides of a pair; old is nil where the element was added, new where it
// was removed, and never both.
type Rule struct {
	ID string
	// Purpose is what the rule keeps, as a clause: "a field keeps its type".
	Purpose string
	// Breaks and Encodings are what a violation breaks, unless the check narrows it.
	Breaks    Direction
	Encodings []schema.Encoding
	Severity  Severity
	// Backward and Forward say what happens to readers in either direction; %s is where the records are.
	Backward, Forward string
	// Fix says what to do instead; %s is the element's name.
	Fix string
	// Policy says that the rule guards an agreement which no event can show broken.
	Policy bool
	// Acceptance says that a violation is that readers reject something. Where the algebra proves that they do not,
	// there is none.
	Acceptance bool

	// Shown says what only events have that show a violation. Where no event has it, there is none.
	Shown Shown

	// Schema sees JSON Schemas that are compared as sets of values.
	Schema func(c *Check, old, new *wholeSchema)
	Event  func(c *Check, old, new *schema.Event)
	// EventLast sees events after all other checks, when it is known what came of everything that they carry.
	EventLast func(c *Check, old, new *schema.Event)
	Topic     func(c *Check, old, new *schema.Topic)
	Group     func(c *Check, old, new *schema.Group)
	Message   func(c *Check, old, new *schema.Message)
	Field     func(c *Check, old, new *schema.Field)
	// Property sees what JSON Schemas declare where the model has no fields: in anyOf, if and the like, and in schemas that
	// are judged by their sources.
	Property func(c *Check, old, new *declaredProperty)
	// Type sees the types of fields on both sides, and those of their elements, keys and values.
	Type func(c *Check, old, new *schema.Type)
	Enum func(c *Check, old, new *schema.Enum)
	// EnumValue sees values of enums on both sides, paired by name, then by number.
	EnumValue func(c *Check, old, new *schema.EnumValue)
}

// Rules lists every rule, sorted by id. The slice is the caller's.
func Rules() []Rule {
	return []Rule{
		constraintExchanged,
		constraintLoosened,
		constraintTightened,
		deprecatedWithoutReplacement,
		documentNotRead,
		documentRemoved,
		enumValueAdded,
		enumValueJSONNameChanged,
		enumValueRemoved,
		enumValueRenumbered,
		eventDataSubjectChanged,
		eventEncodingChanged,
		eventEnvelopeChanged,
		eventKeyChanged,
		eventPairingChanged,
		eventRemoved,
		eventTopicChanged,
		eventTypeChanged,
		extensionChanged,
		fieldAddedToClosed,
		fieldCardinalityChanged,
		fieldDefaultChanged,
		fieldDeterministicChanged,
		fieldEncryptionAdded,
		fieldEncryptionKeyChanged,
		fieldEncryptionRemoved,
		fieldJSONNameChanged,
		fieldNullabilityChanged,
		fieldOneofChanged,
		fieldPresenceChanged,
		fieldRemoved,
		fieldRenamed,
		fieldRenumbered,
		fieldRequiredAdded,
		fieldRequiredRemoved,
		fieldSensitiveRemoved,
		fieldTypeChanged,
		groupRemoved,
		groupTopicRemoved,
		messageClosed,
		messageNotRead,
		messageRemoved,
		reservedRemoved,
		topicCleanupPolicyChanged,
		topicDeadLetterChanged,
		topicMessageSizeLowered,
		topicOutlivesDeadLetters,
		topicPartitionsChanged,
		topicRemoved,
		topicRetentionShortened,
		topicRetryRemoved,
		versionStepWrong,
	}
}

// Shown says what events have that show what a rule is about.
type Shown uint8

// Ways to show something.
const (
	AnyEvent   Shown = iota // it is not said
	Carried                 // something for the element
	Written                 // the element, be it with a value that is as good as none
	Absent                  // nothing for the element
	Null                    // null for the element
	Undeclared              // a member of the element, a message, that its readers do not declare
)

var (
	bothEncodings = []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf}
	jsonOnly      = []schema.Encoding{schema.EncodingJSON}
	protobufOnly  = []schema.Encoding{schema.EncodingProtobuf}
)

// Problem is what a check reports. Only Change must be set.
type Problem struct {
	Change string
	// Kind replaces what follows from the pair: added, removed, else changed.
	Kind Kind
	// Name is the element's name in the fix; empty: the last part of its path.
	Name string
	// At is the place; zero: the element's own.
	At schema.Position
	// Breaks, Encodings, Severity and Fix replace the rule's.
	Breaks    Direction
	Encodings []schema.Encoding
	Severity  Severity
	Fix       string
	// Backward and Forward replace the rule's consequences.
	Backward, Forward string
	Unknown           bool
	// Policy says of this problem what Rule.Policy says of all of a rule.
	Policy bool
	// Within says that what readers reject is in the element.
	Within bool
	// Acceptance says of this problem what Rule.Acceptance says of all of a rule.
	Acceptance bool
	// Refused says that only what readers reject shows this, and Taken that this does not: that is another problem.
	Refused, Taken bool
	// Encrypted says that this is about how a field is encrypted, of which the events of a search show nothing: its own event does.
	Encrypted bool
	// Closed says that readers break which refuse what their schema does not declare; see [Options.ClosedServices].
	Closed bool
	// Deploy replaces what follows for the order of deployment.
	Deploy string
	// Rejections are the rules by which a reader rejects what this is about; see [witness.Trail.About].
	Rejections []string
	// part is the part of constraints that this is about; nil for all of them.
	part *part
	// Shown says of this problem what Rule.Shown says of all of a rule.
	Shown Shown
	// Members are JSON values that are likely to show the break; see [witness.Trail.Trying].
	Members []any
	// Witness is one that is known already.
	Witness *Witness
	// Beside are fields of the same message on which the break may show, too.
	Beside []fieldPair
}
