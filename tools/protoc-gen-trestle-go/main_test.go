package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
)

// TestSameAsGenerate holds the plugin to what the generator has written from the same schemas.
func TestSameAsGenerate(t *testing.T) {
	t.Parallel()
	req := request(t, "paths=source_relative")
	resp := invoke(t, req)
	if resp.Error != nil {
		t.Fatal(resp.GetError())
	}
	if len(resp.File) == 0 {
		t.Fatal("no files")
	}
	for _, f := range resp.File {
		want, err := os.ReadFile(filepath.Join("..", "..", "gen", filepath.FromSlash(f.GetName())))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(want), f.GetContent()); diff != "" {
			t.Errorf("%s differs (-generated +plugin):\n%s", f.GetName(), diff)
		}
	}
}

func TestUnknownOption(t *testing.T) {
	t.Parallel()
	resp := invoke(t, request(t, "paths=import"))
	if !strings.Contains(resp.GetError(), `"paths=import"`) || len(resp.File) > 0 {
		t.Errorf("got error %q and %d files, want an error that names the option", resp.GetError(), len(resp.File))
	}
}

func TestNoRequest(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), strings.NewReader("no request"), &bytes.Buffer{}); err == nil {
		t.Error("text that is no request was answered")
	}
}

func invoke(t *testing.T, req *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	text, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), bytes.NewReader(text), &out); err != nil {
		t.Fatal(err)
	}
	resp := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(out.Bytes(), resp); err != nil {
		t.Fatal(err)
	}
	return resp
}

// request asks for the code generation events, as buf would.
func request(t *testing.T, parameter string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String(parameter)}
	added := map[string]bool{}
	var add func(fd protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if added[fd.Path()] {
			return
		}
		added[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		req.ProtoFile = append(req.ProtoFile, protodesc.ToFileDescriptorProto(fd))
	}
	for _, fd := range []protoreflect.FileDescriptor{
		codegenv1.File_omninode_codegen_v1_alert_proto, codegenv1.File_omninode_codegen_v1_analysis_proto,
		codegenv1.File_omninode_codegen_v1_dead_letter_proto, codegenv1.File_omninode_codegen_v1_enums_proto,
		codegenv1.File_omninode_codegen_v1_envelope_proto, codegenv1.File_omninode_codegen_v1_family_proto,
		codegenv1.File_omninode_codegen_v1_mixin_proto, codegenv1.File_omninode_codegen_v1_pattern_proto,
		codegenv1.File_omninode_codegen_v1_status_proto, codegenv1.File_omninode_codegen_v1_validation_proto,
	} {
		add(fd)
		req.FileToGenerate = append(req.FileToGenerate, fd.Path())
	}
	return req
}
