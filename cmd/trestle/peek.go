package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
)

func newPeek(p *folder) *cobra.Command {
	var c connections
	var o ops.PeekOptions
	var asJSON, pretty bool
	cmd := &cobra.Command{
		Use:   "peek TOPIC",
		Short: "Show records of a topic: the newest, or from a place on",
		Long: `Peek shows the last records of a topic, over all partitions, oldest first. It joins no consumer group and moves no
offset. --from start shows the first ones, --from OFFSET those from that offset of each partition, --from TIME (RFC 3339)
those from then on, and --from end waits for new ones. What is left out by --type, --key, --where and the like does not count; without
--from they have the whole topic read.

What the project's schemas mark sensitive is shown as "***"; --reveal shows it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var read atomic.Int64
			o.Progress = read.Store
			stop := showProgress(cmd, func() string { return fmt.Sprintf("%d records read", read.Load()) })
			defer stop()
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) {
				fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err)
			}
			shown := 0
			err = ops.Peek(cmd.Context(), project, env, args[0], o, func(r ops.Peeked) error {
				shown++
				if asJSON {
					return showLine(cmd, r)
				}
				return showText(cmd.OutOrStdout(), r, pretty)
			})
			if err == nil && shown == 0 && !asJSON {
				if n := read.Load(); n > 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "no records: none of the %d that were read is as asked for\n", n)
				} else {
					fmt.Fprintf(cmd.ErrOrStderr(), "no records: there are none from that place on; `trestle topics offsets %s` says where the topic begins and ends\n", args[0])
				}
			}
			return err
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	cmd.Flags().IntVarP(&o.Count, "count", "n", 10, "how many records")
	addReveal(cmd, &o.Reveal)
	addRecordFilter(cmd, &o.Filter, &o.Headers, &pretty)
	cmd.Flags().StringVar(&o.From, "from", "", "start, end, an offset, or an RFC 3339 time (default: the last -n)")
	return cmd
}

// addReveal gives a command that shows events the flag that shows them whole.
func addReveal(cmd *cobra.Command, reveal *bool) {
	cmd.Flags().BoolVar(reveal, "reveal", false, "show what the schemas mark sensitive, instead of ***")
}

// addRecordFilter gives a command that shows records of a topic its filters.
func addRecordFilter(cmd *cobra.Command, f *ops.RecordFilter, headers, pretty *bool) {
	flags := cmd.Flags()
	flags.StringVar(&f.EventType, "type", "", "only events of this type")
	flags.StringVar(&f.Key, "key", "", "only records with this key")
	flags.StringVar(&f.Correlation, "correlation", "", "only events with this correlation id")
	flags.StringVar(&f.Session, "session", "", "only events of this session")
	flags.StringArrayVar(&f.Headers, "header", nil, "only records with this header, NAME or NAME=VALUE; may be repeated")
	flags.StringVar(&f.Until, "until", "", "only records of before an RFC 3339 time")
	flags.StringVar(&f.Where, "where", "", "only records of which an expression in CEL is true: value.payload.limit > 5 && key != 'a'")
	flags.BoolVar(headers, "headers", false, "show the headers, too")
	flags.BoolVar(pretty, "pretty", false, "show values over several lines")
}

func newTail(p *folder) *cobra.Command {
	var c connections
	var o ops.TailOptions
	var asJSON, pretty bool
	cmd := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Show the records of a topic as they come",
		Long: `Tail shows what is written to a topic from now on, or from a place on (--from), until it is stopped. It joins no consumer group and moves no offset.

What the project's schemas mark sensitive is shown as "***"; --reveal shows it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			shown := 0
			defer func() { fmt.Fprintf(cmd.ErrOrStderr(), "%d records shown\n", shown) }()
			return ops.Tail(cmd.Context(), project, env, args[0], o, func(r ops.Peeked) error {
				shown++
				if asJSON {
					return showLine(cmd, r)
				}
				return showText(cmd.OutOrStdout(), r, pretty)
			})
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	addReveal(cmd, &o.Reveal)
	addRecordFilter(cmd, &o.Filter, &o.Headers, &pretty)
	cmd.Flags().StringVar(&o.From, "from", "", "start, end, an offset, or an RFC 3339 time (default: the end)")
	return cmd
}

// plain is text of others for a terminal: what is not printable, as what would move its cursor or change its colours, is escaped.
func plain(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && utf8.ValidString(text) {
		return text
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func showText(w io.Writer, r ops.Peeked, pretty bool) error {
	key := "(no key)"
	if r.Key != nil {
		key = plain(*r.Key)
	}
	value := plain(string(r.Value))
	if indented := new(bytes.Buffer); pretty && json.Indent(indented, r.Value, "  ", "  ") == nil {
		lines := strings.Split(indented.String(), "\n")
		for i := range lines {
			lines[i] = plain(lines[i])
		}
		value = strings.Join(lines, "\n")
	}
	switch {
	case r.ValueBase64 != "":
		value = "(not JSON) " + r.ValueBase64
	case r.Withheld != "":
		value = "(not shown: " + r.Withheld + ")"
	}
	fmt.Fprintf(w, "%s  %s[%d]@%d  %s  %s\n", r.Timestamp, r.Topic, r.Partition, r.Offset, cmp.Or(plain(r.EventType), "(unknown type)"), key)
	for _, h := range r.Headers {
		fmt.Fprintf(w, "  %s: %s\n", plain(h.Name), plain(cmp.Or(h.Value, h.ValueBase64)))
	}
	_, err := fmt.Fprintf(w, "  %s\n", value)
	return err
}
