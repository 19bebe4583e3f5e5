package main

import (
	"cmp"
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is, and what it was built from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := ops.OwnVersion()
			if asJSON {
				return printJSON(cmd, v)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "trestle %s  %s  %s\n", cmp.Or(v.Version, "(a checkout)"), cmp.Or(v.Commit, "(unknown commit)"), v.Go)
			return err
		},
	}
	addJSON(cmd, &asJSON, "print the version as JSON")
	return cmd
}
