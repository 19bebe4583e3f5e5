// Package schema is the model of event schemas: one set of types under protobuf and JSON Schema, with positions.
//
// Package load fills it, from a folder, a file, git, an image, a registry or files in memory; generators and the
// compatibility checker ask it and know neither language's syntax. It opens no file and runs no compiler itself. Nothing
// in a loaded [Set] changes afterwards, so it may be read from many goroutines.
//
//	for _, e := range set.Events() {
//		fmt.Println(e.Type, e.Topic.Name, e.SchemaVersion())
//		for _, f := range e.Message.Fields {
//			fmt.Println(f.JSONName, f.Type.Kind, f.Pos)
//		}
//	}
package schema

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Position is a place in a source file; Line and Col start at 1, and are 0 where the place is not known.
type Position struct {
	File      string // slash-separated, relative to the root it was loaded from
	Line, Col int
}

// String renders file:line:col, or what of it is known.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Language is what a package is written in.
type Language string

// The languages that schemas are written in.
const (
	Protobuf   Language = "protobuf"
	JSONSchema Language = "jsonschema"
)

// Set is everything that was loaded from one place: packages sorted by name, and what they declare together.
type Set struct {
	// Root is the folder that all file paths count from, as the user names it ("schemas"); empty where there is none.
	Root     string
	Packages []*Package
	// Main is the path of the file that was asked for, where it was one alone: the others are there because it refers to them.
	Main string
	// Folder is the path of the folder that was asked for, or that holds Main: it differs from "." where the root is above it.
	Folder string
	// Topics holds every declared topic, dead-letter topics included, sorted by name.
	Topics []*Topic
	// Groups holds every declared consumer group, sorted by name.
	Groups []*Group
	// Aliases maps names that JSON Schemas refer to others by, to paths of files; of schemas of a registry only.
	Aliases map[string]string
	// OnWire says that the schemas are of what is on the wire, as those of a registry are: values of encrypted fields may be their texts there.
	OnWire bool
	// Compiled is what loading has compiled of the JSON Schemas, a *jsoncompile.Files, for who compiles them again; nil for nothing.
	Compiled any

	index struct {
		once   sync.Once
		events map[string]*Event
		topics map[string]*Topic
		// versions are the packages that have a version in their name, by what stands before it.
		versions map[string][]*Package
	}
}

// indexed finds events, topics and packages by name once for all who ask.
func (s *Set) indexed() {
	s.index.once.Do(func() {
		s.index.events, s.index.topics = map[string]*Event{}, map[string]*Topic{}
		for _, e := range s.Events() {
			if s.index.events[e.Type] == nil {
				s.index.events[e.Type] = e
			}
		}
		s.index.versions = map[string][]*Package{}
		for _, p := range s.Packages {
			if base, version := CutVersion(p.Name); version != "" {
				s.index.versions[base] = append(s.index.versions[base], p)
			}
		}
		for _, t := range s.Topics {
			if s.index.topics[t.Name] == nil {
				s.index.topics[t.Name] = t
			}
		}
	})
}

// Events returns the events of all packages, by package, then in source order (files by name).
func (s *Set) Events() []*Event {
	var out []*Event
	for _, p := range s.Packages {
		out = append(out, p.Events...)
	}
	return out
}

// Files returns the files of all packages, by package.
func (s *Set) Files() []*File {
	var out []*File
	for _, p := range s.Packages {
		out = append(out, p.Files...)
	}
	return out
}

// MainFile returns the file that was asked for alone; nil where there are several, or none.
func (s *Set) MainFile() *File {
	for _, f := range s.Files() {
		if f.Path == s.Main {
			return f
		}
	}
	return nil
}

// Event returns the event of that type ("CodegenAnalysisRequest", "service.lifecycle.started"), the first where there are
// several, or nil.
func (s *Set) Event(eventType string) *Event {
	s.indexed()
	return s.index.events[eventType]
}

// Topic returns the topic of that name, or nil.
func (s *Set) Topic(name string) *Topic {
	s.indexed()
	return s.index.topics[name]
}

// Package is a schema package: the .proto files of one protobuf package, or the .json files of one folder.
type Package struct {
	Name     string // "omninode.codegen.v1"
	Dir      string // folder of its files, relative to the root: "omninode/codegen/v1"
	Language Language
	// GoImport and GoName are the generated Go package's import path and name.
	GoImport, GoName string
	Doc              string
	Family           *Family    // nil when the package declares none
	Messages         []*Message // top level, files by name, then source order
	Enums            []*Enum    // top level, likewise
	Unions           []*Union   // likewise; JSON Schema only
	Events           []*Event
	Files            []*File
}

