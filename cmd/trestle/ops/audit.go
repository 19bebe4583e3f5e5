package ops

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// AuditSettings say where changes are written down.
type AuditSettings struct {
	// File gets a line for each change; relative to trestle.yaml. Empty: changes are not written down.
	File string `yaml:"file"`
}

// AuditEntry is one change that a command made: one line of the audit file.
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
	// Hash is the SHA-256, in hex, of the hash of the line before, a line's end, and this line with an empty hash: a line that is changed or missing shows.
	Hash string `json:"hash"`
}

// auditLog writes changes down; nil: they are not.
type auditLog struct {
	file        string
	environment string
}

// change is what an entry is made of.
type change struct {
	what, target  string
	before, after any
	plan          string
}

// auditPatience is for how long a command waits for another that writes to the same file.
const auditPatience = 10 * time.Second

// begin says whether changes can be written down, before one is made.
func (a *auditLog) begin() error {
	if a == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(a.file), 0o755); err != nil {
		return fmt.Errorf("nothing was changed: the audit file can't be written: %w", err)
	}
	f, err := os.OpenFile(a.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("nothing was changed: the audit file can't be written: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := lastHash(a.file); err != nil {
		return fmt.Errorf("nothing was changed: the audit file %s can't be continued: %w", a.file, err)
	}
	return nil
}

// add writes changes down that were made. Those of other processes come before or after them, not in between.
func (a *auditLog) add(changes ...change) error {
	if a == nil || len(changes) == 0 {
		return nil
	}
	if err := a.append(changes); err != nil {
		return fmt.Errorf("%d changes were made, and could not be written down in %s: %w", len(changes), a.file, err)
	}
	return nil
}

func (a *auditLog) append(changes []change) error {
	lock := flock.New(a.file + ".lock")
	for deadline := time.Now().Add(auditPatience); ; time.Sleep(10 * time.Millisecond) {
		locked, err := lock.TryLock()
		if err != nil {
			return err
		}
		if locked {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another process holds it for more than %v", auditPatience)
		}
	}
	defer lock.Unlock()
	last, err := lastHash(a.file)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	now, who := time.Now().UTC().Truncate(time.Millisecond), whoIsIt()
	for _, c := range changes {
		e := AuditEntry{Time: now, Who: who, Environment: a.environment, What: c.what, Target: c.target, Before: c.before, After: c.after, Plan: c.plan}
		line, err := e.seal(last)
		if err != nil {
			return err
		}
		last = e.Hash
		out.Write(line)
	}
	f, err := os.OpenFile(a.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(out.Bytes())
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// seal sets the hash of an entry that comes behind another, and returns its line.
func (e *AuditEntry) seal(before string) ([]byte, error) {
	e.Hash = ""
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	e.Hash = chained(before, plain)
	line, err := json.Marshal(e)
	return append(line, '\n'), err
}

func chained(before string, plain []byte) string {
	sum := sha256.Sum256(append([]byte(before+"\n"), plain...))
	return hex.EncodeToString(sum[:])
}

// lastHash is that of the last line; empty: there is none. It reads the file's end alone.
func lastHash(file string) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	for length := int64(16 << 10); ; length *= 4 {
		tail := make([]byte, min(length, size))
		if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
			return "", err
		}
		line := bytes.TrimSpace(tail)
		begin := bytes.LastIndexByte(line, '\n')
		if begin < 0 && int64(len(tail)) < size {
			continue // it is longer than this
		}
		if line = line[begin+1:]; len(line) == 0 {
			return "", nil
		}
		var e AuditEntry
		if err := json.Unmarshal(line, &e); err != nil {
			return "", fmt.Errorf("its last line is no entry: %w", err)
		}
		return e.Hash, nil
	}
}

func eachAuditLine(file string, each func(number int, line []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := each(number, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
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
var ErrNoAudit = errors.New("changes are not written down: name a file in " + ConfigName + ", audit: {file: audit.jsonl}")

// auditFile is the file that changes are written down in.
func (p *Project) auditFile() (string, error) {
	switch {
	case p.missing != nil:
		return "", p.missing
	case p.Config.Audit.File == "":
		return "", ErrNoAudit
	}
	file := p.Config.Audit.File
	p.at(&file)
	return file, nil
}

// ListAudit calls show for the changes that were written down, oldest first; none where no command has made any.
func ListAudit(p *Project, show func(AuditEntry) error) error {
	file, err := p.auditFile()
	if err != nil {
		return err
	}
	err = eachAuditLine(file, func(number int, line []byte) error {
		var e AuditEntry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s:%d: it is no entry: %w", file, number, err)
		}
		return show(e)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// AuditVerdict says whether the audit file is as commands wrote it.
type AuditVerdict struct {
	Valid   bool `json:"valid"`
	Entries int  `json:"entries"` // that are as they were written
	// Line is the first that is not, or behind which one is missing; 0: there is none.
	Line   int    `json:"line,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// VerifyAudit follows the chain of hashes. What was cut off at the end it can't see: compare the last hash with one that was kept elsewhere.
func VerifyAudit(p *Project) (*AuditVerdict, error) {
	file, err := p.auditFile()
	if err != nil {
		return nil, err
	}
	verdict := &AuditVerdict{Valid: true}
	last := ""
	broken := errors.New("broken")
	err = eachAuditLine(file, func(number int, line []byte) error {
		hash, plain, err := withoutHash(line)
		switch {
		case err != nil:
			verdict.Detail = err.Error()
		case hash != chained(last, plain):
			verdict.Detail = "it was changed, or a line before it is missing"
		default:
			verdict.Entries++
			last = hash
			return nil
		}
		verdict.Valid, verdict.Line = false, number
		return broken
	})
	if errors.Is(err, broken) || errors.Is(err, fs.ErrNotExist) {
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
