package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// addJSON gives a command that answers its two ways to ask for JSON: --json and --format json.
func addJSON(cmd *cobra.Command, asJSON *bool, usage string) {
	cmd.Flags().BoolVar(asJSON, "json", false, usage)
	cmd.Flags().Func("format", "text or json (default: text)", func(format string) error {
		if format != "text" && format != "json" {
			return fmt.Errorf("text or json")
		}
		*asJSON = format == "json"
		return nil
	})
}

// printJSON prints an answer for programs.
func printJSON(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// showLine prints one JSON object on one line.
func showLine(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