// File is one source file.
type File struct {
	Path  string // relative to the root
	Proto protoreflect.FileDescriptor
	// Source is the file's text; nil for protobuf loaded from an image.
	Source []byte
	// Root is the type that a JSON Schema file as a whole describes; nil for protobuf, and for a file that only holds
	// definitions.
	Root *Type
	// NullableRoot says that what the file as a whole describes takes JSON null beside values of the type.
	NullableRoot bool
	// JudgedBySource says that the file is a JSON Schema that no types could be made of, so that changes of it are judged by
	// its source. Such files are only kept where loading is asked to (load.ToCompare).
	JudgedBySource bool
	parsed         atomic.Pointer[jsontree.Value] // the Source of a JSON Schema, once something asked for it
}

// Envelope names what surrounds an event on the wire.
type Envelope string

// The envelopes; their formats are in runtime/wire.
const (
	EnvelopeNone      Envelope = "none"
	EnvelopeOnexV1    Envelope = "onex_v1"
	EnvelopeBaseEvent Envelope = "base_event"
)

// Encoding names the format of a record's value.
type Encoding string

// The encodings.
const (
	EncodingJSON     Encoding = "json"
	EncodingProtobuf Encoding = "protobuf"
)

// Role is the part an event plays in a conversation.
type Role string

// The roles.
const (
	RoleRequest    Role = "request"
	RoleResponse   Role = "response"
	RoleStatus     Role = "status"
	RoleEvent      Role = "event"
	RoleDeadLetter Role = "dead_letter"
)

// Family is what the events of one package share.
type Family struct {
	Envelope           Envelope
	TopicPattern       string // placeholders {category}, {operation}, {version}; empty: any name
	DeadLetterPattern  string // the same, or {topic}; empty: none by default
	TopicSettings      TopicSettings
	DeadLetterSettings TopicSettings
	Routes             []Route
	EncryptionKey      string // the class of keys of sensitive fields that name none; empty: those are not encrypted
	Pos                Position
}

// Route sends event types that no schema declares, by prefix at a dot, to a topic; an empty prefix matches all.
type Route struct{ Prefix, Topic string }

// TopicSettings are a topic's broker settings. In [Topic] they are complete: nothing is inherited any more.
type TopicSettings struct {
	Partitions      int32
	Retention       time.Duration // -1: for ever
	CleanupPolicy   string
	CompressionType string
	MaxMessageBytes int32 // 0: the broker's default
}

// Compacted says whether the topic keeps the last record of each key.
func (s TopicSettings) Compacted() bool { return strings.Contains(s.CleanupPolicy, "compact") }

// Config returns the settings by their Kafka names, such as retention.ms; those that are the broker's default are left out.
func (s TopicSettings) Config() map[string]string {
	retention := "-1"
	if s.Retention >= 0 {
		retention = strconv.FormatInt(s.Retention.Milliseconds(), 10)
	}
	config := map[string]string{
		"retention.ms":     retention,
		"cleanup.policy":   s.CleanupPolicy,
		"compression.type": s.CompressionType,
	}
	if s.MaxMessageBytes > 0 {
		config["max.message.bytes"] = strconv.Itoa(int(s.MaxMessageBytes))
	}
	maps.DeleteFunc(config, func(_, value string) bool { return value == "" })
	return config
}

// String renders the settings in the vocabulary's words.
func (s TopicSettings) String() string {
	retention := int64(-1)
	if s.Retention >= 0 {
		retention = s.Retention.Milliseconds()
	}
	return fmt.Sprintf("partitions %d, retention_ms %d, cleanup_policy %s, compression_type %s, max_message_bytes %d",
		s.Partitions, retention, s.CleanupPolicy, s.CompressionType, s.MaxMessageBytes)
}

// Topic is a topic with its settings resolved.
type Topic struct {
	Name        string
	Description string
	Settings    TopicSettings
	// Events that are declared for the topic, in source order. For a dead-letter topic: the dead-letter event.
	Events []*Event
	// DeadLetter is the topic's dead-letter topic, nil when it has none.
	DeadLetter *Topic
	// DeadLetterOf holds the topics whose dead letters this one takes; empty for any other topic.
	DeadLetterOf []*Topic
	// Retries say where its events wait that a handler failed on, in their order.
	Retries []Retry
	// RetryOf is the topic whose events wait in this one; nil for any other topic. Events are declared for that one alone.
	RetryOf *Topic
	Package *Package
	Pos     Position
}

