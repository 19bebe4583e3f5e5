package ops

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"time"
)

// AuditSettings say where changes are written down: in a file, on a topic, or both. Each has its own chain of hashes. Empty: nowhere.
type AuditSettings struct {
	// File gets a line for each change; relative to trestle.yaml.
	File string `yaml:"file"`
	// Topic gets a record for each change. It has one partition and keeps all records; unless the schemas declare it, it is planned with their topics.
	Topic string `yaml:"topic"`
}

// AuditEntry is one change that a command made: one line of the audit file, or one record of the topic.
type AuditEntry struct {
	Time time.Time `json:"time"`
	// Who is the user of the operating system and the machine, or the job of a CI.
	Who         string `json:"who"`
	Environment string `json:"environment"` // empty: none of trestle.yaml
	What        string `json:"what"`        // the command, such as "groups seek"
	Target      string `json:"target"`      // such as a topic
	Before      any    `json:"before"`      // null where nothing was there
	After       any    `json:"after"`       // null where nothing is there any more
	// Plan is the state of the plan that it was made by; empty: none.
	Plan string `json:"plan"`
	// Hash is the SHA-256, in hex, of the hash of the entry before, a line's end, and this one with an empty hash: one that is changed or missing shows.
	Hash string `json:"hash"`
}

// auditLog writes changes down; nil: they are not.
type auditLog struct {
	environment string
	journals    []journal
}

// journal is where changes are written down, each behind the one before.
type journal interface {
	// begin says whether changes can be written down, before one is made.
	begin(ctx context.Context) error
	// append writes what follows from the hash of the last entry; empty: there is none. Nobody else writes in between.
	append(ctx context.Context, next func(last string) ([][]byte, error)) error
	// each calls visit for the entries, oldest first, with where they stand.
	each(ctx context.Context, visit func(place string, entry []byte) error) error
	String() string
}

// change is what an entry is made of.
type change struct {
	what, target  string
	before, after any
	plan          string
}

// auditPatience is for how long a command waits to write down what it did, such as for another that does.
const auditPatience = 30 * time.Second

// begin says whether changes can be written down, before one is made.
func (a *auditLog) begin(ctx context.Context) error {
	if a == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	for _, j := range a.journals {
		if err := j.begin(ctx); err != nil {
			return fmt.Errorf("nothing was changed, since it can't be written down in %s: %w", j, err)
		}
	}
	return nil
}

