package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/omninode/trestle/tools/load"
	"github.com/spf13/cobra"
)

func newBuild(p *project) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "build -o IMAGE",
		Short: "Compile all schemas into one file",
		Long: `Build writes all schemas into one file: the descriptors of the protobuf files, as buf and protoc write and read them, and
the JSON Schemas beside them. The same schemas give the same bytes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := p.load(cmd.Context())
			if err != nil {
				return err
			}
			image, err := load.WriteImage(set)
			if err != nil {
				return err
			}
			if output == "-" {
				_, err := cmd.OutOrStdout().Write(image)
				return err
			}
			if err := replaceFile(output, image); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d packages, %d bytes\n", output, len(set.Packages), len(image))
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; - for standard output")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err)
	}
	return cmd
}

// replaceFile writes a file as a whole: who reads it sees the old one or the new one.
func replaceFile(path string, content []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, 0o644) // a device or a pipe
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".trestle-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(content); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
