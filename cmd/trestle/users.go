package main

import (
	"fmt"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newUsers(p *folder) *cobra.Command {
	return newParent("users", "Make the users that services are on a cluster, and give them new passwords", newUsersPlan(p), newUsersApply(p), newUsersRotate(p))
}

func newUsersPlan(p *folder) *cobra.Command {
	return newCheckedPlan(p, ops.PlanUsers, "every service has a user", "Say what `users apply` would do; change nothing",
		`Users plan says which services have no user of the cluster yet (SCRAM-SHA-512). Which users a service may have, its principals in trestle.yaml say: the first is
made, the second when it is rotated. Principals of certificates (User:CN=…) need none.`)
}

func newUsersApply(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make the users that services lack, and hand over their passwords",
		Long: `Users apply makes users with random passwords, and hands each over to the place that trestle.yaml names (users: {hand_over: …}): a file, a file of variables, or a
command's standard input. A password is shown nowhere. Where it can't be handed over, the user is removed again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, ops.PlanUsers)
			if err != nil {
				return err
			}
			return apply(cmd, plan, allowances{}, asJSON, showPlan)
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print what was done as JSON")
	return cmd
}

func newUsersRotate(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var o ops.RotateOptions
	cmd := &cobra.Command{
		Use:   "rotate SERVICE",
		Short: "Make a service's other user with a new password and its ACLs; with --finish, remove the old one",
		Long: `Users rotate makes the one of a service's two users that there is not, with the service's ACLs, waits until every broker knows it, and hands its password over.
Clients that find it in a file (sasl: {login: {file: …}}) take it up within seconds, without a restart. Then, with --finish, it removes the other one.

Which user a connection is of, brokers tell in their log of accesses alone (kafka.authorizer.logger). Connections of the old user outlive it, unless brokers ask again who
they are (connections.max.reauth.ms).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			done, err := ops.RotateUser(cmd.Context(), project, env, args[0], o)
			if done == nil {
				return err
			}
			if asJSON {
				if shown := printJSON(cmd, done); err == nil {
					err = shown
				}
				return err
			}
			out := cmd.OutOrStdout()
			for _, u := range done.Changes {
				fmt.Fprintf(out, "%s user %s: done\n", u.Action, u.Name)
			}
			if done.HandedTo != "" {
				fmt.Fprintf(out, "its password is in %s\n", done.HandedTo)
			}
			fmt.Fprintln(out, done.Next)
			return err
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().BoolVar(&o.Finish, "finish", false, "remove the old user")
	cmd.Flags().StringVar(&o.Old, "old", "", "with --finish, the user to remove (default: the one whose password was not handed over last)")
	addJSON(cmd, &asJSON, "print what was done as JSON")
	return cmd
}
