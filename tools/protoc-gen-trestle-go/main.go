// Command protoc-gen-trestle-go is a plugin of buf and protoc: beside what protoc-gen-go makes, it writes x.trestle.go
// with validation, JSON and defaults of a file's messages, and trestle.go with the events of a package.
//
//	# buf.gen.yaml
//	plugins:
//	  - local: protoc-gen-go
//	    out: gen
//	    opt: paths=source_relative
//	  - local: protoc-gen-trestle-go
//	    out: gen
//	    opt: paths=source_relative
//	    strategy: all
//
// Its only option is paths=source_relative, which is also the default. A package must be given whole, with all its
// files in one invocation (strategy: all), since its events are listed in one place.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-trestle-go:", err)
		os.Exit(1)
	}
}

// run answers one request. A fault in the schemas is part of the answer; other errors are returned.
func run(ctx context.Context, in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	var req pluginpb.CodeGeneratorRequest
	if err := proto.Unmarshal(text, &req); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	resp := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
			pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO3)),
		MaximumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_2023)),
	}
	files, err := generate(ctx, &req)
	if err != nil {
		resp.Error = proto.String(err.Error())
	}
	resp.File = files
	answer, err := proto.Marshal(resp)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	_, err = out.Write(answer)
	return err
}

func generate(ctx context.Context, req *pluginpb.CodeGeneratorRequest) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	for option := range strings.SplitSeq(req.GetParameter(), ",") {
		if option != "" && option != "paths=source_relative" {
			return nil, fmt.Errorf("option %q is not known: the only one is paths=source_relative", option)
		}
	}
	image, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: req.GetProtoFile()})
	if err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	set, err := load.Schemas(ctx, load.ImageBytes(image))
	if err != nil {
		return nil, err
	}
	var packages []string
	for _, pkg := range set.Packages {
		if slices.ContainsFunc(pkg.Files, func(f *schema.File) bool { return slices.Contains(req.GetFileToGenerate(), f.Path) }) {
			packages = append(packages, pkg.Name)
		}
	}
	if len(packages) == 0 {
		return nil, nil
	}
	made, err := golang.GenerateWith(set, golang.Options{WithoutMessages: true, Packages: packages})
	if err != nil {
		return nil, err
	}
	var files []*pluginpb.CodeGeneratorResponse_File
	for _, f := range made {
		files = append(files, &pluginpb.CodeGeneratorResponse_File{
			Name: proto.String(f.Path), Content: proto.String(string(f.Content)),
		})
	}
	return files, nil
}
