package main

import (
	"bytes"
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

// indented is the JSON of v as [printJSON] prints it, without its last newline, for a place that is indented by prefix.
func indented(v any, prefix string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent(prefix, "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), err
}

// showLine prints one JSON object on one line.
func showLine(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
