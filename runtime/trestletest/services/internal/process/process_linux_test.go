package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const parentEnv = "TRESTLE_PROCESS_TEST_PARENT"

// TestMain makes the test binary the parent of TestDiesWithParent when asked to.
func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) == "" {
		os.Exit(m.Run())
	}
	p, err := Start(exec.Command("sleep", "600"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("child %d\n", p.Pid())
	<-p.Done()
}

func TestDiesWithParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"=1")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parent.Stdout = w
	p, err := Start(parent)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer p.Kill()
	var child int
	if _, err := fmt.Fscanf(r, "child %d\n", &child); err != nil {
		t.Fatal(err)
	}
	if !alive(child) {
		t.Fatal("the child is not there")
	}
	p.Kill()
	for deadline := time.Now().Add(30 * time.Second); alive(child); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d outlives its parent", child)
		}
	}
}

// alive treats a process that nobody has waited for yet as dead.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
