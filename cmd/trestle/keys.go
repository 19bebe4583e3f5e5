package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newKeys(p *folder) *cobra.Command {
	return newParent("keys", "Look after the keys that fields of events are encrypted with",
		newKeysList(p), newKeysRotate(p), newKeysDestroy(p), newKeysErase(p), newKeysRewrap(p), newKeysNew())
}

func newKeysList(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the data keys, by class and age",
		Long: `Keys list says of each data key of a class when it was made, with which key of the KEK it is wrapped, and how many keys of persons are wrapped with it. It shows
no key. The KEK is not asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			keys, err := ops.ListKeys(cmd.Context(), project, env)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, struct {
					Keys []ops.ListedKey `json:"keys"`
				}{keys})
			}
			if len(keys) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "there are no keys yet: the first event that is encrypted makes one, or `trestle keys rotate CLASS`")
				return nil
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(out, "CLASS\tKEY\tSTATE\tCREATED\tKEK\tPERSONS")
			for _, k := range keys {
				fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%d\n", k.Class, k.ID, k.State, k.Created, k.KEK, k.Persons)
			}
			return out.Flush()
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the keys as JSON")
	return cmd
}

func newKeysRotate(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate CLASS",
		Short: "Make a new data key of a class, with which events are encrypted from now on",
		Long: `Keys rotate makes a new data key. Publishers take it up at once, as they follow the topic of keys; what was encrypted before is decrypted with the old ones, which stay.
Without it publishers make a new key themselves at the end of a key's period (90 days, or period_days in trestle.yaml).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			done, err := ops.RotateKeys(cmd.Context(), project, env, args[0])
			return showKey(cmd, asJSON, done, fmt.Sprintf("events are encrypted with key %s of class %s now", done.Key, done.Class), err)
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print the key's id as JSON")
	return cmd
}

// showKey says what was done with a key, if it was.
func showKey(cmd *cobra.Command, asJSON bool, done ops.ChangedKey, text string, err error) error {
	switch {
	case done.Key == "":
		return err
	case asJSON:
		return errors.Join(err, printJSON(cmd, done))
	}
	fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

func newKeysDestroy(p *folder) *cobra.Command {
	var c connections
	var asJSON, force bool
	cmd := &cobra.Command{
		Use:   "destroy KEY",
		Short: "Destroy a data key: what was encrypted with it can't be read any more",
		Long: `Keys destroy writes over a key, so that nobody can decrypt any more what was encrypted with it, or with the keys of persons that it wraps. Events stay where they are;
consumers get them without these fields. It can't be undone. The newest key of a class is left unless --force is given.

The key's old record leaves the topic of keys when brokers compact it, a day later at most once another key was written. Until then, who may read that topic and use the
KEK could still have kept it, as could a backup of the topic: then destroy the KEK's key, too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			done, err := ops.DestroyKey(cmd.Context(), project, env, args[0], force)
			text := fmt.Sprintf("key %s is destroyed", done.Key)
			if done.Persons > 0 {
				text += fmt.Sprintf(", and with it the keys of persons that it wrapped: %d", done.Persons)
			}
			return showKey(cmd, asJSON, done, text, err)
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "destroy it even if it is the newest of its class")
	addJSON(cmd, &asJSON, "print what was destroyed as JSON")
	return cmd
}

func newKeysErase(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "erase PERSON",
		Short: "Destroy all keys of one person, and say where that person's events are",
		Long: `Keys erase destroys the data keys of a person, as events name that person in the field that the schema has as data_subject: nobody can decrypt any more what was encrypted
for that person, wherever it is: in topics, dead letters, the trace store, an outbox, a spool, or a backup. It then counts such events in each topic of the environment,
and in its database. Events of others are as they were. It can't be undone.

With - the person is read from standard input, so that no list of processes shows who it is. Neither the audit log nor the topic of keys names the person.

It exits with 1 where the person has no keys, or where some keys could not be looked under.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			person := args[0]
			if person == "-" {
				line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
				if err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				if person = strings.TrimRight(line, "\r\n"); person == "" {
					return errors.New("standard input names no person")
				}
			}
			var looked atomic.Int64
			stop := showProgress(cmd, func() string { return fmt.Sprintf("%d records looked through", looked.Load()) })
			done, err := ops.ErasePerson(cmd.Context(), project, env, person, looked.Store)
			stop()
			if err != nil && len(done.Keys) == 0 {
				return err
			}
			if asJSON {
				err = errors.Join(err, printJSON(cmd, done))
			} else {
				showErased(cmd.OutOrStdout(), &done)
			}
			if err == nil && (len(done.Keys) == 0 || len(done.Incomplete) > 0) {
				err = errNo
			}
			return err
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	addJSON(cmd, &asJSON, "print what was destroyed and found as JSON")
	return cmd
}

func showErased(out io.Writer, done *ops.ErasedPerson) {
	if len(done.Keys) == 0 {
		fmt.Fprintln(out, "that person has no keys: nothing was encrypted for that name, or it was erased before")
	} else {
		fmt.Fprintf(out, "keys of the person that are destroyed: %d\n", len(done.Keys))
	}
	for _, p := range done.Places {
		if p.Events > 0 {
			fmt.Fprintf(out, "%s: %d events that can't be read any more\n", strings.TrimSpace(p.Kind+" "+p.Name), p.Events)
		}
	}
	for _, what := range done.NotSearched {
		fmt.Fprintf(out, "not looked through: %s\n", what)
	}
	for _, what := range done.Incomplete {
		fmt.Fprintf(out, "keys may be left: %s\n", what)
	}
}

func newKeysRewrap(p *folder) *cobra.Command {
	var c connections
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rewrap CLASS",
		Short: "Wrap the data keys of a class with the KEK's current key",
		Long:  `Keys rewrap has the KEK wrap with its current key what it wrapped with older ones, so that those can be given up. No event changes: data keys stay what they are.`,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			n, err := ops.RewrapKeys(cmd.Context(), project, env, args[0])
			if err != nil && n == 0 {
				return err
			}
			if asJSON {
				return errors.Join(err, printJSON(cmd, struct {
					Class string `json:"class"`
					Keys  int    `json:"keys"`
				}{args[0], n}))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "data keys of class %s that are wrapped anew: %d\n", args[0], n)
			return err
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print how many keys were wrapped anew as JSON")
	return cmd
}

func newKeysNew() *cobra.Command {
	var name string
	var add, asJSON bool
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Make a file with a new key encryption key, for those who have no vault",
		Long: `Keys new makes a file with a key of 256 random bits, which only its owner may read, for kek: {file: …} in trestle.yaml. With --add it adds a key to a file: data keys are
wrapped with that one from then on, and the others stay for what they have wrapped. Keep a copy where it is safe: without it nothing that was encrypted can be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := ops.MakeKEK(args[0], name, add); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, struct {
					File string `json:"file"`
					Name string `json:"name"`
				}{args[0], name})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "key %s is in %s\n", name, args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the key's name, which stands with what it wraps (required)")
	cmd.Flags().BoolVar(&add, "add", false, "add the key to a file that is there")
	_ = cmd.MarkFlagRequired("name")
	addJSON(cmd, &asJSON, "print the key's name as JSON")
	return cmd
}
