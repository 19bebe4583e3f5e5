package load_test

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// dump renders a set as text: all that the model says of it but comments' further lines.
func dump(set *schema.Set) string { return dumpSet(set, true) }

// outline is dump without positions and comments, and without the vocabulary: it stays when a comment is edited.
func outline(set *schema.Set) string { return dumpSet(set, false) }

func dumpSet(set *schema.Set, whole bool) string {
	d := &dumper{whole: whole}
	for _, p := range set.Packages {
		if whole || p.Name != "trestle.v1" {
			d.pkg(p)
		}
	}
	for _, t := range set.Topics {
		d.topic(t)
	}
	for _, g := range set.Groups {
		d.line("group %s %v %s autocommit=%t session=%s heartbeat=%s owner=%s%s", g.Name, g.Topics, g.AutoOffsetReset,
			g.EnableAutoCommit, g.SessionTimeout, g.HeartbeatInterval, g.Owner, d.at(g.Pos, ""))
	}
	return d.String()
}

type dumper struct {
	strings.Builder
	indent string
	whole  bool
}

// at renders where something stands, and its comment.
func (d *dumper) at(pos schema.Position, doc string) string {
	if !d.whole {
		return ""
	}
	return " @" + pos.String() + docText(doc)
}

func (d *dumper) line(format string, args ...any) {
	d.WriteString(d.indent)
	fmt.Fprintf(d, format, args...)
	d.WriteByte('\n')
}

func (d *dumper) in(f func()) {
	d.indent += "  "
	f()
	d.indent = strings.TrimSuffix(d.indent, "  ")
}

// docText is the first line of a comment, shortened.
func docText(text string) string {
	first, _, more := strings.Cut(text, "\n")
	if r := []rune(first); len(r) > 40 {
		first, more = string(r[:40]), true
	}
	if more {
		first += "…"
	}
	if first == "" {
		return ""
	}
	return " // " + first
}

func (d *dumper) pkg(p *schema.Package) {
	d.line("package %s dir=%s %s go=%s;%s%s", p.Name, p.Dir, p.Language, p.GoImport, p.GoName, d.at(schema.Position{}, p.Doc))
	d.in(func() {
		for _, f := range p.Files {
			d.line("file %s%s", f.Path, d.typeSuffix(" root=", f.Root))
		}
		if f := p.Family; f != nil {
			d.line("family envelope=%s topics=%q dead=%q [%s] dead [%s]%s", f.Envelope, f.TopicPattern, f.DeadLetterPattern,
				f.TopicSettings, f.DeadLetterSettings, d.at(f.Pos, ""))
			for _, r := range f.Routes {
				d.line("route %q -> %s", r.Prefix, r.Topic)
			}
		}
		for _, e := range p.Events {
			topic, reply := "-", ""
			if e.Topic != nil {
				topic = e.Topic.Name
			}
			if e.Reply != nil {
				reply = " reply=" + e.Reply.Type
			}
			d.line("event %s = %s topic=%s key=%v role=%s envelope=%s encoding=%s%s by=%v for=%v%s", e.Type, e.Message.FullName, topic,
				e.Key, e.Role, e.Envelope, e.Encoding, reply, e.PublishedBy, e.ConsumedBy, d.at(e.Pos, ""))
			for _, f := range e.DataSubject {
				d.line("  about %s.%s", f.Message.Name, f.JSONName)
			}
		}
		d.types(p.Messages, p.Enums)
		for _, u := range p.Unions {
			d.line("union %s by %s%s", u.FullName, u.Property, d.at(u.Pos, u.Doc))
			d.in(func() {
				for _, v := range u.Variants {
					d.line("%s %v%s", v.Message.FullName, v.Values, d.at(v.Pos, ""))
				}
			})
		}
	})
}

func (d *dumper) types(messages []*schema.Message, enums []*schema.Enum) {
	for _, m := range messages {
		d.message(m)
	}
	for _, e := range enums {
		d.line("enum %s closed=%t%s", e.FullName, e.Closed, d.at(e.Pos, e.Doc))
		d.in(func() {
			for _, v := range e.Values {
				d.line("%d %s json=%q%s%s", v.Number, v.Name, v.JSONName, deprecated(v.Deprecated), d.at(v.Pos, v.Doc))
			}
		})
	}
}

func (d *dumper) message(m *schema.Message) {
	flags := deprecated(m.Deprecated)
	if m.Closed {
		flags += " closed"
	}
	if m.KeepUnknown {
		flags += " keep"
	}
	flags += d.typeSuffix(" rest=", m.Undeclared)
	if m.Unmodelled != nil {
		flags += " " + unmodelledText(m.Unmodelled)
	}
	if len(m.ReservedNumbers)+len(m.ReservedNames) > 0 {
		flags += fmt.Sprintf(" reserved=%v%v", m.ReservedNumbers, m.ReservedNames)
	}
	if m.Rules != nil {
		flags += " rules"
	}
	if m.HoldsEncrypted {
		flags += " encrypted"
	}
	d.line("message %s%s%s", m.FullName, flags, d.at(m.Pos, m.Doc))
	d.in(func() {
		for _, o := range m.Oneofs {
			var names []string
			for _, f := range o.Fields {
				names = append(names, f.Name)
			}
			d.line("oneof %s required=%t %v%s", o.Name, o.Required, names, d.at(o.Pos, ""))
		}
		for _, f := range m.Fields {
			d.field(f)
		}
		d.types(m.Messages, m.Enums)
	})
}

