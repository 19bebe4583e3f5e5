package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/dev"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Environment is what differs between the places a project runs in: where its cluster, registry and trace store are,
// and what is set otherwise there. A function that needs one of them says so when it is empty.
type Environment struct {
	// Brokers are host:port each.
	Brokers []string `yaml:"brokers"`
	// Registry is the address of a Schema Registry.
	Registry string `yaml:"registry"`
	// Store is where traces and parked dead letters are kept: postgres://… or sqlite:FILE.
	Store string `yaml:"store"`
	// TLS encrypts connections to the brokers; nil: they are plain. SASL says who the client is to them.
	TLS  *TLSSettings  `yaml:"tls"`
	SASL *SASLSettings `yaml:"sasl"`
	// RegistryTLS has the registry's connections go by other files than the system's; RegistryAuth says who the client is to it.
	RegistryTLS  *TLSSettings  `yaml:"registry_tls"`
	RegistryAuth *RegistryAuth `yaml:"registry_auth"`
	// RegistryNormalize has the registry bring schemas into a form of its own before it compares and stores them.
	RegistryNormalize bool `yaml:"registry_normalize"`
	// Registries are further ones, which get the same subjects. Events get the ids of Registry.
	Registries []RegistrySettings `yaml:"registries"`
	// SubjectStrategy says under which subjects events' schemas are registered, and found; empty: <topic>-value, or <topic>-<event type> where a topic has several.
	SubjectStrategy registry.SubjectStrategy `yaml:"subject_strategy"`
	// StorePassword is where the password of a PostgreSQL store stands.
	StorePassword Secret `yaml:"store_password"`
	// Trace says what is kept in the trace store.
	Trace TraceSettings `yaml:"trace"`
	// ReplicationFactor of topics that are created; 0 takes the cluster's default.
	ReplicationFactor int16 `yaml:"replication_factor"`
	// Compatibility is the level set for registered subjects (BACKWARD, FULL_TRANSITIVE, …); empty leaves the
	// registry's own.
	Compatibility string `yaml:"compatibility"`
	// Prefix stands before the names that the schemas have for topics and consumer groups, unless one is given outright.
	Prefix string `yaml:"prefix"`
	// Topics and Groups say what is set otherwise for single ones, by the names that the schemas have for them.
	Topics map[string]TopicSettings `yaml:"topics"`
	Groups map[string]GroupSettings `yaml:"groups"`
	// Principals are whom the cluster takes services for; without any, nothing is said of ACLs. ACL says how these are written down.
	Principals Principals  `yaml:"principals"`
	ACL        ACLSettings `yaml:"acl"`
	// Encryption says where the keys of encrypted fields come from.
	Encryption EncryptionSettings `yaml:"encryption"`
	// Users say how the users that these principals are come into being.
	Users UserSettings `yaml:"users"`

	name  string // in trestle.yaml; empty: none of there
	own   []ownTopic
	audit *auditLog
}

// TopicSettings are what an environment sets otherwise for a topic.
type TopicSettings struct {
	// Name is the topic's on the cluster; empty: that of the schemas behind the prefix.
	Name string `yaml:"name"`
	// Partitions is their number; 0: as the schemas say.
	Partitions int32 `yaml:"partitions"`
	// ReplicationFactor is for when it is created; 0: the environment's.
	ReplicationFactor int16 `yaml:"replication_factor"`
	// RetentionMS is for how many milliseconds records are kept, -1 for ever; 0: as the schemas say.
	RetentionMS int64 `yaml:"retention_ms"`
	// CompressionType is how records are compressed: gzip, snappy, lz4, zstd, uncompressed, or producer; empty: as the schemas say.
	CompressionType string `yaml:"compression_type"`
}

// overlay sets in a topic's declaration what is otherwise here.
func (t TopicSettings) overlay(s *topics.Spec) {
	if t.Partitions > 0 {
		s.Partitions = t.Partitions
	}
	if t.ReplicationFactor > 0 {
		s.ReplicationFactor = t.ReplicationFactor
	}
	if t.RetentionMS != 0 {
		s.Config["retention.ms"] = strconv.FormatInt(t.RetentionMS, 10)
	}
	if t.CompressionType != "" {
		s.Config["compression.type"] = t.CompressionType
	}
}

// validate says what is wrong with the settings, whatever the cluster.
func (t TopicSettings) validate() error {
	switch {
	case t.Partitions < 0:
		return fmt.Errorf("partitions is %d, want a number from 1", t.Partitions)
	case t.ReplicationFactor < 0:
		return fmt.Errorf("replication_factor is %d, want a number from 1", t.ReplicationFactor)
	case t.RetentionMS < -1:
		return fmt.Errorf("retention_ms is %d, want milliseconds, or -1 for ever", t.RetentionMS)
	}
	return nil
}

