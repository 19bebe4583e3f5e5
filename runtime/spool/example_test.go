package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/spool"
)

// A spool keeps what can't be sent yet, and has it sent by the next process.
func Example() {
	if err := spoolOrders(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2 records wait, 1 of ord_81
	// a record of 4096 bytes is refused: full is true
	// sent ord_81
	// the next process sends ord_82
}

func spoolOrders(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	order := func(id, text string) *event.Record {
		return &event.Record{Topic: "orders", Key: []byte(id), Value: []byte(text), Timestamp: time.Now()}
	}

	s, err := spool.Open(dir, spool.Options{MaxBytes: 2 << 10})
	if err != nil {
		return err
	}
	for _, id := range []string{"ord_81", "ord_82"} {
		if err := s.Append(order(id, "{}")); err != nil {
			return err
		}
	}
	fmt.Println(s.Stats().Records, "records wait,", s.Held("orders", []byte("ord_81")), "of ord_81")
	_, full := errors.AsType[*spool.FullError](s.Append(order("ord_83", strings.Repeat("x", 4<<10))))
	fmt.Println("a record of 4096 bytes is refused: full is", full)
	first, err := s.Next(ctx)
	if err != nil {
		return err
	}
	fmt.Println("sent", string(first.Record.Key))
	s.Done(first.Seq)
	if err := s.Close(); err != nil {
		return err
	}

	if s, err = spool.Open(dir, spool.Options{}); err != nil {
		return err
	}
	next, err := s.Next(ctx)
	if err != nil {
		return err
	}
	fmt.Println("the next process sends", string(next.Record.Key))
	return s.Close()
}
