package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/spf13/cobra"
)

func newACL(p *folder) *cobra.Command {
	return newParent("acl", "Let services do what the schemas say of them, and nothing else", newACLPlan(p), newACLApply(p), newACLExplain(p), newACLCheck(p))
}

func newACLPlan(p *folder) *cobra.Command {
	return newCheckedPlan(p, ops.PlanACLs, "all is as declared", "Say what `acl apply` would do; change nothing",
		`Acl plan compares the cluster's ACLs with those that services need, by who publishes and consumes which event and whose consumer groups there are; trestle.yaml
says whom the cluster takes each service for (principals). ACLs that nobody declares are named, and stay without a flag: those of these principals need
--remove-undeclared, and those of others, on the same topics and groups, are nobody's here.

It exits with 0 whatever there is to do; with --check, 1 unless the services have what they need, and nothing besides.`)
}

// newCheckedPlan is a plan command that can be asked whether there is nothing to do, as said by unless.
func newCheckedPlan(p *folder, make planning, unless, short, long string) *cobra.Command {
	var c connections
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: short,
		Long:  long,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, make)
			if err != nil {
				return err
			}
			err = showPlan(cmd, plan, asJSON)
			if err == nil && check && !plan.Empty() {
				err = errNo
			}
			return err
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "exit 1 unless "+unless)
	addJSON(cmd, &asJSON, "print the plan as JSON")
	return cmd
}

func newACLApply(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var allow allowances
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Give services the ACLs that they need; take none away without a flag",
		Long:  "Acl apply does what `acl plan` says. It returns once every broker shows it. `apply` does the same, with subjects and topics before it.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := makePlan(cmd, p, &c, ops.PlanACLs)
			if err != nil {
				return err
			}
			return apply(cmd, plan, allow, asJSON, showPlan)
		},
	}
	c.addBrokers(cmd)
	allow.addRemove(cmd)
	addJSON(cmd, &asJSON, "print what was done as JSON")
	return cmd
}

func newACLExplain(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain SERVICE",
		Short: "Say what a service has to be allowed, and why",
		Long: `Acl explain says which rights a service needs, and for which event or group each of them is, by the schemas alone. What the service uses of the runtime
that takes further ones, such as transactions, is in trestle.yaml: services: {SERVICE: {uses: [transactions]}}.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			rights, err := ops.ExplainService(cmd.Context(), project, env, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, rights)
			}
			return showRights(cmd, rights)
		},
	}
	c.addEnv(cmd)
	addJSON(cmd, &asJSON, "print the rights as JSON")
	return cmd
}

func showRights(cmd *cobra.Command, rights *ops.ServiceRights) error {
	out := cmd.OutOrStdout()
	who := ""
	if len(rights.Principals) > 0 {
		who = ", as " + strings.Join(rights.Principals, " or ") + ","
	}
	fmt.Fprintf(out, "%s%s has to be allowed:\n", rights.Name, who)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, g := range rights.Grants {
		fmt.Fprintf(w, "  %s on %s\t%s\n", g.Operation, acl.On(g.Resource, g.Name, g.Prefixed), strings.Join(g.Reasons, "; "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "Read and Write let it Describe, too, and Write on a topic lets it write idempotently, since Kafka 3.0.")
	for _, n := range rights.Notes {
		fmt.Fprintln(out, "note:", n)
	}
	return nil
}

func newACLCheck(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	var service string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare what a credential may really do with what a service needs; exit 1 where they differ",
		Long: `Acl check connects with the credential that flags, variables or the environment name, and asks brokers what that may do: on all topics and groups that they show
it, and on those that the service needs. Too little and too much are both findings. It changes nothing, and takes no rights.

Where topics don't exist brokers don't say what may be done there. Of transactional ids it tries the service's own, and one that is nobody's, by ending a
transaction that there is not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			verdict, err := ops.CheckRights(cmd.Context(), project, env, service)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd, verdict)
			} else {
				err = showRightsVerdict(cmd, verdict)
			}
			if err == nil && !verdict.OK {
				err = errNo
			}
			return err
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().StringVar(&service, "as", "", "the service that the credential is of")
	_ = cmd.MarkFlagRequired("as")
	addJSON(cmd, &asJSON, "print the verdict as JSON")
	return cmd
}

func showRightsVerdict(cmd *cobra.Command, v *ops.RightsVerdict) error {
	out := cmd.OutOrStdout()
	who := "this credential"
	if v.User != "" {
		who = "user " + plain(v.User)
	}
	for _, f := range v.Findings {
		var operations []string
		for _, o := range f.Operations {
			operations = append(operations, string(o))
		}
		what := strings.Join(operations, ", ") + " on " + acl.On(f.Resource, plain(f.Name), false)
		if f.Kind == ops.TooLittle {
			fmt.Fprintf(out, "too little: %s may not %s: %s %s\n", who, what, v.Service, strings.Join(f.Reasons, "; "))
		} else {
			fmt.Fprintf(out, "too much: %s may %s, which %s does not need\n", who, what, v.Service)
		}
	}
	for _, u := range v.Unknown {
		fmt.Fprintln(out, "not known:", u)
	}
	if v.OK {
		fmt.Fprintf(out, "%s may do what %s needs, and nothing else that brokers tell of\n", who, v.Service)
	}
	return nil
}