// Retry is where events wait that a handler failed on.
type Retry struct {
	Topic    *Topic
	Delay    time.Duration // how long one waits there
	Attempts int           // how often one comes there
}

// Group is a declared consumer group.
type Group struct {
	Name              string
	Topics            []string
	AutoOffsetReset   string // "latest" or "earliest"
	EnableAutoCommit  bool
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	Owner             string
	Package           *Package
	Pos               Position
}

// Event is a message that travels as a record.
type Event struct {
	Type     string // on the wire
	Message  *Message
	Package  *Package
	Envelope Envelope
	Encoding Encoding
	Role     Role
	// Topic is nil for a dead letter, which goes to the dead-letter topic of its source.
	Topic *Topic
	// Key holds paths such as "correlation_id" and "source.instance_id"; the first that is set is the record's key.
	Key []string
	// DataSubject are the fields on the way through the payload to the one that names the person whom the event is about, who has a key
	// of his own by which its fields are encrypted; nil where the schema names none.
	DataSubject []*Field
	Reply       *Event // of a request
	PublishedBy []string
	ConsumedBy  []string
	Pos         Position
}

// Message is a record type: a protobuf message, or a JSON Schema object with properties. The messages and enums of a
// JSON Schema package are all at top level: the root of a file is named by its title, else by the file; a definition by
// its key; what is written inline by its title, else by the names of what it is part of and its property.
type Message struct {
	Name     string // Go-like, unique in its package together with Parent: "ServiceStarted"
	FullName string // "omninode.hooks.v1.ServiceStarted"
	Doc      string
	Package  *Package
	File     *File
	Pointer  string   // JSON pointer of its schema in File; JSON Schema only
	Parent   *Message // nil at top level
	Fields   []*Field // source order
	Messages []*Message
	Enums    []*Enum
	Oneofs   []*Oneof
	// Closed says that an unknown field is an error (additionalProperties: false).
	Closed bool
	// KeepUnknown says that unknown fields are kept and written again.
	KeepUnknown bool
	// Undeclared is what the value of a field that is not declared must be, nil when anything.
	Undeclared *Type
	// Unmodelled is what else an object must fulfil, nil when nothing.
	Unmodelled *Unmodelled
	// HoldsSensitive says that a field of the message is sensitive, or one of a message that it holds, however deep.
	HoldsSensitive bool
	// InSensitive says that the message stands in a field that is sensitive, directly or further up: all of it is then.
	InSensitive bool
	// HoldsEncrypted says the same of fields that are encrypted. What is in one of those is encrypted with it, and does not count, nor does what is [Set.OnWire].
	HoldsEncrypted bool
	// Exposed says that the message stands, perhaps among other places, where nothing around it is sensitive.
	Exposed bool
	// ReservedNumbers (inclusive ranges) and ReservedNames cannot be used again; protobuf only.
	ReservedNumbers [][2]int32
	ReservedNames   []string
	Deprecated      *Deprecation
	// CEL holds message-level protovalidate rules that are CEL expressions or message oneofs.
	Rules *validate.MessageRules
	Proto protoreflect.MessageDescriptor // nil for JSON Schema
	Pos   Position
}

// Field returns the field with that JSON name, or nil.
func (m *Message) Field(jsonName string) *Field {
	for _, f := range m.Fields {
		if f.JSONName == jsonName {
			return f
		}
	}
	return nil
}

// Oneof is a group of fields of which at most one is set.
type Oneof struct {
	Name     string
	Fields   []*Field
	Required bool
	Proto    protoreflect.OneofDescriptor
	Pos      Position
}

// Field is a field of a message, or a property of an object.
type Field struct {
	Name     string // as in the source
	JSONName string // the key in JSON
	Number   int32  // 0 for JSON Schema
	Doc      string
	Message  *Message // that has the field
	Type     *Type
	// Explicit says that absent and zero differ (protobuf optional, message fields, JSON Schema properties).
	Explicit bool
	// OnlyRequired says that a JSON Schema requires the property and says nothing else of it: it declares none.
	OnlyRequired bool
	// Required says that the field must be set: protovalidate's required, JSON Schema's required. For an implicit
	// protobuf field that means not zero. A JSON Schema property that is required and may be null is JSONRequired
	// instead.
	Required bool
	// JSONRequired says that the key must be in the JSON, though its value may be zero or empty.
	JSONRequired bool
	// Nullable says that JSON null is a value of the schema; see [Field.KnowsNull] for where it is not.
	Nullable bool
	// Default is the JSON text of the default value, "now" for the time of publishing, or empty.
	Default string
	// Examples are JSON texts that a JSON Schema gives as examples.
	Examples []string
	// Sensitive says that the field holds personal or secret data, which nothing shows.
	Sensitive bool
	// NotSensitive says that it holds none, whatever its name looks like.
	NotSensitive bool
	// EncryptionKey is the class of keys by which the field is encrypted on the wire, its own or the family's; empty: it is not encrypted.
	EncryptionKey string
	// Deterministic says that the same value is encrypted to the same text.
	Deterministic bool
	Deprecated    *Deprecation
	Oneof         *Oneof // nil for none, and for the synthetic oneof of proto3 optional
	Proto         protoreflect.FieldDescriptor
	Pos           Position
}

