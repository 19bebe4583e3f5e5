package main

import (
	"errors"
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/spf13/cobra"
)

func newValidate(p *folder) *cobra.Command {
	var asJSON, list bool
	cmd := &cobra.Command{
		Use:   "validate TYPE [FILE…]",
		Short: "Check events against their type",
		Long: `Validate reads events, one JSON document a file or one a line, from files or standard input ("-"), and reports every
rule they break. A document is the event as it is on the wire, that with what an envelope needs left out, or the bare
payload; ids, timestamps and defaults that are missing are no mistake, since publishing fills them in. Types are those of
the project's schemas; nothing has to be generated.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			types, err := p.project().EventTypes(cmd.Context())
			if err != nil {
				return err
			}
			if list {
				for _, e := range types {
					fmt.Fprintln(cmd.OutOrStdout(), e.Type)
				}
				return nil
			}
			if len(args) == 0 {
				return errors.New("name an event type: `trestle validate --list` lists them")
			}
			info, err := types.Named(args[0])
			if err != nil {
				return err
			}
			invalid, total := 0, 0
			err = ops.ReadTexts(args[1:], cmd.InOrStdin(), func(text ops.EventText) error {
				total++
				answer := ops.Validate(info, text)
				if !answer.Valid {
					invalid++
				}
				if asJSON {
					return showLine(cmd, answer)
				}
				for _, v := range answer.Violations {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", text.Name, trestle.Violation{Path: v.Path, Rule: v.Rule, Message: v.Message, Found: v.Found})
				}
				return nil
			})
			if err != nil {
				return err
			}
			if invalid > 0 {
				return no("%d of %d events are invalid", invalid, total)
			}
			return nil
		},
	}
	addJSON(cmd, &asJSON, "print one JSON object for each event")
	cmd.Flags().BoolVar(&list, "list", false, "list the event types")
	return cmd
}
