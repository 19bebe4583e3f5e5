package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/scram"
	"go.yaml.in/yaml/v3"
)

// UserSettings say how the users of services are made, and where their passwords go.
type UserSettings struct {
	// Iterations is how often a password is hashed, 4096 to 16384; 0: 8192.
	Iterations int `yaml:"iterations"`
	// HandOver is where a user's name and password go.
	HandOver HandOver `yaml:"hand_over"`
}

// HandOver is one place for a user and its password: {file: PATH}, {dotenv: PATH} or {command: [PROGRAM, ARGUMENT, …]}. {service} in it is the service's name; paths
// are relative to trestle.yaml.
type HandOver struct {
	// File gets the line user:password, as a whole and for its owner's eyes only: `sasl: {login: {file: …}}` reads it.
	File string `yaml:"file"`
	// Dotenv gets two lines among others, SERVICE_KAFKA_USER=… and SERVICE_KAFKA_PASSWORD=…
	Dotenv string `yaml:"dotenv"`
	// Command gets the line user:password on its standard input.
	Command []string `yaml:"command"`
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (h *HandOver) UnmarshalYAML(node *yaml.Node) error {
	type plain HandOver
	if node.Kind != yaml.MappingNode {
		return mistake(node, "hand_over is {file: PATH}, {dotenv: PATH} or {command: [PROGRAM, ARGUMENT, …]}")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key := node.Content[i]; key.Value != "file" && key.Value != "dotenv" && key.Value != "command" {
			return mistake(key, "unknown key %s: hand_over has file, dotenv or command", key.Value)
		}
	}
	if err := node.Decode((*plain)(h)); err != nil {
		return mistake(node, "file and dotenv are texts, command is a list of texts")
	}
	if len(node.Content) != 2 {
		return mistake(node, "a password is handed over to one place, got %d of: file, dotenv, command", len(node.Content)/2)
	}
	return nil
}

// errNoHandOver says that a password would go nowhere.
var errNoHandOver = errors.New(`users: {hand_over: …} names no place for the passwords of users: say {file: "secrets/{service}"}, {dotenv: PATH} or {command: [PROGRAM, ARGUMENT, …]}`)

// of is where what is of a service goes.
func (h HandOver) of(p *Project, service string) HandOver {
	fill := func(text string) string { return strings.ReplaceAll(text, "{service}", service) }
	out := HandOver{File: fill(h.File), Dotenv: fill(h.Dotenv)}
	p.at(&out.File)
	p.at(&out.Dotenv)
	for _, word := range h.Command {
		out.Command = append(out.Command, fill(word))
	}
	return out
}

func (h HandOver) isZero() bool { return h.File == "" && h.Dotenv == "" && len(h.Command) == 0 }

// String names the place.
func (h HandOver) String() string {
	switch {
	case h.File != "":
		return "file " + h.File
	case h.Dotenv != "":
		return "file " + h.Dotenv
	}
	return "command " + strings.Join(h.Command, " ")
}

// handOverTimeout bounds a command.
const handOverTimeout = 30 * time.Second

// put hands a user's password over. Its errors hold no secret: neither does what a command says, which may.
func (h HandOver) put(ctx context.Context, service, user, password string) error {
	line := user + ":" + password + "\n"
	switch {
	case h.File != "":
		if err := os.MkdirAll(filepath.Dir(h.File), 0o700); err != nil {
			return err
		}
		return replaceSecretFile(h.File, []byte(line))
	case h.Dotenv != "":
		return h.putDotenv(service, user, password)
	}
	ctx, cancel := context.WithTimeout(ctx, handOverTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Command[0], h.Command[1:]...)
	cmd.Stdin = strings.NewReader(line)
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v: %w", h, err)
	}
	return nil
}

// dotenvNames are the names of a service's variables.
func dotenvNames(service string) (user, password string) {
	prefix := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, service)
	prefix = strings.ToUpper(prefix)
	return prefix + "_KAFKA_USER", prefix + "_KAFKA_PASSWORD"
}

// putDotenv sets a service's variables, and leaves the other lines as they are.
func (h HandOver) putDotenv(service, user, password string) error {
	before, err := os.ReadFile(h.Dotenv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	userName, passwordName := dotenvNames(service)
	var out strings.Builder
	for line := range strings.Lines(string(before)) {
		if name, _, _ := strings.Cut(line, "="); name != userName && name != passwordName {
			out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	out.WriteString(userName + "=" + user + "\n" + passwordName + "=" + password + "\n")
	if err := os.MkdirAll(filepath.Dir(h.Dotenv), 0o700); err != nil {
		return err
	}
	return replaceSecretFile(h.Dotenv, []byte(out.String()))
}

// current is the user that was handed over last; empty: the place does not tell.
func (h HandOver) current(service string) (string, error) {
	switch {
	case h.File != "":
		text, err := os.ReadFile(h.File)
		if err != nil {
			return "", err
		}
		user, _, _ := strings.Cut(string(text), ":")
		return user, nil
	case h.Dotenv != "":
		text, err := os.ReadFile(h.Dotenv)
		if err != nil {
			return "", err
		}
		userName, _ := dotenvNames(service)
		for line := range strings.Lines(string(text)) {
			if user, ok := strings.CutPrefix(strings.TrimSpace(line), userName+"="); ok {
				return user, nil
			}
		}
	}
	return "", nil
}

// iterations are those of users that are made.
// isZero says that nothing is said of users: none are made then.
func (u UserSettings) isZero() bool { return u.Iterations == 0 && u.HandOver.isZero() }

func (u UserSettings) iterations() int {
	if u.Iterations == 0 {
		return scram.DefaultIterations
	}
	return u.Iterations
}