// Deprecation says since when something is deprecated and what to use instead.
type Deprecation struct{ Since, Reason string }

// Enum is a closed list of names.
type Enum struct {
	Name, FullName string
	Doc            string
	Package        *Package
	File           *File
	Parent         *Message
	Values         []*EnumValue
	Closed         bool // protobuf: features.enum_type = CLOSED; JSON Schema: always
	Proto          protoreflect.EnumDescriptor
	Pos            Position
}

// EnumValue is one value of an enum.
type EnumValue struct {
	Name   string // "ANALYSIS_TYPE_FULL"
	Number int32
	// JSONName is the string in JSON, "full": the option's, else the value's own name. Empty: the value has no JSON form
	// ("not set"), as a zero value named …UNSPECIFIED that has no option.
	JSONName   string
	Doc        string
	Deprecated *Deprecation
	Pos        Position
}

// Kind is the kind of a type's values.
type Kind string

// The kinds. Protobuf's wire families (sint, fixed) share a kind and differ in Type.Proto.
const (
	Bool        Kind = "bool"
	Int32       Kind = "int32"
	Int64       Kind = "int64" // JSON Schema integer
	Uint32      Kind = "uint32"
	Uint64      Kind = "uint64"
	Float       Kind = "float"
	Double      Kind = "double" // JSON Schema number
	String      Kind = "string"
	Bytes       Kind = "bytes"
	EnumKind    Kind = "enum"
	MessageKind Kind = "message"   // well-known types of protobuf but Timestamp too
	Timestamp   Kind = "timestamp" // google.protobuf.Timestamp; JSON Schema string with format date-time
	JSONObject  Kind = "json_object"
	JSONValue   Kind = "json_value" // any JSON value
	List        Kind = "list"
	Map         Kind = "map"
)

// Type is a type with the constraints on its values.
type Type struct {
	Kind        Kind
	Message     *Message // MessageKind
	Enum        *Enum    // EnumKind
	Union       *Union   // of a JSONObject that is one of several messages
	Elem        *Type    // List, Map
	Key         *Type    // Map
	Constraints Constraints
	// Proto is the field's wire kind, 0 for JSON Schema.
	Proto protoreflect.Kind
	// RawText says that a protobuf string may hold bytes that are not UTF-8: in proto2, or by a feature of an edition.
	RawText bool
	// Pointer is the JSON pointer of the type's schema in the file of Pos; JSON Schema only.
	Pointer string
	Pos     Position
}

// Constraints limit the values of a type. A nil or empty member limits nothing.
type Constraints struct {
	Min, Max           *Bound // numbers
	MultipleOf         string // decimal text
	MinLen, MaxLen     *uint64
	Pattern            string // of RE2 beside Rules, else of ECMA-262; unanchored unless it says so
	Format             string // "uuid", "date-time", "email", "uri", …: JSON Schema's names
	MinItems, MaxItems *uint64
	Unique             bool     // list items
	MinPairs, MaxPairs *uint64  // maps and objects
	Const              string   // JSON text; of an enum the JSON name, the number where it has none
	In, NotIn          []string // likewise
	DefinedOnly        bool     // enums
	// SkipZero says that the constraints do not hold for the zero value of an item, or of a field without presence
	// (protovalidate's IGNORE_IF_ZERO_VALUE, which fields of a oneof among the rules of their message have by themselves).
	// Without it they hold for zero too, except in a field with explicit presence that is absent.
	SkipZero bool
	// Rules are the protovalidate rules this was read from, nil for JSON Schema. Members above hold what they say;
	// a rule that has no member (CEL, prefix, …) is only here.
	Rules *validate.FieldRules
	// Unmodelled is what else the values must fulfil, nil when nothing.
	Unmodelled *Unmodelled
	// Pos is where the constraints stand.
	Pos Position
}

// Bound is a limit of a number.
type Bound struct {
	Value     string // decimal text, exact
	Exclusive bool
}
