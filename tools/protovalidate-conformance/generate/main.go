// Command generate writes Go types and validators of the messages that protovalidate's conformance suite sends, for the
// executor in testdata beside it. The folder it writes is large and follows from the suite's version, so it is not kept in the
// repository.
//
//	generate -schemas DIR -out DIR -prefix GO-IMPORT-PATH
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/load"
)

// folder holds the suite's messages, and those of its protocol.
const folder = "buf/validate/conformance"

func main() {
	schemas := flag.String("schemas", "", "folder of the suite's schemas, which holds "+folder)
	out := flag.String("out", "", "folder to write")
	prefix := flag.String("prefix", "", "Go import path of the folder to write")
	flag.Parse()
	if err := run(context.Background(), *schemas, *out, *prefix); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, schemas, out, prefix string) error {
	texts := map[string][]byte{}
	root := os.DirFS(schemas)
	err := fs.WalkDir(root, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".proto" {
			return err
		}
		texts[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the suite's schemas: %w", err)
	}
	set, err := load.Schemas(ctx, load.Files(texts), load.WithGoPrefix(prefix))
	if err != nil {
		return err
	}
	files, err := golang.GenerateWith(set, golang.Options{OnlyValidators: true, KeepRefused: true})
	if err != nil {
		return err
	}
	_, err = gen.Write(out, files)
	return err
}
