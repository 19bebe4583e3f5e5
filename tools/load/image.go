package load

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/protoutil"
	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/load/protobuf"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// An image is a google.protobuf.FileDescriptorSet, as `buf build -o` and `protoc -o` write it. JSON Schemas are added
// to it in a field that others do not know and pass over:
//
//	message FileDescriptorSet {
//	  repeated FileDescriptorProto file = 1;
//	  repeated JSONSchema json_schema = 61310;
//	}
//	message JSONSchema {
//	  string path = 1;
//	  bytes text = 2;
//	}
//
// Files that are only there for others to import are marked as buf marks them, in field 8042 (is_import in field 1 of
// the message there) of FileDescriptorProto.
const (
	imageJSONSchema     protowire.Number = 61310
	imageJSONSchemaPath protowire.Number = 1
	imageJSONSchemaText protowire.Number = 2
	bufExtension        protowire.Number = 8042
	bufIsImport         protowire.Number = 1
)

// maxImageSize is the largest image that is read, in bytes.
const maxImageSize = 512 << 20

// Image is a file that [WriteImage], `buf build -o` or `protoc -o` has written, gzipped or not. Only what WriteImage
// wrote can hold JSON Schemas.
func Image(name string) Source { return imageSource(name) }

type imageSource string

func (s imageSource) open(context.Context) (*tree, error) {
	f, err := os.Open(string(s))
	if err != nil {
		return nil, noSuchFile(string(s), err)
	}
	defer f.Close()
	t, err := openImage(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", string(s), err)
	}
	return t, nil
}

// ImageBytes is an image in memory, as [Image] reads it.
func ImageBytes(text []byte) Source { return imageBytes(text) }

type imageBytes []byte

func (s imageBytes) open(context.Context) (*tree, error) { return openImage(bytes.NewReader(s)) }

func openImage(r io.Reader) (*tree, error) {
	text, err := readLimited(r)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("not an image: %w", err)
		}
		if text, err = readLimited(z); err != nil {
			return nil, fmt.Errorf("not an image: %w", err)
		}
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := (proto.UnmarshalOptions{AllowPartial: true, RecursionLimit: draft.MaxDepth}).Unmarshal(text, set); err != nil {
		return nil, fmt.Errorf("not an image (written by trestle build, buf build or protoc -o?): %w", err)
	}
	st := mapStore{}
	t := &tree{store: st, image: set.GetFile()}
	seen := map[string]bool{}
	for _, fd := range set.GetFile() {
		switch name := fd.GetName(); {
		case !isProto(name):
			return nil, fmt.Errorf("not an image: it holds a file named %q", name)
		case seen[name]:
			return nil, fmt.Errorf("a damaged image: it holds %s twice", name)
		case !protobuf.IsLibrary(name) && !isImport(fd):
			t.targets = append(t.targets, name)
		}
		seen[fd.GetName()] = true
	}
	if err := eachField(set.ProtoReflect().GetUnknown(), imageJSONSchema, func(value []byte) error {
		name, text := jsonSchemaEntry(value)
		if !strings.HasSuffix(name, ".json") {
			return fmt.Errorf("a damaged image: it holds a JSON Schema named %q", name)
		}
		st[name] = text
		t.targets = append(t.targets, name)
		return nil
	}); err != nil {
		return nil, err
	}
	if len(t.targets) == 0 {
		return nil, fmt.Errorf("an image without schemas: %w", ErrNoSchemas)
	}
	slices.Sort(t.targets)
	return t, nil
}

func readLimited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxImageSize+1))
	if err == nil && len(text) > maxImageSize {
		err = fmt.Errorf("an image larger than %d MiB", maxImageSize>>20)
	}
	return text, err
}

func isImport(fd *descriptorpb.FileDescriptorProto) bool {
	found := false
	_ = eachField(fd.ProtoReflect().GetUnknown(), bufExtension, func(value []byte) error {
		for len(value) > 0 {
			number, kind, n := protowire.ConsumeTag(value)
			if n < 0 {
				return nil
			}
			size := protowire.ConsumeFieldValue(number, kind, value[n:])
			if size < 0 {
				return nil
			}
			if v, ok := protowire.ConsumeVarint(value[n:]); number == bufIsImport && kind == protowire.VarintType && ok > 0 {
				found = v != 0
			}
			value = value[n+size:]
		}
		return nil
	})
	return found
}

// eachField calls f with the values of a length-delimited field among unknown ones.
func eachField(unknown []byte, want protowire.Number, f func(value []byte) error) error {
	for len(unknown) > 0 {
		number, kind, n := protowire.ConsumeTag(unknown)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, unknown[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		if number == want && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(unknown[n:])
			if err := f(value); err != nil {
				return err
			}
		}
		unknown = unknown[n+size:]
	}
	return nil
}

func jsonSchemaEntry(value []byte) (name string, text []byte) {
	_ = eachField(value, imageJSONSchemaPath, func(v []byte) error { name = string(v); return nil })
	_ = eachField(value, imageJSONSchemaText, func(v []byte) error { text = v; return nil })
	return name, text
}

// WriteImage returns a loaded set as an image: the descriptors of its protobuf files with what they import, source
// positions and comments included, and its JSON Schemas as they are. The same set gives the same bytes.
func WriteImage(set *schema.Set) ([]byte, error) {
	var b []byte
	written := map[string]bool{}
	own := map[string]bool{}
	var jsons []*schema.File
	var protos []protoreflect.FileDescriptor
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.Protobuf {
				own[f.Path] = true
				protos = append(protos, f.Proto)
			} else {
				jsons = append(jsons, f)
			}
		}
	}
	// Files come after those they import, else by name.
	slices.SortFunc(protos, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	var add func(fd protoreflect.FileDescriptor) error
	add = func(fd protoreflect.FileDescriptor) error {
		if written[fd.Path()] {
			return nil
		}
		written[fd.Path()] = true
		for i := range fd.Imports().Len() {
			if err := add(fd.Imports().Get(i).FileDescriptor); err != nil {
				return err
			}
		}
		text, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(protoutil.ProtoFromFileDescriptor(fd))
		if err != nil {
			return fmt.Errorf("write %s into an image: %w", fd.Path(), err)
		}
		if !own[fd.Path()] && !isMarkedImport(text) {
			mark := protowire.AppendVarint(protowire.AppendTag(nil, bufIsImport, protowire.VarintType), 1)
			text = protowire.AppendBytes(protowire.AppendTag(text, bufExtension, protowire.BytesType), mark)
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), text)
		return nil
	}
	for _, fd := range protos {
		if err := add(fd); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(jsons, func(a, b *schema.File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range jsons {
		entry := protowire.AppendString(protowire.AppendTag(nil, imageJSONSchemaPath, protowire.BytesType), f.Path)
		entry = protowire.AppendBytes(protowire.AppendTag(entry, imageJSONSchemaText, protowire.BytesType), f.Source)
		b = protowire.AppendBytes(protowire.AppendTag(b, imageJSONSchema, protowire.BytesType), entry)
	}
	return b, nil
}

// isMarkedImport says whether an encoded descriptor has buf's mark already: it came from an image.
func isMarkedImport(text []byte) bool {
	marked := false
	_ = eachField(text, bufExtension, func([]byte) error { marked = true; return nil })
	return marked
}
