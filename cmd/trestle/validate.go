package main

import (
	"errors"
	"fmt"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/spf13/cobra"
)

// validateAnswer is what `validate --json` prints for a document.
type validateAnswer struct {
	// Document is the file, or file:line in a file of one event a line.
	Document   string      `json:"document"`
	Valid      bool        `json:"valid"`
	Violations []violation `json:"violations"`
}

type violation struct {
	Path    string `json:"path"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Found   string `json:"found,omitempty"`
}

func newValidate(p *project) *cobra.Command {
	var asJSON, list bool
	cmd := &cobra.Command{
		Use:   "validate TYPE [FILE…]",
		Short: "Check events against their type",
		Long: `Validate reads events, one JSON document a file or one a line, from files or standard input ("-"), and reports every
rule they break. A document is the event as it is on the wire, that with what an envelope needs left out, or the bare
payload; ids, timestamps and defaults that are missing are no mistake, since publishing fills them in. Types are those of
the project's schemas; nothing has to be generated.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			types, err := p.eventTypes(cmd.Context())
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
			info, err := types.named(args[0])
			if err != nil {
				return err
			}
			invalid, total := 0, 0
			err = readDocuments(args[1:], cmd.InOrStdin(), func(d document) error {
				total++
				answer := validateDocument(info, d)
				if !answer.Valid {
					invalid++
				}
				if asJSON {
					return showLine(cmd, answer)
				}
				for _, v := range answer.Violations {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", d.Name, trestle.Violation{Path: v.Path, Rule: v.Rule, Message: v.Message, Found: v.Found})
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

// cliSource is the source of hook events that this command publishes, where the event names none.
var cliSource = trestle.Source{ServiceName: "trestle", ServiceVersion: "1.0.0", InstanceID: "trestle-cli"}

// anySchemaID stands for the id that a registry gives.
const anySchemaID = 1

// validateDocument does with an event what publishing does, short of sending it.
func validateDocument(info *trestle.EventInfo, d document) validateAnswer {
	event, env, err := event.ReadText(info, d.Text)
	if err == nil {
		_, err = trestle.Encode(event, &env, trestle.EncodeOptions{Source: cliSource, SchemaID: anySchemaID})
	}
	answer := validateAnswer{Document: d.Name, Valid: err == nil, Violations: []violation{}}
	var invalid *trestle.ValidationError
	var broken *jsonio.Error
	switch {
	case errors.As(err, &invalid):
		for _, v := range invalid.Violations {
			answer.Violations = append(answer.Violations, violation{Path: v.Path, Rule: v.Rule, Message: v.Message, Found: v.Found})
		}
	case errors.As(err, &broken):
		answer.Violations = append(answer.Violations, violation{Path: broken.Path, Rule: "json", Message: err.Error()})
	case err != nil:
		answer.Violations = append(answer.Violations, violation{Rule: "event", Message: err.Error()})
	}
	return answer
}
