package compat

import (
	"fmt"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
)

// VersionRule is the id of the rule about the steps of versions.
const VersionRule = "VERSION_STEP_WRONG"

var versionStepWrong = Rule{
	ID:        VersionRule,
	Purpose:   "versions step as the schemas do: schema_version in its minor part, or package and topic together",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "whoever looks at the version of an event in %s takes it for another one than it is",
	Forward:   "whoever looks at the version of an event in %s takes it for another one than it is",
	Fix:       "let the version of %s say what changed",
	EventLast: func(c *Check, old, new *schema.Event) {
		switch {
		case new == nil:
		case old == nil:
			c.checkSuccessor(new)
		default:
			c.checkSchemaVersion(old, new)
			c.checkTopicVersion(old, new)
		}
	},
}

// checkSchemaVersion judges the version that events carry. Events that carry none have no step to take.
func (c *Check) checkSchemaVersion(old, new *schema.Event) {
	from, to := old.SchemaVersion(), new.SchemaVersion()
	major, minor, ok1 := cutSchemaVersion(from)
	newMajor, newMinor, ok2 := cutSchemaVersion(to)
	if !ok1 || !ok2 || old.Package.Name != new.Package.Name {
		return
	}
	p := Problem{Name: new.Type}
	if f := new.Message.Field(schema.VersionField); f != nil {
		p.At = f.Pos
	}
	moved := fmt.Sprintf("schema_version of %s goes from %s to %s", new.Type, from, to)
	next := fmt.Sprintf("%d.%d", major, minor+1)
	switch {
	case newMajor < major || newMajor == major && newMinor < minor:
		p.Change = moved + ", backwards"
		p.Fix = fmt.Sprintf("give %s schema_version %s", new.Type, wanted(c.DataChanged(), from, next))
	case newMajor > major:
		p.Change = moved + " within package " + new.Package.Name
		p.Fix = fmt.Sprintf("give %s schema_version %s; what breaks is a new package, and a topic of its own", new.Type, wanted(c.DataChanged(), from, next))
	case c.DataChanged() && newMinor == minor:
		p.Change = fmt.Sprintf("schema_version of %s stays %s, and what the event holds changed", new.Type, from)
		p.Fix = fmt.Sprintf("raise schema_version of %s to %s", new.Type, next)
	case !c.DataChanged() && newMinor > minor:
		p.Change = moved + ", and what the event holds did not change"
		p.Fix = fmt.Sprintf("leave schema_version of %s at %s", new.Type, from)
	default:
		return
	}
	c.Report(p)
}

func wanted(dataChanged bool, from, next string) string {
	if dataChanged {
		return next
	}
	return from
}

// checkTopicVersion finds a topic that became a new version while the package did not, or the other way round.
func (c *Check) checkTopicVersion(old, new *schema.Event) {
	if old.Package.Name == new.Package.Name {
		if topicName(old) == topicName(new) {
			return
		}
		if from, to := topicVersion(old), topicVersion(new); from != to && from != "" && to != "" {
			c.Report(Problem{
				Change: fmt.Sprintf("topic of %s steps from version %s to %s, and its package stays %s", new.Type, from, to, new.Package.Name),
				Fix:    fmt.Sprintf("keep the topic of %s, and put its new version into a package of version %s beside it", new.Type, to),
			})
		}
		return
	}
	_, from := schema.CutVersion(old.Package.Name)
	_, to := schema.CutVersion(new.Package.Name)
	if from != "" && to != "" && topicName(new) != "" && topicName(old) == topicName(new) {
		c.reportSharedTopic(old, new)
	}
}

// checkSuccessor finds a new version of an event in the topic of the one before it, or in a topic of another version
// than its package.
func (c *Check) checkSuccessor(new *schema.Event) {
	before := predecessor(c.NewSet(), new)
	if before == nil {
		before = predecessor(c.OldSet(), new)
	}
	if before == nil || topicName(new) == "" {
		return
	}
	if topicName(before) == topicName(new) {
		c.reportSharedTopic(before, new)
		return
	}
	_, version := schema.CutVersion(new.Package.Name)
	if v := topicVersion(new); v != "" && v != strconv.Itoa(schema.VersionNumber(version)) {
		c.Report(Problem{
			Kind:   Added,
			Change: fmt.Sprintf("%s of package %s goes to %s, a topic of version %s", new.Type, new.Package.Name, topicName(new), v),
			Fix:    fmt.Sprintf("give %s a topic of version %d", new.Type, schema.VersionNumber(version)),
		})
	}
}

func (c *Check) reportSharedTopic(before, new *schema.Event) {
	c.Report(Problem{
		Change: fmt.Sprintf("%s of package %s goes to %s, the topic of %s of package %s", new.Type, new.Package.Name, topicName(new), before.Type, before.Package.Name),
		Fix:    fmt.Sprintf("give %s a topic of its own, so that consumers of the old version are left alone", new.Type),
	})
}

// predecessor is the version of an event before it, nil when there is none.
func predecessor(s *schema.Set, e *schema.Event) *schema.Event {
	_, version := schema.CutVersion(e.Package.Name)
	var before *schema.Event
	for _, other := range s.Versions(e) {
		if _, v := schema.CutVersion(other.Package.Name); schema.CompareVersions(v, version) < 0 {
			before = other
		}
	}
	return before
}

// topicVersion is the version in the name of an event's topic, by its family's pattern.
func topicVersion(e *schema.Event) string {
	if e.Topic == nil || e.Package.Family == nil {
		return ""
	}
	parts, _ := e.Package.Family.MatchTopic(e.Topic.Name)
	return parts.Version
}
