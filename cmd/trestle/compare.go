package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

// compareEnvironments shows what differs between the environment that is entered and another one.
func compareEnvironments(cmd *cobra.Command, p *folder, c *connections, name string, asJSON, check bool) error {
	project, env, err := c.enter(p)
	if err != nil {
		return err
	}
	like, err := project.Environment(ops.Addresses{Environment: name})
	if err != nil {
		return err
	}
	stop := showProgress(cmd, func() string { return "comparing the environments" })
	found, err := ops.Compare(cmd.Context(), project, env, like)
	stop()
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(cmd, found)
	} else {
		err = showComparison(cmd, found)
	}
	if err == nil && check && !found.Empty() {
		err = errNo
	}
	return err
}

func showComparison(cmd *cobra.Command, found *ops.Comparison) error {
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if !found.Empty() {
		fmt.Fprintf(w, "KIND\tNAME\tWHAT\t%s\t%s\n", cmp.Or(found.Environment, "HERE"), found.Like)
	}
	count := map[string]int{}
	for _, d := range found.Changes {
		count[d.Kind]++
		name := plain(d.Title())
		if d.Undeclared {
			name += " (undeclared)"
		}
		switch d.Action {
		case "create":
			fmt.Fprintf(w, "%s\t%s\t\tnone\tthere\n", d.Kind, name)
		case "delete":
			fmt.Fprintf(w, "%s\t%s\t\tthere\tnone\n", d.Kind, name)
		}
		for _, c := range d.Changes {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Kind, name, c.Name, plain(cmp.Or(c.From, "none")), plain(cmp.Or(c.To, "none")))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if found.Empty() {
		fmt.Fprintf(out, "%d subjects and %d topics, all alike\n", count["subject"], count["topic"])
	}
	for _, what := range found.NotCompared {
		fmt.Fprintf(out, "not compared: %s\n", what)
	}
	return nil
}
