package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// contextPath ends an address that leads into one of a registry's contexts, whose names begin with a dot.
var contextPath = regexp.MustCompile(`/contexts/(\.[^/]*)$`)

// contextOf is the prefix of the subjects in the context that an address leads into, empty without one.
func contextOf(address string) string {
	found := contextPath.FindStringSubmatch(address)
	if found == nil || found[1] == "." {
		return ""
	}
	return ":" + found[1] + ":"
}

// local has a schema's names as they are inside of the client's context: registries answer with the whole ones, `:.context:subject`.
func (c *Client) local(s sr.SubjectSchema) sr.SubjectSchema {
	s.Subject = strings.TrimPrefix(s.Subject, c.context)
	for i := range s.References {
		s.References[i].Subject = strings.TrimPrefix(s.References[i].Subject, c.context)
	}
	return s
}

// contract is what others say of a schema in a registry beside its text, as it stands there: whoever registers the next version sends it along, so that
// it is that version's, too.
type contract struct {
	Metadata json.RawMessage `json:"metadata,omitempty"`
	RuleSet  json.RawMessage `json:"ruleSet,omitempty"`
}

// newestVersion reads a subject's newest version, with its contract.
func (c *Client) newestVersion(ctx context.Context, subject string) (sr.SubjectSchema, contract, error) {
	var found struct {
		sr.SubjectSchema
		contract
	}
	var text json.RawMessage
	err := c.sr.Do(ctx, http.MethodGet, "/subjects/"+url.PathEscape(subject)+"/versions/latest", nil, &text)
	if err == nil {
		err = errors.Join(json.Unmarshal(text, &found.SubjectSchema), json.Unmarshal(text, &found.contract))
	}
	s, err := c.checked(found.SubjectSchema, subject, newest, err)
	return s, found.contract, err
}

// rewritten says whether a registry finds that its newest version of a subject is the declared schema, although the texts differ: some print protobuf anew. It is
// asked only where the words are the same.
func (p *planner) rewritten(ctx context.Context, s Subject, latest sr.SubjectSchema) bool {
	if s.Type != Protobuf || len(latest.References) != len(s.References) || !slices.Equal(words(latest.Schema.Schema), words(s.Schema)) {
		return false
	}
	for _, r := range s.References {
		if target, ours := p.planned[r.Subject]; ours && target.schema {
			return false // it is to refer to another version
		}
	}
	schema, err := p.toSR(ctx, s, p.version)
	if err != nil {
		return false
	}
	found, err := p.sr.LookupSchema(once(ctx), s.Name, schema)
	return err == nil && found.Version == latest.Version // one that can't answer has not said so
}

// What registries say beside why a schema is not compatible: with which version, the whole of that, and how they have judged.
var (
	againstVersion = regexp.MustCompile(`[,;] \{oldSchemaVersion: (\d+)\}`)
	againstSchema  = regexp.MustCompile(`(?s)[,;] \{oldSchema: (?:<truncated> )?'.*?'\}([,;] \{|\]|$)`)
	judgedHow      = regexp.MustCompile(`[,;] \{(?:validateFields|compatibility): [^}]*\}`)
)

// reasonOf is what a registry says of why a schema is not compatible, without the schema that it is not compatible with.
func reasonOf(text string) string {
	text = againstSchema.ReplaceAllString(text, "$1")
	against := againstVersion.FindStringSubmatch(text)
	text = brief(judgedHow.ReplaceAllString(againstVersion.ReplaceAllString(text, ""), ""), 1000)
	if against != nil {
		text += " (against version " + against[1] + ")"
	}
	return text
}

// brief is what a registry says, in one line: some repeat the whole schema in the midst of it, and say at its end what is the matter.
func brief(text string, most int) string {
	runes := []rune(strings.TrimSuffix(strings.Join(strings.Fields(text), " "), "."))
	if len(runes) > most {
		return string(runes[:most/2]) + " … " + string(runes[len(runes)-most/2:])
	}
	return string(runes)
}

// protoToken is a string, a comment or a word of a .proto file.
var protoToken = regexp.MustCompile(`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//[^\n]*|/\*(?s:.*?)\*/|[\w.]+`)

// words are those of a .proto file, each once, sorted: however it is printed. Names are taken apart, and so are paths, since some print types by their whole
// names.
func words(source string) []string {
	var out []string
	for _, token := range protoToken.FindAllString(source, -1) {
		if token[0] != '/' {
			out = append(out, strings.FieldsFunc(token, func(r rune) bool { return strings.ContainsRune(`"'./`, r) })...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
