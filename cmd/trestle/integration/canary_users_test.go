package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCanariesInUsers makes and rotates the users of services, has them work and fail, and searches all that commands say and write for their passwords, beside the places
// that these are handed over to.
func TestCanariesInUsers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		dir := copyProject(t)
		prefix := fmt.Sprintf("r%d.", c.random.IntN(1e9))
		secured := fmt.Sprintf("brokers: [%s], prefix: %s, tls: {ca: %s}, sasl: {mechanism: SCRAM-SHA-512", strings.Join(g.secured, ", "), prefix, g.authority.File)
		principals := func(name string) string {
			return fmt.Sprintf(`principals: {"*": ["User:%s%s-{service}-a", "User:%s%[2]s-{service}-b"]}`, prefix, name, prefix)
		}
		admin := fmt.Sprintf("brokers: [%s], prefix: %s, replication_factor: 1", strings.Join(g.brokers, ", "), prefix)
		writeFile(t, filepath.Join(dir, "wrong"), c.fill("@S"))
		editFile(t, filepath.Join(dir, "trestle.yaml"), "schemas: schemas\n", "schemas: schemas\naudit: {file: audit.jsonl}\n")
		editFile(t, filepath.Join(dir, "trestle.yaml"), "environments:\n", `environments:
  admin: {`+admin+", "+principals("one")+`, users: {hand_over: {file: "logins/{service}"}}}
  service: {`+secured+`, login: {file: logins/omniarchon}}, `+principals("one")+`}
  dotenv: {`+admin+", "+principals("two")+`, users: {hand_over: {dotenv: kafka.env}}}
  loud: {`+admin+", "+principals("three")+`, users: {hand_over: {command: [sh, -c, "tee given; cat given >&2; exit 1"]}}}
  elsewhere: {`+admin+", "+principals("four")+`, users: {hand_over: {file: "wrong/{service}"}}}
  wrong: {`+secured+`, user: nobody, password: {file: wrong}}}
  printed: {`+secured+`, user: nobody, password: {command: [sh, -c, "cat wrong; cat wrong >&2; exit 3"]}}}
  halved: {`+secured+`, login: {file: wrong}}}
  named: {`+secured+`, user: nobody}}
`)
		var said, lines []string
		run := func(line string, environment ...string) {
			t.Helper()
			cmd := trestleProcess(t, dir, strings.Fields(line))
			cmd.Env = append(cmd.Env, environment...)
			out, _ := cmd.CombinedOutput()
			if text := string(out); strings.Contains(text, "unknown flag") || strings.Contains(text, "unknown command") || strings.Contains(text, "trestle.yaml:") {
				t.Errorf("trestle %s is no command: %s", line, text)
			}
			t.Logf("trestle %s: exit status %d, %d bytes: %.120q", line, cmd.ProcessState.ExitCode(), len(out), out)
			said, lines = append(said, string(out)), append(lines, line)
		}
		passwords := 0
		// note takes in the passwords of a file: behind the first colon or equals sign of each line.
		note := func(name string) {
			t.Helper()
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				at := strings.IndexAny(line, ":=")
				if password := strings.TrimSpace(line[at+1:]); len(password) > 40 && !strings.Contains(line, "_USER=") {
					c.note(password, password, password[:20], password[len(password)-20:])
					passwords++
				}
			}
			if _, _, found := c.find(string(text)); !found {
				t.Errorf("no password is found in %s: is it searched at all?", name)
			}
		}
		for _, line := range []string{"plan -o plan.json --env admin", "plan --json --env admin", "users plan --json --env admin", "apply --json --env admin", "users apply --env admin"} {
			run(line)
		}
		note("logins/omniarchon")
		note("logins/omniclaude")
		for _, line := range []string{
			"users rotate omniarchon --json --env admin", "users rotate omniarchon --env admin", "users rotate omniarchon --finish --json --env admin", "users rotate omniclaude --env admin",
			"users rotate omniclaude --finish --env admin", "users plan --check --env admin", "acl plan --env admin", "acl plan --json --env admin", "acl apply --json --env admin",
			"acl explain omniarchon --env admin", "acl explain omniarchon --json --env admin", "users apply --json --env dotenv", "users apply --json --env loud", "users apply --env elsewhere",
			"users rotate omniarchon --env loud",
		} {
			run(line)
		}
		for _, name := range []string{"logins/omniarchon", "logins/omniclaude", "kafka.env", "given"} {
			note(name)
		}
		for _, environment := range []string{"service", "wrong", "printed", "halved"} {
			for _, line := range []string{"acl check --as omniarchon --json", "doctor", "doctor --json", "monitor --json", "plan", "topics list --json", "publish CodegenPatternRequest -f nothing.json", "peek omninode_codegen_request_pattern_v1"} {
				run(line + " --env " + environment)
			}
		}
		run("doctor --env named", "TRESTLE_SASL_PASSWORD="+c.fill("@S"))
		run("topics list --env named", "TRESTLE_SASL_PASSWORD="+c.fill("@S"))
		run("topics list --env named --sasl-password-file wrong")
		for _, line := range []string{"audit list --json", "audit list", "audit verify --json"} {
			run(line)
		}
		if passwords < 8 {
			t.Errorf("%d passwords were handed over: too few", passwords)
		}
		for i, text := range said {
			c.search(t, "trestle "+lines[i], text)
		}
		for _, name := range []string{"audit.jsonl", "plan.json", "trestle.yaml"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			c.search(t, name, string(text))
		}
		all := strings.Join(said, "")
		for _, says := range []string{`"kind": "user"`, `"done": true`, "exit status 1", "SASL_AUTHENTICATION_FAILED", "exit status 3", "holds no user:password", `"service": "omniarchon"`} {
			if !strings.Contains(all, says) {
				t.Errorf("nothing says %q: was it tried?", says)
			}
		}
	})
}
