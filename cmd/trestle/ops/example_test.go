package ops_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/cmd/trestle/scaffold"
)

// Somebody has tightened a bound since the last commit.
func Example() {
	folder := committedProject()
	defer os.RemoveAll(folder)

	project, err := ops.Open(folder)
	if err != nil {
		panic(err)
	}
	report, err := ops.Check(context.Background(), project, ops.CheckOptions{Against: []string{"git#HEAD"}})
	if err != nil {
		panic(err)
	}
	for _, f := range report.Findings {
		fmt.Println(f.Rule, f.Path)
	}
	// Output:
	// CONSTRAINT_TIGHTENED shop.v1.OrderLine.quantity
}

// committedProject makes a project, commits it, and edits one of its schemas.
func committedProject() string {
	folder, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	if _, err := ops.Init(folder, scaffold.Project{Name: "shop"}); err != nil {
		panic(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("git %s: %s", args, out))
		}
	}
	path := filepath.Join(folder, "schemas/shop/v1/order.proto")
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	edited := strings.Replace(string(text), "int64.gte = 1", "int64.gte = 2", 1)
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		panic(err)
	}
	return folder
}
