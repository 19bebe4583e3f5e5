package spool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// fullDisk names, to the test in a process of its own, the folder to mount a disk of fullDiskSize on.
const fullDisk, fullDiskSize = "TRESTLE_TEST_FULL_DISK", 256 << 10

// TestFullDisk appends to a spool on a file system that others write to, too, until there is no room, again and again: what was accepted comes
// back, in order by key, what was refused does not, and where there is room again the spool accepts. It is a real file system of 256 KiB, which
// a process mounts in a namespace of its own.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(fullDisk); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", fullDiskSize)); err != nil {
			t.Fatal(err)
		}
		fillDisk(t, dir)
		return
	}
	t.Parallel()
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	groups := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	own := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids, GidMappings: groups}
	dir := t.TempDir()
	if err := mayMount(own, dir); err != nil {
		services.Unable(t, "a full disk", err.Error())
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v", "-test.timeout=2m")
	child.Env, child.SysProcAttr = append(os.Environ(), fullDisk+"="+dir), own
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// mayMount says why no file system can be mounted here.
func mayMount(as *syscall.SysProcAttr, dir string) error {
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "none", dir)
	mount.SysProcAttr = as
	out, err := mount.CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount in a namespace of its own: %w %s", err, out)
	}
	return nil
}

func fillDisk(t *testing.T, dir string) {
	const keys = 4
	opts := spool.Options{SegmentBytes: 20_000}
	s, err := spool.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	var (
		next     [keys]int      // of each key, the number of its next record
		accepted [keys][]string // values
		done     [keys]int      // how many of them are
		refused  = 0
		others   = dir + "/others"
	)
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		// Others leave more or less room, and each key's records have sizes of their own.
		if err := os.WriteFile(others, make([]byte, rnd.IntN(fullDiskSize/2)), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		sizes := [keys]int{1 + rnd.IntN(3000), 1 + rnd.IntN(3000), 1 + rnd.IntN(3000), 1 + rnd.IntN(3000)}
		var writing sync.WaitGroup
		var full [keys]error
		for key := range keys {
			writing.Go(func() {
				for full[key] == nil {
					value := fmt.Sprintf("%d %d %0*d", key, next[key], sizes[key], 0)
					next[key]++
					r := &event.Record{Topic: "orders", Key: fmt.Append(nil, key), Value: []byte(value), Timestamp: time.UnixMilli(1)}
					if full[key] = s.Append(r); full[key] == nil {
						accepted[key] = append(accepted[key], value)
					}
				}
			})
		}
		writing.Wait()
		for _, err := range full {
			if isFull, ok := errors.AsType[*spool.FullError](err); !ok || !errors.Is(isFull, syscall.ENOSPC) {
				t.Fatalf("round %d: %v", round, err)
			}
			refused++
		}
		if round%3 == 0 { // as after the end of its process. How far all was done may not have been written down: it comes again
			if err := s.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			if s, err = spool.Open(dir, opts); err != nil {
				t.Fatalf("round %d: open on a full disk: %v", round, err)
			}
			for key := range keys {
				was := done[key]
				if done[key] = len(accepted[key]) - s.Held("orders", fmt.Append(nil, key)); done[key] < 0 || done[key] > was {
					t.Fatalf("round %d: of key %d the spool has %d records too many", round, key, was-done[key])
				}
			}
		}
		got := take(t, s, rnd.IntN(s.Stats().Records+1))
		for key, values := range got {
			if !slices.Equal(values, accepted[key][done[key]:][:len(values)]) {
				t.Fatalf("round %d: key %d is not in order", round, key)
			}
			done[key] += len(values)
		}
	}
	if err := os.Remove(others); err != nil {
		t.Fatal(err)
	}
	for key, values := range take(t, s, s.Stats().Records) {
		if !slices.Equal(values, accepted[key][done[key]:]) {
			t.Errorf("of key %d there are %d records at the end, and %d were accepted and are not done", key, len(values), len(accepted[key])-done[key])
		}
	}
	if stats := s.Stats(); stats.Records != 0 {
		t.Errorf("at the end there is %+v", stats)
	}
	if err := s.Append(&event.Record{Topic: "orders", Value: []byte("room again")}); err != nil {
		t.Error(err)
	}
	t.Logf("%d times there was no room, for %d records", refused, next)
}

// take takes so many records, by key, and has them be done.
func take(t *testing.T, s *spool.Spool, n int) (values [4][]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range n {
		e, err := s.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		key := e.Record.Key[0] - '0'
		values[key] = append(values[key], string(e.Record.Value))
		s.Done(e.Seq)
	}
	return values
}
