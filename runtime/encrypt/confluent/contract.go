package confluent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/registry"
)

// The schema languages, by the registry's names.
const (
	languageJSON     = string(registry.JSON)
	languageProtobuf = string(registry.Protobuf)
)

// contract is a schema with what its rules have encrypted.
type contract struct {
	id       int
	language string
	byMode   map[string]instructions
	tags     pathTags
	// What of these two it is, the language says. Both are nil where no rule encrypts fields.
	json   *node
	file   protoreflect.FileDescriptor
	fields fieldTags // of file
}

// instructions are what is to be done in a mode, or why it can't be.
type instructions struct {
	steps []step
	err   error
}

// schemaKey names a schema in the registry.
type schemaKey struct {
	subject string
	id      int // 0: by the GUID or, without one, the newest version of the subject
	guid    uuid.UUID
}

func (k schemaKey) String() string {
	switch {
	case k.id != 0:
		return "schema " + strconv.Itoa(k.id)
	case k.guid != uuid.Nil:
		return "schema " + k.guid.String()
	}
	return "subject " + k.subject
}

func (k schemaKey) isNewest() bool { return k.id == 0 && k.guid == uuid.Nil }

// path is where the registry has it, and the query.
func (k schemaKey) path() (string, url.Values) {
	switch {
	case k.id != 0:
		return "/schemas/ids/" + strconv.Itoa(k.id), url.Values{"subject": {k.subject}}
	case k.guid != uuid.Nil:
		return "/schemas/guids/" + k.guid.String(), url.Values{}
	}
	return "/subjects/" + url.PathEscape(k.subject) + "/versions/latest", url.Values{}
}

// knownContract is a contract that was read, and when it is read again: that of a version never is.
type knownContract struct {
	*contract
	again time.Time // zero: never
}

// rememberNewest is for how long a subject's newest version is taken to be that.
const rememberNewest = 5 * time.Minute

// contract returns a schema with its rules.
func (c *Cipher) contract(ctx context.Context, key schemaKey) (*contract, error) {
	c.mu.Lock()
	known, ok := c.contracts[key]
	c.mu.Unlock()
	if ok && (known.again.IsZero() || c.keys.now().Before(known.again)) {
		return known.contract, nil
	}
	found, err := c.read(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", key, err)
	}
	fresh := knownContract{contract: found}
	if key.isNewest() {
		fresh.again = c.keys.now().Add(rememberNewest)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.contracts[key] = fresh
	return found, nil
}

// ask reads a version of a schema. What the registry does not have is an error for good, any other one may pass.
func (c *Cipher) ask(ctx context.Context, path string, query url.Values) (*schemaAnswer, error) {
	var answer schemaAnswer
	err := c.client.Ask(ctx, http.MethodGet, path, query, nil, &answer)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		err = &encrypt.AwayError{Err: err}
	}
	return &answer, err
}

// read reads a schema, and what it refers to.
func (c *Cipher) read(ctx context.Context, key schemaKey) (*contract, error) {
	path, query := key.path()
	answer, err := c.ask(ctx, path, query)
	if err != nil {
		return nil, err
	}
	out := &contract{id: answer.ID, language: answer.Type, byMode: map[string]instructions{}}
	if out.id == 0 {
		out.id = key.id
	}
	some := false
	for _, mode := range []string{modeWrite, modeRead} {
		steps, err := answer.steps(mode)
		out.byMode[mode] = instructions{steps, err}
		for _, s := range steps {
			some = some || !s.payload
		}
	}
	if !some {
		return out, nil
	}
	if out.tags, err = answer.pathTags(); err != nil {
		return nil, err
	}
	if answer.Type == languageProtobuf {
		query.Set("format", "serialized")
		if answer, err = c.ask(ctx, path, query); err != nil {
			return nil, err
		}
	}
	texts := map[string]string{}
	if err := c.references(ctx, answer, texts); err != nil {
		return nil, err
	}
	switch answer.Type {
	case languageJSON:
		out.json, err = newJSONSchema(answer.Schema, texts)
	case languageProtobuf:
		out.fields.paths = out.tags
		out.file, err = newProtobufSchema(answer.Schema, texts)
	default: // Avro
	}
	return out, err
}

// references reads what a schema refers to, by the names that it uses.
func (c *Cipher) references(ctx context.Context, answer *schemaAnswer, into map[string]string) error {
	query := url.Values{}
	if answer.Type == languageProtobuf {
		query.Set("format", "serialized")
	}
	for _, r := range answer.References {
		if _, ok := into[r.Name]; ok {
			continue
		}
		found, err := c.ask(ctx, "/subjects/"+url.PathEscape(r.Subject)+"/versions/"+strconv.Itoa(r.Version), query)
		if err != nil {
			return fmt.Errorf("its reference %s: %w", r.Name, err)
		}
		into[r.Name] = found.Schema
		if err := c.references(ctx, found, into); err != nil {
			return err
		}
	}
	return nil
}

// steps are what is to be done in a mode.
func (k *contract) steps(mode string) ([]step, error) {
	of := k.byMode[mode]
	if of.err == nil && len(of.steps) > 0 && k.language != languageJSON && k.language != languageProtobuf {
		return nil, errors.New("its rules encrypt, and it is of a language that Trestle does not read: only JSON and PROTOBUF are")
	}
	return of.steps, of.err
}