// add writes changes down that were made, whether ctx has ended or not. Those of other processes come before or after them, not in between.
func (a *auditLog) add(ctx context.Context, changes ...change) error {
	if a == nil || len(changes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience)
	defer cancel()
	now, who := time.Now().UTC().Truncate(time.Millisecond), whoIsIt()
	var errs []error
	for _, j := range a.journals {
		err := j.append(ctx, func(last string) ([][]byte, error) {
			var entries [][]byte
			for _, c := range changes {
				e := AuditEntry{Time: now, Who: who, Environment: a.environment, What: c.what, Target: c.target, Before: c.before, After: c.after, Plan: c.plan}
				entry, err := e.seal(last)
				if err != nil {
					return nil, err
				}
				last, entries = e.Hash, append(entries, entry)
			}
			return entries, nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%d changes were made, and could not be written down in %s: %w", len(changes), j, err))
		}
	}
	return errors.Join(errs...)
}

// seal sets the hash of an entry that comes behind another, and returns its text.
func (e *AuditEntry) seal(before string) ([]byte, error) {
	e.Hash = ""
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	e.Hash = chained(before, plain)
	return json.Marshal(e)
}

func chained(before string, plain []byte) string {
	sum := sha256.Sum256(append([]byte(before+"\n"), plain...))
	return hex.EncodeToString(sum[:])
}

// hashOf is the hash that an entry has.
func hashOf(entry []byte) (string, error) {
	var e AuditEntry
	if err := json.Unmarshal(entry, &e); err != nil {
		return "", fmt.Errorf("its last entry is none: %w", err)
	}
	return e.Hash, nil
}

// whoIsIt is the user and the machine, or a job of a CI.
func whoIsIt() string {
	for _, job := range []struct{ id, name string }{{"GITHUB_RUN_ID", "github"}, {"CI_JOB_ID", "gitlab"}, {"BUILD_TAG", "jenkins"}, {"BUILDKITE_BUILD_ID", "buildkite"}} {
		if id := os.Getenv(job.id); id != "" {
			return "ci:" + job.name + ":" + id
		}
	}
	name := cmp.Or(os.Getenv("USER"), "unknown")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// ErrNoAudit says that a project writes no changes down.
var ErrNoAudit = errors.New("changes are not written down: name a file or a topic in " + ConfigName + ", audit: {file: audit.jsonl}")

// auditLog is where the project writes changes down that are made in an environment; nil: nowhere.
func (p *Project) auditLog(env Environment) *auditLog {
	if p.missing != nil || p.Config.Audit == (AuditSettings{}) {
		return nil
	}
	a := &auditLog{environment: env.name}
	if file := p.Config.Audit.File; file != "" {
		p.at(&file)
		a.journals = append(a.journals, &auditFile{file})
	}
	if topic := p.Config.Audit.Topic; topic != "" {
		env.audit = nil
		a.journals = append(a.journals, &auditTopic{env, topic})
	}
	return a
}

// The places that changes are written down in, by their names.
const (
	AuditInFile  = "file"
	AuditInTopic = "topic"
)

// journalOf is where changes are written down that somebody asks for; empty: the file, or else the topic.
func (p *Project) journalOf(env Environment, place string) (journal, error) {
	if p.missing != nil {
		return nil, p.missing
	}
	log := p.auditLog(env)
	if log == nil {
		return nil, ErrNoAudit
	}
	for _, j := range log.journals {
		_, isFile := j.(*auditFile)
		switch {
		case place == "", place == AuditInFile && isFile, place == AuditInTopic && !isFile:
			return j, nil
		case place != AuditInFile && place != AuditInTopic:
			return nil, fmt.Errorf("changes are written down in a %s or a %s, not in %q", AuditInFile, AuditInTopic, place)
		}
	}
	return nil, fmt.Errorf("%s names no %s under audit", ConfigName, place)
}

// ListAudit calls show for the changes that were written down in a place (AuditInFile, AuditInTopic; empty: the file, or else the topic), oldest first; none
// where no command has made any.
func ListAudit(ctx context.Context, p *Project, env Environment, place string, show func(AuditEntry) error) error {
	j, err := p.journalOf(env, place)
	if err != nil {
		return err
	}
	return j.each(ctx, func(place string, entry []byte) error {
		var e AuditEntry
		if err := json.Unmarshal(entry, &e); err != nil {
			return fmt.Errorf("%s: it is no entry: %w", place, err)
		}
		return show(e)
	})
}

// AuditVerdict says whether entries are as commands wrote them.
type AuditVerdict struct {
	Valid   bool `json:"valid"`
	Entries int  `json:"entries"` // that are as they were written
	// Line is the number of the first that is not, or behind which one is missing, and Place where it stands; 0 and empty: there is none.
	Line   int    `json:"line,omitempty"`
	Place  string `json:"place,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// VerifyAudit follows the chain of hashes, in a place as [ListAudit] has it. What was cut off at the end it can't see: compare the last hash with one that was
// kept elsewhere.
func VerifyAudit(ctx context.Context, p *Project, env Environment, place string) (*AuditVerdict, error) {
	j, err := p.journalOf(env, place)
	if err != nil {
		return nil, err
	}
	verdict := &AuditVerdict{Valid: true}
	last, before := "", []string{""} // the hashes so far
	broken := errors.New("broken")
	err = j.each(ctx, func(place string, entry []byte) error {
		hash, plain, err := withoutHash(entry)
		switch {
		case err != nil:
			verdict.Detail = err.Error()
		case hash == chained(last, plain):
			verdict.Entries++
			last, before = hash, append(before, hash)
			return nil
		case slices.Contains(before, hash):
			verdict.Detail = "it is there twice"
		default:
			verdict.Detail = "it was changed, or an entry before it is missing"
			if n := slices.IndexFunc(before, func(h string) bool { return hash == chained(h, plain) }); n == 0 {
				verdict.Detail = "the chain forks: like entry 1 it was written where there was none"
			} else if n > 0 {
				verdict.Detail = fmt.Sprintf("the chain forks: like entry %d it was written behind entry %d", n+1, n)
			}
		}
		verdict.Valid, verdict.Line, verdict.Place = false, verdict.Entries+1, place
		return broken
	})
	if errors.Is(err, broken) {
		err = nil
	}
	return verdict, err
}

// withoutHash returns an entry's hash, and its line as it is without it.
func withoutHash(line []byte) (hash string, plain []byte, err error) {
	var e struct {
		Hash string `json:"hash"`
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return "", nil, fmt.Errorf("it is no entry: %w", err)
	}
	end := `"hash":"` + e.Hash + `"}`
	if !bytes.HasSuffix(line, []byte(end)) {
		return "", nil, errors.New("its hash is not where commands write it")
	}
	return e.Hash, append(bytes.TrimSuffix(bytes.Clone(line), []byte(end)), `"hash":""}`...), nil
}
