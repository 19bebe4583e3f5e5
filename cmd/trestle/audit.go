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

// auditSource are the flags that say which record is read.
type auditSource struct {
	connections
	place string
}

func (s *auditSource) add(cmd *cobra.Command) {
	s.addBrokers(cmd)
	cmd.Flags().StringVar(&s.place, "from", "", "file or topic, where both are named (default: the file)")
}

func newAuditList(p *folder) *cobra.Command {
	var from auditSource
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the changes that commands have made, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := from.enter(p)
			if err != nil {
				return err
			}
			return ops.ListAudit(cmd.Context(), project, env, from.place, func(e ops.AuditEntry) error {
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
	from.add(cmd)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

func newAuditVerify(p *folder) *cobra.Command {
	var from auditSource
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say whether the record is as commands wrote it; exit 1 if an entry was changed or is missing",
		Long: `Verify follows the chain of hashes from the first entry on, and names the first that does not follow: it was changed, one before it is missing, or two were
written behind the same one. What was cut off at the end it can't see: keep the last hash elsewhere, and compare.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := from.enter(p)
			if err != nil {
				return err
			}
			verdict, err := ops.VerifyAudit(cmd.Context(), project, env, from.place)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				err = printJSON(cmd, verdict)
			case verdict.Valid:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d entries, all as they were written\n", verdict.Entries)
			default:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %d entries before it are as they were written\n", plain(verdict.Place), verdict.Detail, verdict.Entries)
			}
			if err == nil && !verdict.Valid {
				err = errNo
			}
			return err
		},
	}
	from.add(cmd)
	addJSON(cmd, &asJSON, "print the verdict as JSON")
	return cmd
}
