package integration_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// What the consumer process is told through its environment.
const (
	childGroup   = "TRESTLE_INTEGRATION_GROUP"
	childBrokers = "TRESTLE_INTEGRATION_BROKERS"
	childHold    = "TRESTLE_INTEGRATION_HOLD" // "session number": an event whose handler does not return
)

// consumeAsChild is the consumer process: it handles status events until it is told to stop, and writes a line to its
// standard output for each one it has handled, in one write each, so that a kill leaves whole lines. It returns the
// exit status.
func consumeAsChild(group string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	consumer, err := trestle.NewConsumer(strings.Split(os.Getenv(childBrokers), ","), group,
		trestle.WithSessionTimeout(6*time.Second), // the least a broker takes: the group waits that long for a dead member
		trestle.WithHeartbeatInterval(time.Second),
		trestle.WithCommitInterval(200*time.Millisecond),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	hold := os.Getenv(childHold)
	trestle.Handle(consumer, func(ctx context.Context, e *codegenv1.CodegenStatusEvent) error {
		d, ok := trestle.DeliveryFrom(ctx)
		if !ok {
			return errors.New("no delivery in the handler's context")
		}
		if hold != "" && hold == e.GetSessionId()+" "+e.GetMessage() {
			<-ctx.Done()
			return ctx.Err()
		}
		_, err := fmt.Fprintf(os.Stdout, "%d %d %s %s\n", d.Partition, d.Offset, e.GetSessionId(), e.GetMessage())
		return err
	})
	if err := consumer.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// handled is one line of the consumer process's ledger.
type handled struct {
	at
	key string
	n   int // the event's number within its key, from 0
}

// child is a running consumer process.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Reader
	output *os.File
	errors strings.Builder
	ended  bool
}

func startChild(t *testing.T, brokers []string, group, hold string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childGroup+"="+group, childBrokers+"="+strings.Join(brokers, ","), childHold+"="+hold)
	c.cmd.Stderr = &c.errors
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stdout = write
	err = c.cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		t.Fatal(err)
	}
	c.output, c.lines = read, bufio.NewReaderSize(read, 1<<20)
	t.Cleanup(func() {
		if !c.ended {
			c.end(syscall.SIGKILL)
		}
		read.Close()
	})
	return c
}

// next returns the next line of the ledger, false at its end. The process must write it within patience.
func (c *child) next() (handled, bool) {
	c.t.Helper()
	if c.lines.Buffered() == 0 {
		if err := c.output.SetReadDeadline(time.Now().Add(patience)); err != nil {
			c.t.Fatal(err)
		}
	}
	line, err := c.lines.ReadString('\n')
	if errors.Is(err, io.EOF) && line == "" {
		return handled{}, false
	}
	if err != nil {
		c.t.Fatalf("read the consumer's ledger: %v after %q; it said:\n%s", err, line, c.stop())
	}
	fields := strings.Fields(line)
	if len(fields) != 4 {
		c.t.Fatalf("the consumer's ledger has the line %q", line)
	}
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			c.t.Fatalf("the consumer's ledger has the line %q: %v", line, err)
		}
		return n
	}
	return handled{
		at:  at{place{statusTopic, int32(number(fields[0]))}, number(fields[1])},
		key: fields[2], n: int(number(fields[3])),
	}, true
}

// stop kills the process and returns what it wrote to its standard error.
func (c *child) stop() string {
	if !c.ended {
		c.end(syscall.SIGKILL)
	}
	return c.errors.String()
}

// end sends the process a signal, waits for its end and returns it.
func (c *child) end(signal syscall.Signal) error {
	c.ended = true
	if err := c.cmd.Process.Signal(signal); err != nil {
		c.t.Errorf("signal %v to the consumer: %v", signal, err)
	}
	return c.cmd.Wait()
}
