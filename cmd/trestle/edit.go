package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newDLQEdit(p *folder) *cobra.Command {
	var c connections
	var o ops.ResolveOptions
	var file string
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "edit TOPIC/PARTITION/OFFSET",
		Short: "Change the event of one dead letter by hand, and send it back",
		Long: `Edit opens the event of a dead letter in the editor that VISUAL or EDITOR names: its JSON with the envelope, or of protobuf the payload. What you make of it
is validated by today's schemas; what is wrong is shown with line and column, to edit again. Then it is replayed in place of the original, once, as
replay does it, and the letter stays as it is. It asks before, or goes on with --yes. Text that is not changed does nothing.

With --file the text comes from a file, or from standard input (-), and no editor is opened. What could not be sent stays in a file, which is named. What the
schemas mark sensitive is shown as "***", and stays what it is where you leave that.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			o.Warn = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "trestle: %v\n", err) }
			letter, err := ops.OpenLetter(cmd.Context(), project, env, args[0], o)
			if err != nil {
				return err
			}
			s := &editSession{letter: letter, yes: yes, out: cmd.ErrOrStderr(), in: bufio.NewReader(cmd.InOrStdin())}
			in, terminal := terminalOf(cmd.InOrStdin())
			if s.terminal = terminal; file == "" {
				s.edit = func(path string) error { return runEditor(path, in, cmd.ErrOrStderr()) }
			}
			resolved, err := s.run(cmd.Context(), file)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, resolved)
			}
			if resolved.Done == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing is changed, and nothing was sent")
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d of %d replayed, one of them edited\n", resolved.Done, resolved.Selected)
			return err
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "a file with the event as it is to be, - for standard input, instead of an editor")
	cmd.Flags().StringVar(&o.Group, "group", "", "the group for a letter that names none")
	cmd.Flags().BoolVar(&o.AllGroups, "all-groups", false, "have every group see the event again")
	cmd.Flags().BoolVar(&yes, "yes", false, "send it without asking")
	addReveal(cmd, &o.Reveal)
	addJSON(cmd, &asJSON, "print what is done as JSON")
	return cmd
}

// terminalOf is the file that an input reads, and whether it is a terminal.
func terminalOf(in io.Reader) (*os.File, bool) {
	if i, ok := in.(*interruptible); ok {
		in = i.from
	}
	f, ok := in.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// runEditor opens a file in the user's editor, and waits for its end.
func runEditor(path string, in *os.File, out io.Writer) error {
	otherwise := "vi"
	if runtime.GOOS == "windows" {
		otherwise = "notepad"
	}
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), otherwise)
	cmd := exec.Command("sh", "-c", editor+` "$@"`, editor, path) // which may have flags
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(editor), path)
		cmd = exec.Command(words[0], words[1:]...)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	if in == nil {
		cmd.Stdin = nil
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("editor %s: %w", editor, err)
	}
	return nil
}

// editedEvent is an event that can be edited.
type editedEvent interface {
	Text() ([]byte, error)
	Check(text []byte) (*ops.EditedLetter, error)
	Replay(ctx context.Context, e *ops.EditedLetter) (ops.ResolvedDeadLetters, error)
}

// editSession is one edit, from its text to its replay.
type editSession struct {
	letter   editedEvent
	edit     func(path string) error // opens an editor; nil: the text comes from a file
	terminal bool                    // somebody can be asked
	yes      bool
	in       *bufio.Reader
	out      io.Writer

	name string // of the text, for people
	path string // of what is to be kept; empty: it stands in a file of somebody's own
}

// run edits, and returns what was sent; nothing, where nothing is changed. Where it fails, what was edited is in a file, which the error names.
func (s *editSession) run(ctx context.Context, file string) (ops.ResolvedDeadLetters, error) {
	edited, err := s.text(file)
	var resolved ops.ResolvedDeadLetters
	if err == nil && edited.Changed {
		if err = ctx.Err(); err == nil {
			err = s.confirm(edited)
		}
		if err == nil {
			resolved, err = s.letter.Replay(ctx, edited)
		}
	}
	switch {
	case s.path == "":
	case err != nil && resolved.Done == 0:
		return resolved, fmt.Errorf("%w; the text is in %s", err, s.path)
	default:
		err = errors.Join(err, os.Remove(s.path))
	}
	return resolved, err
}

// text is the event as somebody wants it, valid or as it was.
func (s *editSession) text(file string) (*ops.EditedLetter, error) {
	if s.edit != nil {
		return s.fromEditor()
	}
	s.name = file
	var text []byte
	var err error
	if file == "-" {
		if text, err = io.ReadAll(s.in); err == nil {
			err = s.keep(text)
		}
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	edited, err := s.letter.Check(text)
	if err == nil && len(edited.Violations) > 0 {
		err = s.invalid(edited)
	}
	return edited, err
}

// keep puts the text into a file that only its user can read.
func (s *editSession) keep(text []byte) error {
	f, err := os.CreateTemp("", "trestle-edit-*.json")
	if err != nil {
		return err
	}
	s.path = f.Name()
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

func (s *editSession) fromEditor() (*ops.EditedLetter, error) {
	before, err := s.letter.Text()
	if err != nil {
		return nil, err
	}
	if err := s.keep(before); err != nil {
		return nil, err
	}
	s.name = filepath.Base(s.path)
	for {
		if err := s.edit(s.path); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(text, before) {
			return &ops.EditedLetter{}, nil
		}
		edited, err := s.letter.Check(text)
		if err != nil || len(edited.Violations) == 0 {
			return edited, err
		}
		if err := s.invalid(edited); !s.terminal || !s.ask("edit it again? [Y/n] ", true) {
			return nil, err
		}
	}
}

// invalid shows what is wrong.
func (s *editSession) invalid(edited *ops.EditedLetter) error {
	for _, v := range edited.Violations {
		fmt.Fprintf(s.out, "%s:%s\n", s.name, plain(v.String()))
	}
	return fmt.Errorf("nothing was sent: the event is invalid in %d places", len(edited.Violations))
}

// confirm has somebody say that the event is to be sent.
func (s *editSession) confirm(edited *ops.EditedLetter) error {
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	for _, d := range edited.Differences {
		fmt.Fprintf(w, "  %s\t%s\t→\t%s\n", plain(d.Path), valueText(d.From), valueText(d.To))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if s.yes || s.terminal && s.name != "-" && s.ask("send it? [y/N] ", false) {
		return nil
	}
	return fmt.Errorf("nothing was sent: say so with --yes: %w", ops.ErrNotConfirmed)
}

// ask asks for yes or no; an empty line is what is given.
func (s *editSession) ask(question string, otherwise bool) bool {
	fmt.Fprint(s.out, question)
	answer, err := s.in.ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	case "":
		return otherwise && err == nil
	}
	return false
}