// GroupSettings are what an environment sets otherwise for a consumer group.
type GroupSettings struct {
	// Name is the group's on the cluster; empty: that of the schemas behind the prefix.
	Name string `yaml:"name"`
}

// RegistrySettings are what an environment says of a further registry, in the words that it has for the first.
type RegistrySettings struct {
	Registry          string        `yaml:"registry"`
	RegistryTLS       *TLSSettings  `yaml:"registry_tls"`
	RegistryAuth      *RegistryAuth `yaml:"registry_auth"`
	RegistryNormalize bool          `yaml:"registry_normalize"`
}

// eachRegistry is the environment as it is with each of its registries alone.
func (e Environment) eachRegistry() ([]Environment, error) {
	out := []Environment{e}
	known := map[string]bool{e.Registry: true}
	for i, r := range e.Registries {
		switch {
		case r.Registry == "" || e.Registry == "":
			return nil, e.errorf("registries has further ones beside registry, each with its address under registry: number %d, or the first, has none", i+1)
		case known[r.Registry]:
			return nil, e.errorf("registry %s is named twice", withoutPassword(r.Registry))
		}
		known[r.Registry] = true
		other := e
		other.Registry, other.RegistryTLS, other.RegistryAuth, other.RegistryNormalize = r.Registry, r.RegistryTLS, r.RegistryAuth, r.RegistryNormalize
		out = append(out, other)
	}
	return out, nil
}

// withoutPassword is an address for people.
func withoutPassword(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "whose address is none"
	}
	parsed.User = nil
	return parsed.String()
}

