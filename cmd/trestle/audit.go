package main

import (
	"encoding/json"
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newAudit(p *folder) *cobra.Command {
	return newParent("audit", "See what commands have changed, and whether that record is whole", newAuditList(p), newAuditVerify(p))
}

func newAuditList(p *folder) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the changes that commands have made, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ops.ListAudit(p.project(), func(e ops.AuditEntry) error {
				if asJSON {
					return showLine(cmd, e)
				}
				before, _ := json.Marshal(e.Before)
				after, _ := json.Marshal(e.After)
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s  %s  %s\n  %s → %s\n", e.Time.Format("2006-01-02 15:04:05.000"), plain(e.Who),
					plain(e.Environment), plain(e.What), plain(e.Target), plain(string(before)), plain(string(after)))
				return err
			})
		},
	}
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

func newAuditVerify(p *folder) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say whether the record is as commands wrote it; exit 1 if a line was changed or is missing",
		Long:  `Verify follows the chain of hashes from the first line on. What was cut off at the end it can't see: keep the last hash elsewhere, and compare.`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verdict, err := ops.VerifyAudit(p.project())
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				err = printJSON(cmd, verdict)
			case verdict.Valid:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d entries, all as they were written\n", verdict.Entries)
			default:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "line %d: %s; %d entries before it are as they were written\n", verdict.Line, verdict.Detail, verdict.Entries)
			}
			if err == nil && !verdict.Valid {
				err = errNo
			}
			return err
		},
	}
	addJSON(cmd, &asJSON, "print the verdict as JSON")
	return cmd
}
