package main

import (
	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	p := new(folder)
	root := &cobra.Command{
		Use:   "trestle",
		Short: "Schema-first events on Kafka: generate, check, register, publish, trace",
		Long: `Trestle turns versioned event schemas (protobuf or JSON Schema) into Go types, topics, registry subjects and
compatibility checks, and moves the events: publish, read, trace.

Exit status: 0 fine, 1 the answer is no (incompatible, invalid, drift), 2 it could not be done.`,
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
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("schemas", newInit())
	add("schemas", newGenerate(p), newCheck(p), newChangelog(p), newLint(p), newBuild(p), newValidate(p), newDocs(p))
	add("cluster", newTopics(p), newRegister(p))
	add("events", newPublish(p), newPeek(p), newTrace(p))
	add("local", newDemo(p), newDev(p))
	return root
}