// Names are the names that topics and consumer groups have in the environment.
func (e Environment) Names() trestle.Names {
	names := trestle.Names{Prefix: e.Prefix}
	for logical, t := range e.Topics {
		if t.Name != "" {
			names.Topics = with(names.Topics, logical, t.Name)
		}
	}
	for logical, g := range e.Groups {
		if g.Name != "" {
			names.Groups = with(names.Groups, logical, g.Name)
		}
	}
	return names
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// namesOf are the environment's names, once it is clear that they fit the topics of a set, whose names are its schemas'.
func (e Environment) namesOf(set *schema.Set) (trestle.Names, error) {
	names := e.Names()
	declared := append(TopicNames(set), besideSchemas(set)...)
	for _, t := range e.own {
		declared = append(declared, t.name)
	}
	for _, logical := range slices.Sorted(maps.Keys(e.Topics)) {
		if !slices.Contains(declared, logical) {
			return names, e.errorf("topic %s is named there, but the schemas declare none of that name", logical)
		}
		if err := e.Topics[logical].validate(); err != nil {
			return names, e.errorf("topic %s: %w", logical, err)
		}
	}
	if names.IsZero() {
		return names, nil
	}
	if err := names.CheckTopics(declared...); err != nil {
		return names, e.errorf("%w", err)
	}
	for _, g := range set.Groups {
		if _, err := names.Group(g.Name); err != nil {
			return names, e.errorf("%w", err)
		}
	}
	return names, nil
}

func (e Environment) errorf(format string, args ...any) error {
	return fmt.Errorf("environment %s: "+format, append([]any{e.label()}, args...)...)
}

func (e Environment) label() string { return cmp.Or(e.name, "of the stack") }

// Lookup returns an environment when something turns out to need one. Naming an environment that trestle.yaml lacks is
// no mistake of a comparison of two folders.
type Lookup func() (Environment, error)

// Addresses say which environment is meant, and what stands before its own addresses. The zero value is the project's
// running development stack.
type Addresses struct {
	// Environment is a name in trestle.yaml.
	Environment string
	// Brokers are separated by commas.
	Brokers, Registry, Store string
	// Access says how what is there is entered.
	Access Access
	// Variable looks up what stands between these fields and trestle.yaml: TRESTLE_ENV, TRESTLE_BROKERS,
	// TRESTLE_REGISTRY, TRESTLE_STORE and those of [Access]. With nil there is nothing between them.
	Variable func(name string) string
}

// Environment returns the environment that addresses mean. Outside of a project they alone count.
func (p *Project) Environment(a Addresses) (Environment, error) {
	variable := a.Variable
	if variable == nil {
		variable = func(string) string { return "" }
	}
	var env Environment
	name := cmp.Or(a.Environment, variable("TRESTLE_ENV"))
	switch {
	case p.missing == nil && name != "":
		var ok bool
		if env, ok = p.Config.Environments[name]; !ok {
			return env, fmt.Errorf("environment %q is not in %s", name, p.Path(ConfigName))
		}
		env.name = name
		if err := cmp.Or(env.SubjectStrategy.Validate(), env.Trace.validate()); err != nil {
			return env, env.errorf("%w", err)
		}
		env.placeFiles(p)
	case p.missing == nil:
		stack, err := dev.ReadAddresses(p.Path(StackDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return env, err
		}
		if stack.Environment != "" {
			if env, err = p.stackEnvironment(stack); err != nil {
				return env, err
			}
		}
		if stack.Brokers != "" && env.Encryption.isEmpty() {
			env.Encryption = p.stackEncryption()
		}
		env.Registry, env.Store = stack.Registry, stack.Store
		if stack.Brokers != "" {
			env.Brokers = strings.Split(stack.Brokers, ",")
		}
	case name != "":
		return env, p.missing
	}
	if s := cmp.Or(a.Brokers, variable("TRESTLE_BROKERS")); s != "" {
		env.Brokers = strings.Split(s, ",")
	}
	if address := cmp.Or(a.Registry, variable("TRESTLE_REGISTRY")); address != "" {
		env.Registry, env.Registries = address, nil
	}
	env.Store = cmp.Or(a.Store, variable("TRESTLE_STORE"), env.Store)
	if file, ok := strings.CutPrefix(env.Store, "sqlite:"); ok && p.missing == nil && a.Store == "" && !filepath.IsAbs(file) {
		env.Store = "sqlite:" + p.Path(file)
	}
	env.own = p.ownTopics()
	err := env.override(a.Access, variable)
	env.audit = p.auditLog(env)
	return env, err
}

func (e Environment) needBrokers() error {
	if len(e.Brokers) > 0 {
		return nil
	}
	return errors.New("no brokers: give --brokers or TRESTLE_BROKERS, name an environment with --env, or start `trestle dev`")
}

func (e Environment) needRegistry() error {
	if e.Registry != "" {
		return nil
	}
	return errors.New("no registry: give --registry or TRESTLE_REGISTRY, name an environment with --env, or start `trestle dev`")
}

func (e Environment) needStore() error {
	if e.Store != "" {
		return nil
	}
	return errors.New("no trace store: give --store or TRESTLE_STORE, name an environment with --env, or start `trestle dev`")
}

// kafka connects to the environment's cluster.
func (e Environment) kafka(ctx context.Context) (*kgo.Client, error) {
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn.Client()
}

// registryClient connects to the environment's registry, once that has let the client in.
func (e Environment) registryClient(ctx context.Context, opts ...registry.Option) (*registry.Client, error) {
	if err := e.needRegistry(); err != nil {
		return nil, err
	}
	client, err := registry.New(e.Registry, append(e.registryOptions(), opts...)...)
	if err != nil {
		return nil, err
	}
	return client, client.Check(ctx)
}

// schemaIDs finds the ids of schemas in a registry of the environment.
func (e Environment) schemaIDs(client *registry.Client) *registry.SchemaIDs {
	return registry.NewSchemaIDs(client, registry.WithSubjectStrategy(e.SubjectStrategy))
}

// OpenTraces opens the environment's trace store.
func (e Environment) OpenTraces(ctx context.Context) (eventtrace.Store, error) {
	db, err := e.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return db.Traces(), nil
}

// openStore opens the environment's store, for all that is kept in it.
func (e Environment) openStore(ctx context.Context) (store.Database, error) {
	if err := e.needStore(); err != nil {
		return nil, err
	}
	return store.Open(ctx, e.Store, e.storeOptions()...)
}

// openStoreToRead opens the environment's store for what is asked of it. A SQLite file that is not there is an error, and is not made.
func (e Environment) openStoreToRead(ctx context.Context) (store.Database, error) {
	if err := e.needStore(); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, e.Store, append(e.storeOptions(), store.Existing())...)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: it is made once `trestle trace run`, or `trestle dev`, has something to store", err)
	}
	return db, err
}

// lacksMigrations says whether the environment's store is not as this version of Trestle has it.
func (e Environment) lacksMigrations(ctx context.Context) (bool, error) {
	return store.Pending(ctx, e.Store, e.storeOptions()...)
}

func (e Environment) storeOptions() []store.Option {
	if e.StorePassword.IsZero() {
		return nil
	}
	return []store.Option{store.WithPassword(e.StorePassword.Secret)}
}
