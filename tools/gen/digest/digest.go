// Package digest identifies the schemas of events. A registry gives a schema an id of its own; the digest of the same schema is the same in every
// registry, and without one. docs/formats.md says what it is made of, so that other programs can make it, too.
//
// What a schema is for people does not count: comments, descriptions, layout, the order of members. All else does, with what the schema refers to.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/onwire"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// The forms of schemas. The number is the version of what is digested: whoever changes that takes the next one.
const (
	jsonForm     = "json 1"
	protobufForm = "protobuf 1"
)

// Digests are those of the schemas of a set. They may be used by many goroutines.
type Digests struct {
	texts  func() (map[string]string, error) // of JSON Schemas, by path below the output folder
	onWire *onwire.Files                     // those of protobuf

	mu     sync.Mutex
	events map[*schema.Event]string
	files  map[string]string // sums of protobuf files, by path
}

// New returns the digests of a set's events, or only of those in the packages of some names.
func New(set *schema.Set, packages ...string) *Digests {
	return From(set, func() ([]output.File, error) {
		byPackage, err := jsonschema.Packages(set, packages)
		return slices.Concat(slices.Collect(maps.Values(byPackage))...), err
	})
}

// From is [New] where the set's JSON Schemas have been generated, or will be when one is asked for.
func From(set *schema.Set, schemas func() ([]output.File, error)) *Digests {
	return &Digests{onWire: onwire.New(set), events: map[*schema.Event]string{}, files: map[string]string{}, texts: sync.OnceValues(func() (map[string]string, error) {
		generated, err := schemas()
		texts := make(map[string]string, len(generated))
		for _, f := range generated {
			texts[f.Path] = string(f.Content)
		}
		return texts, err
	})}
}

// Event returns the digest of an event's schema as it is registered, 32 hexadecimal digits. It fails where no JSON Schema can be made of an
// event of the set that travels as JSON.
func (d *Digests) Event(e *schema.Event) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.events[e]; ok {
		return known, nil
	}
	made, err := d.event(e)
	if err == nil {
		d.events[e] = made
	}
	return made, err
}

func (d *Digests) event(e *schema.Event) (string, error) {
	if e.Encoding == schema.EncodingProtobuf {
		return d.protobuf(e.Message.File.Proto)
	}
	texts, err := d.texts()
	if err != nil {
		return "", err
	}
	at, referred := jsonschema.Path(e), map[string]string{}
	for _, name := range jsonschema.References(e) {
		referred[name] = texts[path.Join(path.Dir(at), name)]
	}
	return JSON(texts[at], referred)
}

// Known is [Digests.Event] for those who can do without: empty where it fails.
func (d *Digests) Known(e *schema.Event) string {
	digest, err := d.Event(e)
	if err != nil {
		return ""
	}
	return digest
}

// JSON returns the digest of a JSON Schema, with the texts that it refers to, directly or not, by the names that it has for them.
func JSON(text string, referred map[string]string) (string, error) {
	main, err := jsonSum(text)
	if err != nil {
		return "", fmt.Errorf("digest of a JSON Schema: %w", err)
	}
	sums := make(map[string]string, len(referred))
	for name, text := range referred {
		if sums[name], err = jsonSum(text); err != nil {
			return "", fmt.Errorf("digest of a JSON Schema: %s: %w", name, err)
		}
	}
	return combine(jsonForm, main, sums), nil
}

// Protobuf returns the digest of a protobuf file of the set as it is registered, with those that it imports.
func (d *Digests) Protobuf(f protoreflect.FileDescriptor) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.protobuf(f)
}

func (d *Digests) protobuf(f protoreflect.FileDescriptor) (string, error) {
	main, err := d.file(f)
	if err != nil {
		return "", err
	}
	sums := map[string]string{}
	for _, imported := range Imports(f) {
		if sums[imported.Path()], err = d.file(imported); err != nil {
			return "", err
		}
	}
	return combine(protobufForm, main, sums), nil
}

func (d *Digests) file(f protoreflect.FileDescriptor) (string, error) {
	if sum, ok := d.files[f.Path()]; ok {
		return sum, nil
	}
	made, err := d.onWire.File(f)
	if err != nil {
		return "", fmt.Errorf("digest of %w", err)
	}
	sum, err := protobufSum(made)
	if err != nil {
		return "", fmt.Errorf("digest of %s: %w", f.Path(), err)
	}
	d.files[f.Path()] = sum
	return sum, nil
}

// Imports returns the files that one imports, directly or not, each after those that it imports, without those that every registry knows
// (google/protobuf).
func Imports(f protoreflect.FileDescriptor) []protoreflect.FileDescriptor { return importsOf(f, nil) }

func importsOf(f protoreflect.FileDescriptor, found []protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i).FileDescriptor
		known := func(o protoreflect.FileDescriptor) bool { return o.Path() == imported.Path() }
		if strings.HasPrefix(imported.Path(), "google/protobuf/") || slices.ContainsFunc(found, known) {
			continue
		}
		found = append(importsOf(imported, found), imported)
	}
	return found
}

// combine digests the sums of a schema and of what it refers to by name.
func combine(form, main string, referred map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", form, main)
	for _, name := range slices.Sorted(maps.Keys(referred)) {
		fmt.Fprintf(&b, "%s %s\n", name, referred[name])
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

func sumOf(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
