package kek

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// DefaultTimeout is how long a program of a [Command] may take to answer.
const DefaultTimeout = 30 * time.Second

// Command is a KEK behind a program, which asks a KMS, say: it is run for each secret that is wrapped or unwrapped, without a shell, gets the request as a line
// of JSON on its standard input, and answers with one on its standard output, as [Serve] does. It may be used from many goroutines, and then runs
// as often at once.
//
// A program that ends otherwise, or answers with something else, or takes longer than [DefaultTimeout], is a KEK that can't be reached; what it wrote to its
// standard error is in the error.
type Command struct {
	args []string

	mu   sync.Mutex
	name string // as last answered
}

// NewCommand returns the KEK behind a program, of its name and its arguments. They are seen by all on the machine: secrets have no place there.
func NewCommand(program string, args ...string) *Command {
	return &Command{args: append([]string{program}, args...)}
}

// String names the program.
func (c *Command) String() string { return "command " + c.args[0] }

// Name implements [encrypt.KEK]: it is what the program answered when it wrapped last, and empty before.
func (c *Command) Name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

// Wrap implements [encrypt.KEK].
func (c *Command) Wrap(ctx context.Context, secret, context []byte) (name string, wrapped []byte, err error) {
	a, err := c.ask(ctx, &request{Op: opWrap, Data: secret, Context: context})
	if err != nil {
		return "", nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = a.Name
	return a.Name, a.Data, nil
}

// Unwrap implements [encrypt.KEK].
func (c *Command) Unwrap(ctx context.Context, name string, wrapped, context []byte) ([]byte, error) {
	a, err := c.ask(ctx, &request{Op: opUnwrap, Name: name, Data: wrapped, Context: context})
	if err != nil {
		return nil, err
	}
	return a.Data, nil
}

func (c *Command) ask(ctx context.Context, r *request) (*answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", c, err)
	}
	within, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	cmd := exec.CommandContext(within, c.args[0], c.args[1:]...)
	cmd.WaitDelay = time.Second // a child of it may keep the output open
	cmd.Stdin = bytes.NewReader(append(line, '\n'))
	out, said := limited{most: maxLine}, limited{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	a := &answer{}
	isAnswer := !out.over && json.Unmarshal(out.b.Bytes(), a) == nil
	switch { // nothing of the answer is shown: there may be a secret in it
	case isAnswer && a.err() != nil:
		return nil, fmt.Errorf("%v: %w", c, a.err())
	case err != nil:
	case out.over:
		err = errors.New("its answer is longer than 1 MiB")
	case !isAnswer:
		err = errors.New("its answer is not a line of JSON")
	case r.Op == opWrap && a.Name == "" || len(a.Data) == 0:
		err = errors.New("its answer has no name, or no data")
	default:
		return a, nil
	}
	if within.Err() != nil {
		err = within.Err()
		if ctx.Err() == nil {
			err = fmt.Errorf("it did not answer within %v: %w", DefaultTimeout, err)
		}
	}
	if text := strings.Join(strings.Fields(said.b.String()), " "); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return nil, fmt.Errorf("%v: %w", c, err)
}

// limited takes what a program writes, up to so many bytes, and lets it write on.
type limited struct {
	b    bytes.Buffer
	most int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	free := l.most - l.b.Len()
	l.over = l.over || len(p) > free
	l.b.Write(p[:min(free, len(p))])
	return len(p), nil
}
