package main

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newDLQWatch(p *folder) *cobra.Command {
	var c connections
	var o ops.WatchOptions
	var limit int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow dead letters: say when a topic has too many of them, when it is well again, and which causes appear",
		Long: `Watch looks at the dead letters that are not resolved until it is stopped, and reads each once. It shows a line when those of a topic pass the limit, which is
monitor.limits.dead_letters of trestle.yaml (10) unless --limit is given, and one when it is well again: at half the limit, or once it was within the limit for
monitor.alerts.settle (5m), so that a number that goes up and down around the limit is shown once. Causes are shown as they appear, in one line
where a group fails for the same reason on several topics, with how many letters they have, and the command that lists these.

It tells the topic and the webhook that trestle.yaml names under monitor.alerts, as trestle monitor does; of all that watch and monitor an environment one
tells, once. With --group, --cause or another limit than the project's it is an alert of its own, which says so in its name.

With --json a line has time, and limit {topic, state, unresolved, limit}, state being raised or cleared; or cause {id, cause, group, count, topics, event_types, first,
last, earlier, list}; or more {causes, letters}, of those that appeared besides the first twenty.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("limit") {
				o.Limit = &limit
			}
			say := func(err error) { fmt.Fprintln(cmd.ErrOrStderr(), "trestle:", err) }
			o.Warn, o.Alerts.Failed, o.Alerts.Variable = say, say, os.Getenv
			o.Failed = func(err error) {
				if err == nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "trestle: dead letters can be looked at again")
				} else {
					say(err)
				}
			}
			var looks, letters, causes atomic.Int64
			o.Looked = func(n, of int) {
				if letters.Store(int64(n)); looks.Add(1) == 1 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d dead letters of %d causes are not resolved; ctrl-C to stop\n", n, of)
				}
				causes.Store(int64(of))
			}
			stop := showProgress(cmd, func() string {
				return fmt.Sprintf("%d dead letters of %d causes, looked %d times", letters.Load(), causes.Load(), looks.Load())
			})
			err = ops.WatchDeadLetters(cmd.Context(), project, env, o, func(n ops.DeadLetterNews) error {
				if asJSON {
					return showLine(cmd, n)
				}
				return showNews(cmd, &n)
			})
			stop()
			return err
		},
	}
	c.addBrokers(cmd)
	flags := cmd.Flags()
	flags.DurationVar(&o.Every, "every", ops.WatchInterval, "how often to look")
	flags.StringSliceVar(&o.Topics, "topics", nil, "dead-letter topics (default: all that the schemas have)")
	flags.Int64Var(&limit, "limit", 0, "how many letters of a topic may be unresolved (default: monitor.limits.dead_letters)")
	flags.StringArrayVar(&o.Groups, "group", nil, "only letters of a group that failed; may be repeated")
	flags.StringArrayVar(&o.Causes, "cause", nil, "only letters of a cause, by its id; may be repeated")
	flags.StringVar(&o.Alerts.Webhook, "webhook", "", "URL to post alerts to (TRESTLE_WEBHOOK)")
	flags.StringVar(&o.Alerts.WebhookSecretFile, "webhook-secret-file", "", "file with the secret to send along (TRESTLE_WEBHOOK_SECRET_FILE; TRESTLE_WEBHOOK_SECRET has itself)")
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	return cmd
}

// showNews shows what is new in a line, and the command that tells more.
func showNews(cmd *cobra.Command, n *ops.DeadLetterNews) error {
	out, at := cmd.OutOrStdout(), n.Time.Format("2006-01-02 15:04:05")
	var err error
	switch {
	case n.Limit != nil:
		state := "well"
		if n.Limit.State == ops.AlertRaised {
			state = "TOO MANY"
		}
		_, err = fmt.Fprintf(out, "%s  %s  %s: %d are not resolved, of %d that may be\n", at, state, n.Limit.Topic, n.Limit.Unresolved, n.Limit.Limit)
	case n.Cause != nil:
		state := "new cause"
		if n.Cause.Earlier {
			state = "cause"
		}
		_, err = fmt.Fprintf(out, "%s  %s  %s: %d letters of %d topics  %s  %s\n  %s\n", at, state, n.Cause.ID, n.Cause.Count, n.Cause.Topics, plain(n.Cause.Group),
			plain(n.Cause.Cause), n.Cause.List)
	case n.More != nil:
		_, err = fmt.Fprintf(out, "%s  … and %d more causes: %d letters\n  trestle dlq stats\n", at, n.More.Causes, n.More.Letters)
	}
	return err
}
