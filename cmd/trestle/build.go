package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newBuild(p *folder) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "build -o IMAGE",
		Short: "Compile all schemas into one file",
		Long: `Build writes all schemas into one file: the descriptors of the protobuf files, as buf and protoc write and read them, and
the JSON Schemas beside them. The same schemas give the same bytes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			image, err := ops.Build(cmd.Context(), p.project())
			if err != nil {
				return err
			}
			if output == "-" {
				_, err := cmd.OutOrStdout().Write(image.Content)
				return err
			}
			if err := image.WriteFile(output); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d packages, %d bytes\n", output, image.Packages, len(image.Content))
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; - for standard output")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err)
	}
	return cmd
}
