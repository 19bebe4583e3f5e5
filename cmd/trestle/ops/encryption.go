package ops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/schema"
)

// EncryptionSettings say by which keys an environment's data keys are wrapped, with which fields of events are encrypted. Empty: it has none.
type EncryptionSettings struct {
	// KEK wraps the data keys of the classes that Keys does not name.
	KEK *KEKSettings `yaml:"kek"`
	// Keys are for single classes.
	Keys map[string]KeySettings `yaml:"keys"`
}

// KeySettings are for the data keys of one class.
type KeySettings struct {
	// KEK wraps them; nil: the environment's.
	KEK *KEKSettings `yaml:"kek"`
	// PeriodDays is for how many days events are encrypted with one data key; 0: 90.
	PeriodDays int `yaml:"period_days"`
}

// KEKSettings are where a key encryption key is: in one of these places.
type KEKSettings struct {
	// File has the key, relative to trestle.yaml.
	File string `yaml:"file"`
	// Env is the environment variable that has it.
	Env string `yaml:"env"`
	// Command is the program that wraps and unwraps, such as one that asks a vault, with its arguments.
	Command []string `yaml:"command"`
}

func (s EncryptionSettings) isEmpty() bool { return s.KEK == nil && len(s.Keys) == 0 }

// placed has files be relative to trestle.yaml. What is shared with the project's configuration stays as it is.
func (s EncryptionSettings) placed(p *Project) EncryptionSettings {
	place := func(k *KEKSettings) *KEKSettings {
		if k == nil {
			return nil
		}
		out := *k
		p.at(&out.File)
		return &out
	}
	s.KEK, s.Keys = place(s.KEK), maps.Clone(s.Keys)
	for class, k := range s.Keys {
		k.KEK = place(k.KEK)
		s.Keys[class] = k
	}
	return s
}

// files are those that KEKs are in.
func (s EncryptionSettings) files() []string {
	var out []string
	add := func(k *KEKSettings) {
		if k != nil && k.File != "" && !slices.Contains(out, k.File) {
			out = append(out, k.File)
		}
	}
	add(s.KEK)
	for _, class := range slices.Sorted(maps.Keys(s.Keys)) {
		add(s.Keys[class].KEK)
	}
	return out
}

func (k *KEKSettings) open() (encrypt.KEK, error) {
	n := 0
	for _, is := range []bool{k.File != "", k.Env != "", len(k.Command) > 0} {
		if is {
			n++
		}
	}
	switch {
	case n != 1:
		return nil, errors.New("kek: want one of file, env and command")
	case k.File != "":
		return kek.NewFile(k.File), nil
	case k.Env != "":
		return kek.NewEnv(k.Env), nil
	}
	return kek.NewCommand(k.Command[0], k.Command[1:]...), nil
}

// classes are those of the wanted classes of keys that the settings have a KEK for, and those that the settings name.
func (s EncryptionSettings) classes(wanted []string) (map[string]encrypt.Class, error) {
	named := map[string]bool{}
	for class := range s.Keys {
		named[class] = true
	}
	for _, class := range wanted {
		if s.KEK != nil {
			named[class] = true
		}
	}
	out := map[string]encrypt.Class{}
	for class := range named {
		settings := s.Keys[class]
		from := settings.KEK
		if from == nil {
			from = s.KEK
		}
		if from == nil {
			return nil, fmt.Errorf("encryption: keys of class %s have no kek", class)
		}
		opened, err := from.open()
		if err != nil {
			return nil, fmt.Errorf("encryption: keys of class %s: %w", class, err)
		}
		if settings.PeriodDays < 0 {
			return nil, fmt.Errorf("encryption: keys of class %s: period_days is %d, want a number from 1", class, settings.PeriodDays)
		}
		out[class] = encrypt.Class{KEK: opened, Period: time.Duration(settings.PeriodDays) * day}
	}
	return out, nil
}

// keyClasses are the classes of keys by which fields of a set's events are encrypted; nil: none is.
func keyClasses(set *schema.Set) []string {
	if set == nil {
		return nil
	}
	var out []string
	for _, e := range set.Events() {
		out = append(out, set.SealedKeys(e.Message)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// errNoEncryption says that an environment has no keys.
var errNoEncryption = errors.New("no keys of encrypted fields: trestle.yaml has none under encryption for the environment")

// openKeys are the data keys of the environment, until ctx ends. The error is [errNoEncryption] where it has none.
func (e Environment) openKeys(ctx context.Context, conn kafka.Connection, classes []string) (*encrypt.Keys, error) {
	if e.Encryption.isEmpty() {
		return nil, errNoEncryption
	}
	kept, err := e.Encryption.classes(classes)
	if err != nil {
		return nil, e.errorf("%w", err)
	}
	topic, err := e.Names().Topic(keytopic.Topic)
	if err != nil {
		return nil, e.errorf("%w", err)
	}
	store, err := keytopic.New(conn, topic)
	if err != nil {
		return nil, err
	}
	var opts []encrypt.KeysOption
	if conn.Logger != nil {
		opts = append(opts, encrypt.WithLogger(conn.Logger))
	}
	keys, err := encrypt.NewKeys(store, kept, opts...)
	if err != nil {
		store.Close()
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		keys.Close()
		store.Close()
	})
	return keys, nil
}

// keysIfAny are the environment's keys as those use them who need them for encrypted fields alone; nil: there are none.
func (e Environment) keysIfAny(ctx context.Context, conn kafka.Connection, classes []string) (event.Keys, error) {
	if len(classes) == 0 {
		return nil, nil
	}
	keys, err := e.openKeys(ctx, conn, classes)
	if errors.Is(err, errNoEncryption) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// revealingKeys are keys whose use is written down: what they decrypt is shown to somebody.
type revealingKeys struct {
	event.Keys
	ctx   context.Context
	audit *auditLog
	what  string // is shown

	mu     sync.Mutex
	opened []encrypt.KeyID
}

// ByID implements [event.Keys].
func (k *revealingKeys) ByID(ctx context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	key, err := k.Keys.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.opened, id) {
		if err := k.audit.add(k.ctx, change{what: "reveal", target: k.what, after: map[string]any{"key": id.String()}}); err != nil {
			return nil, err // what can't be written down is not shown
		}
		k.opened = append(k.opened, id)
	}
	return key, nil
}

// stackKEK is the file with the KEK of a development stack that has none in trestle.yaml, in its folder.
const stackKEK = "kek"

// stackEncryption are the settings of the project's development stack: its own KEK, once it has one.
func (p *Project) stackEncryption() EncryptionSettings {
	if path := p.Path(StackDir, stackKEK); exists(path) {
		return EncryptionSettings{KEK: &KEKSettings{File: path}}
	}
	return EncryptionSettings{}
}

// makeStackKEK makes the KEK of the project's development stack, unless there is one or nothing is encrypted.
func (p *Project) makeStackKEK(set *schema.Set) error {
	path := p.Path(StackDir, stackKEK)
	if len(keyClasses(set)) == 0 || exists(path) {
		return nil
	}
	return kek.Create(path, "dev")
}
