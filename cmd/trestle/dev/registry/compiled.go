package registry

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Compiler is a [Checker] that knows protobuf schemas compiled, too: so Confluent's serializers register them, in base64, and so their deserializers ask
// for them, with format=serialized. Without it they are source alone.
type Compiler interface {
	// Descriptor compiles a schema.
	Descriptor(ctx context.Context, c Candidate) (*descriptorpb.FileDescriptorProto, error)
	// Source prints a compiled schema. Texts are those of its references, by name.
	Source(ctx context.Context, serialized []byte, texts map[string]string) (string, error)
}

// asSource turns a schema that was sent compiled into its source, as which it is kept.
func (s *Server) asSource(ctx context.Context, next *Schema) error {
	compiler, ok := s.checks.checker.(Compiler)
	if !ok || next.Type != "PROTOBUF" {
		return nil
	}
	serialized, err := base64.StdEncoding.DecodeString(next.Schema)
	if err != nil || proto.Unmarshal(serialized, new(descriptorpb.FileDescriptorProto)) != nil {
		return nil // it is source
	}
	texts := map[string]string{}
	s.mu.RLock()
	s.state.settle(next)
	err = s.state.resolve(next.References, false, texts, new([]*Schema))
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	next.Schema, err = bounded(ctx, s.checks, func(ctx context.Context) (string, error) {
		source, err := compiler.Source(ctx, serialized, texts)
		if err != nil {
			err = fail(invalidSchema, "not a valid PROTOBUF schema: %v", err)
		}
		return source, err
	})
	return err
}

// unlocked is an answer that is worked out once the state needs no looking at any more.
type unlocked func(context.Context) (any, error)

// inForm is an answer, with its schema in the form that the request asks for.
func (s *Server) inForm(r *http.Request, v *Schema, a schemaAnswer) (any, error) {
	compiler, ok := s.checks.checker.(Compiler)
	if !ok || v.Type != "PROTOBUF" || r.URL.Query().Get("format") != "serialized" {
		return a, nil
	}
	c := Candidate{Subject: v.Subject, Type: v.Type, Schema: v.Schema, Texts: map[string]string{}}
	if err := s.state.resolve(v.References, true, c.Texts, new([]*Schema)); err != nil {
		return nil, err
	}
	return unlocked(func(ctx context.Context) (any, error) {
		return bounded(ctx, s.checks, func(ctx context.Context) (any, error) {
			file, err := compiler.Descriptor(ctx, c)
			if err != nil {
				return nil, err
			}
			serialized, err := proto.Marshal(file)
			a.Schema = base64.StdEncoding.EncodeToString(serialized)
			return a, err
		})
	}), nil
}

// guid is the schema's id that is the same whatever else the registry holds: its digest, as a UUID of version 8.
func (v *Schema) guid() uuid.UUID {
	id := uuid.UUID(v.digest[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id
}

// byGUID returns a version of the schema with the GUID that the request's path names.
func (s *Server) byGUID(r *http.Request) (*Schema, error) {
	if id, err := uuid.Parse(r.PathValue("guid")); err == nil {
		if v := s.state.guids[id]; v != nil {
			return v, nil
		}
	}
	return nil, fail(40403, "schema guid %q not found", r.PathValue("guid"))
}

func (s *Server) getGUID(r *http.Request) (any, error) {
	v, err := s.byGUID(r)
	if err != nil {
		return nil, err
	}
	return s.inForm(r, v, schemaAnswer{ID: v.ID, Type: v.Type, References: v.References, Schema: v.Schema, GUID: v.guid().String()})
}

// contextID is an id in one of a registry's contexts, of which this one has a single one.
type contextID struct {
	Context string `json:"context"`
	ID      int    `json:"id"`
}

func (s *Server) guidIDs(r *http.Request) (any, error) {
	v, err := s.byGUID(r)
	if err != nil {
		return nil, err
	}
	return []contextID{{".", v.ID}}, nil
}

// registration is the answer to one.
type registration struct {
	ID      int    `json:"id"`
	Version int    `json:"version"`
	GUID    string `json:"guid"`
}

func registered(v *Schema) registration { return registration{v.ID, v.Version, v.guid().String()} }
