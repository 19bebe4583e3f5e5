package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	p := new(folder)
	root := &cobra.Command{
		Use:   "trestle",
		Short: "Schema-first events on Kafka: generate, check, register, publish, trace",
		Long: `Trestle turns versioned event schemas (protobuf or JSON Schema) into Go types, topics, registry subjects and
compatibility checks, and moves the events: publish, read, trace.

Exit status: 0 fine, 1 the answer is no (incompatible, invalid, drift), 2 it could not be done,
130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVarP((*string)(p), "dir", "C", "", "folder of the project (default: the nearest one upwards with a trestle.yaml)")
	root.AddGroup(
		&cobra.Group{ID: "schemas", Title: "Schemas:"},
		&cobra.Group{ID: "cluster", Title: "Cluster and registry:"},
		&cobra.Group{ID: "events", Title: "Events:"},
		&cobra.Group{ID: "local", Title: "On this machine:"},
	)
	// A command that only has others below it shows no line for itself.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("schemas", newInit())
	add("schemas", newGenerate(p), newCheck(p), newChangelog(p), newLint(p), newBuild(p), newValidate(p), newDocs(p), newImport(p))
	add("cluster", newPlan(p), newApply(p), newTopics(p), newRegister(p), newACL(p), newUsers(p), newKeys(p), newGroups(p), newCluster(p), newAudit(p), newMonitor(p), newDoctor(p))
	add("events", newPublish(p), newPeek(p), newTail(p), newTrace(p), newDLQ(p))
	add("local", newDemo(p), newDev(p), newVersion())
	addCompletion(root, p)
	return root
}

// newParent returns a command that only has others below it. Alone it shows its help; a word that names none of them is
// an error, lest a script takes the help for success.
func newParent(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:                        use,
		Short:                      short,
		SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				return fmt.Errorf("unknown command %q for %q: did you mean %s?", args[0], cmd.CommandPath(), strings.Join(meant, " or "))
			}
			var have []string
			for _, c := range cmd.Commands() {
				have = append(have, c.Name())
			}
			return fmt.Errorf("unknown command %q for %q: it has %s", args[0], cmd.CommandPath(), strings.Join(have, ", "))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}