func (d *dumper) field(f *schema.Field) {
	var flags []string
	for _, flag := range []struct {
		on   bool
		name string
	}{
		{f.Explicit, "explicit"},
		{f.Required, "required"},
		{f.JSONRequired, "json_required"},
		{f.Nullable, "nullable"},
		{f.Sensitive, "sensitive"},
		{f.NotSensitive, "not_sensitive"},
		{f.EncryptionKey != "", "encrypted=" + f.EncryptionKey},
		{f.Deterministic, "deterministic"},
		{f.EncryptionKey != "" && f.Type.SealedBeside(), "beside"},
	} {
		if flag.on {
			flags = append(flags, " "+flag.name)
		}
	}
	if f.Default != "" {
		flags = append(flags, " default="+f.Default)
	}
	if f.JSONName != f.Name {
		flags = append(flags, " json="+f.JSONName)
	}
	d.line("%s %d: %s%s%s%s", f.Name, f.Number, d.typeText(f.Type), strings.Join(flags, ""), deprecated(f.Deprecated), d.at(f.Pos, f.Doc))
}

func deprecated(d *schema.Deprecation) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf(" deprecated(%s,%s)", d.Since, d.Reason)
}

func (d *dumper) typeSuffix(prefix string, t *schema.Type) string {
	if t == nil {
		return ""
	}
	return prefix + d.typeText(t)
}

func (d *dumper) typeText(t *schema.Type) string {
	text := string(t.Kind)
	switch t.Kind {
	case schema.MessageKind:
		text = t.Message.FullName
	case schema.EnumKind:
		text = t.Enum.FullName
	case schema.JSONObject:
		if t.Union != nil {
			text = t.Union.FullName
		}
	case schema.List:
		text = "[" + d.typeText(t.Elem) + "]"
	case schema.Map:
		text = "{" + d.typeText(t.Key) + ": " + d.typeText(t.Elem) + "}"
	}
	if t.Proto != 0 && t.Kind != schema.Map && t.Kind != schema.List && t.Proto.String() != text &&
		t.Proto != protoreflect.MessageKind && t.Kind != schema.EnumKind {
		text += "/" + t.Proto.String()
	}
	return text + d.constraintText(t.Constraints)
}

func (d *dumper) constraintText(c schema.Constraints) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	bound := func(sign string, b *schema.Bound) {
		switch {
		case b == nil:
		case b.Exclusive:
			add("%s%s", sign, b.Value)
		default:
			add("%s=%s", sign, b.Value)
		}
	}
	bound(">", c.Min)
	bound("<", c.Max)
	for _, n := range []struct {
		name  string
		value *uint64
	}{
		{"minlen", c.MinLen},
		{"maxlen", c.MaxLen},
		{"minitems", c.MinItems},
		{"maxitems", c.MaxItems},
		{"minpairs", c.MinPairs},
		{"maxpairs", c.MaxPairs},
	} {
		if n.value != nil {
			add("%s=%d", n.name, *n.value)
		}
	}
	for _, s := range []struct{ name, value string }{
		{"multiple", c.MultipleOf},
		{"pattern", c.Pattern},
		{"format", c.Format},
		{"const", c.Const},
	} {
		if s.value != "" {
			add("%s=%s", s.name, s.value)
		}
	}
	if c.In != nil {
		add("in=%v", c.In)
	}
	if c.NotIn != nil {
		add("notin=%v", c.NotIn)
	}
	if c.Unique {
		add("unique")
	}
	if c.DefinedOnly {
		add("defined")
	}
	if c.SkipZero {
		add("skipzero")
	}
	if c.Rules != nil {
		add("rules")
	}
	if c.Unmodelled != nil {
		add("%s", unmodelledText(c.Unmodelled))
	}
	if len(parts) == 0 {
		return ""
	}
	if d.whole {
		add("@%d:%d", c.Pos.Line, c.Pos.Col)
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func unmodelledText(u *schema.Unmodelled) string {
	var files []string
	for _, f := range u.Files {
		files = append(files, f.Path)
	}
	return fmt.Sprintf("left=%s#%s%v of %v", u.File.Path, u.Pointer, u.Keywords, files)
}

func (d *dumper) topic(t *schema.Topic) {
	var events, of []string
	for _, e := range t.Events {
		events = append(events, e.Type)
	}
	for _, o := range t.DeadLetterOf {
		of = append(of, o.Name)
	}
	dead := "-"
	if t.DeadLetter != nil {
		dead = t.DeadLetter.Name
	}
	d.line("topic %s [%s] events=%v dead=%s of=%v pkg=%s%s", t.Name, t.Settings, events, dead, of, t.Package.Name, d.at(t.Pos, t.Description))
	for _, r := range t.Retries {
		d.line("  retry %s after %v, %d times", r.Topic.Name, r.Delay, r.Attempts)
	}
	if t.RetryOf != nil {
		d.line("  retries of %s", t.RetryOf.Name)
	}
}
