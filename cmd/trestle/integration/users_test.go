package integration_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/omninode/trestle/runtime/scram"
	"github.com/omninode/trestle/runtime/secure"
)

// TestPlanHasUsers holds that one plan is about topics, ACLs and users where an environment says how users are made, that it is applied as a whole, and that it is
// about no user elsewhere.
func TestPlanHasUsers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	dir := copyProject(t)
	p, err := ops.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, patience)
	env := ops.Environment{Brokers: g.brokers, Principals: ops.Principals{"*": {{Name: "User:{service}-a"}, {Name: "User:{service}-b"}}, "omniarchon": {{Name: "User:CN=archon"}}}}
	plan := func(env ops.Environment) *ops.Plan {
		t.Helper()
		plan, err := ops.MakePlan(ctx, p, env)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	users := func(plan *ops.Plan, action string) []string {
		var names []string
		for _, c := range plan.Changes {
			if c.Kind == "user" && c.Action == action {
				names = append(names, c.Name)
			}
		}
		return names
	}
	without := plan(env)
	if names := users(without, "create"); len(names) > 0 || !slices.ContainsFunc(without.Changes, func(c ops.PlannedChange) bool { return c.Kind == "acl" }) {
		t.Errorf("of an environment that says nothing of users, users %v are planned", names)
	}
	env.Users = ops.UserSettings{HandOver: ops.HandOver{File: filepath.Join(dir, "logins/{service}")}}
	made := plan(env)
	missing := users(made, "create")
	if len(missing) < 2 || slices.ContainsFunc(missing, func(name string) bool { return !strings.HasSuffix(name, "-a") || strings.Contains(name, "archon") }) {
		t.Fatalf("users %v are planned", missing)
	}
	if made.State == without.State {
		t.Error("a plan with users may be applied in place of one without")
	}
	kinds := []string{}
	for _, c := range made.Changes {
		kinds = append(kinds, c.Kind)
	}
	if got := strings.Join(slices.Compact(kinds), " "); got != "topic acl user" {
		t.Errorf("the plan is about %s", got)
	}
	if err := made.Apply(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range made.Changes {
		if !c.Done && c.Action != "none" {
			t.Errorf("%s %s was not done", c.Kind, c.Name)
		}
	}
	found, err := scram.List(ctx, g.kafka.client, missing...)
	if err != nil || len(found) != len(missing) {
		t.Errorf("of %v there are %v, %v", missing, found, err)
	}
	for _, name := range missing {
		login, err := os.ReadFile(filepath.Join(dir, "logins", strings.TrimSuffix(name, "-a")))
		user, password, _ := strings.Cut(strings.TrimSpace(string(login)), ":")
		if err != nil || user != name || len(password) < 32 {
			t.Fatalf("the login of %s is of %q, %v", name, user, err)
		}
		if err := g.as(user, secure.Value(password)).Check(ctx); err != nil {
			t.Errorf("%s is not let in: %v", name, err)
		}
	}
	again := plan(env)
	if !again.Empty() || !slices.Equal(users(again, "none"), missing) {
		t.Errorf("after it was applied there is %v to do, and there are users %v", again.Changes, users(again, "none"))
	}
	// What was planned while a user was there is of no use once it is gone.
	if err := scram.Remove(ctx, g.kafka.client, missing[0]); err != nil {
		t.Fatal(err)
	}
	if later := plan(env); later.State == again.State || !slices.Equal(users(later, "create"), missing[:1]) {
		t.Errorf("without %s, users %v are planned", missing[0], users(later, "create"))
	}
	for what, c := range map[string]struct {
		change func(*ops.Environment)
		want   string
	}{
		"no principals": {func(e *ops.Environment) { e.Principals = nil }, "principals"},
		"no place":      {func(e *ops.Environment) { e.Users = ops.UserSettings{Iterations: 8192} }, "names no place for the passwords"},
		"iterations":    {func(e *ops.Environment) { e.Users.Iterations = 100 }, "iterations is 100, want 4096 to 16384"},
	} {
		wrong := env
		c.change(&wrong)
		for _, of := range []func(context.Context, *ops.Project, ops.Environment) (*ops.Plan, error){ops.MakePlan, ops.PlanUsers} {
			if _, err := of(ctx, p, wrong); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", what, err, c.want)
			}
		}
	}
}
