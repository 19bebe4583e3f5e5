package lint

import "github.com/omninode/trestle/tools/schema"

// Rule is one thing that event schemas should not do. A rule has a check for each kind of element that it judges; the
// others are nil. Elements of libraries and of Trestle's own vocabulary are not shown to rules.
type Rule struct {
	ID string
	// Purpose is what the rule keeps, as a clause: "every event has a key".
	Purpose string
	// Why says what happens to those who break it, in a sentence or two.
	Why string
	// Severity and Fix are those of findings, unless the check says otherwise. A %s in Fix is the element's name.
	Severity Severity
	Fix      string

	Package   func(c *Check, p *schema.Package)
	Event     func(c *Check, e *schema.Event)
	Topic     func(c *Check, t *schema.Topic)
	Group     func(c *Check, g *schema.Group)
	Message   func(c *Check, m *schema.Message)
	Field     func(c *Check, f *schema.Field)
	Enum      func(c *Check, e *schema.Enum)
	EnumValue func(c *Check, e *schema.Enum, v *schema.EnumValue)
}

// Rules lists every rule, sorted by id. The slice is the caller's.
func Rules() []Rule {
	return []Rule{
		commentMissing,
		deadLetterMissing,
		deadLetterRetention,
		deadLetterSize,
		defaultInvalid,
		deprecatedReplacement,
		enumZero,
		fieldCase,
		groupTimings,
		keyMissing,
		keyOptional,
		keyUnknown,
		requestReply,
		routeElsewhere,
		routeUnreachable,
		sensitiveKey,
		sensitiveUnmarked,
		timestampType,
		topicName,
		topicSettings,
		topicVersion,
		uniqueMessages,
	}
}
