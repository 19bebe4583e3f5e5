package confluent

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The parameters of rules, which may stand among the properties of a schema's metadata, too.
const (
	paramKEK       = "encrypt.kek.name"
	paramKMSType   = "encrypt.kms.type"
	paramKMSKeyID  = "encrypt.kms.key.id"
	paramAlgorithm = "encrypt.dek.algorithm"
	paramExpiry    = "encrypt.dek.expiry.days"
)

// The types of rules that encrypt.
const (
	encryptFields  = "ENCRYPT"
	encryptPayload = "ENCRYPT_PAYLOAD"
)

// rule is one of a schema's rules.
type rule struct {
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Mode      string            `json:"mode"`
	Type      string            `json:"type"`
	Tags      []string          `json:"tags"`
	Params    map[string]string `json:"params"`
	OnFailure string            `json:"onFailure"`
	Disabled  bool              `json:"disabled"`
}

// metadata is what is said of a schema beside it.
type metadata struct {
	Properties map[string]string   `json:"properties"`
	Tags       map[string][]string `json:"tags"` // of fields, by their paths, in which * and ** stand for others
}

// schemaAnswer is a version of a schema as registries have it.
type schemaAnswer struct {
	ID         int    `json:"id"`
	Schema     string `json:"schema"`
	Type       string `json:"schemaType"` // empty: Avro
	References []struct {
		Name    string `json:"name"`
		Subject string `json:"subject"`
		Version int    `json:"version"`
	} `json:"references"`
	Metadata *metadata `json:"metadata"`
	RuleSet  *struct {
		Domain   []rule `json:"domainRules"`
		Encoding []rule `json:"encodingRules"`
		EnableAt string `json:"enableAt"`
	} `json:"ruleSet"`
}

// step is a rule that encrypts, ready to be followed.
type step struct {
	name    string
	tags    []string // of the fields that it encrypts; empty: all fields
	payload bool     // it encrypts the payload as a whole
	use     keyUse
	lenient bool // what can't be decrypted stays as it is
}

// has says whether a field of those tags is one that the rule encrypts.
func (s *step) has(tags []string) bool {
	return len(s.tags) == 0 || slices.ContainsFunc(s.tags, func(tag string) bool { return slices.Contains(tags, tag) })
}

// The modes of rules, in which a value is written or read.
const (
	modeWrite = "WRITE"
	modeRead  = "READ"
	modeBoth  = "WRITEREAD"
)

// steps returns the rules that encrypt in a mode, in the order in which they are followed. It fails where what they say can't be done, and where other rules change the
// value beside them.
func (a *schemaAnswer) steps(mode string) ([]step, error) {
	if a.RuleSet == nil || a.RuleSet.EnableAt != "" && a.RuleSet.EnableAt != "ALL" && a.RuleSet.EnableAt != "CLIENT" {
		return nil, nil
	}
	var out []step
	var other *rule
	for _, rules := range [][]rule{a.RuleSet.Domain, a.RuleSet.Encoding} {
		for i := range rules {
			r := &rules[i]
			is := strings.ToUpper(r.Type)
			switch {
			case r.Disabled || r.Mode != mode && r.Mode != modeBoth:
				continue
			case is != encryptFields && is != encryptPayload:
				if r.Kind == "TRANSFORM" {
					other = r
				}
				continue
			case is == encryptFields && slices.ContainsFunc(rules[:i], r.repeats): // the first of its tags counts
				continue
			}
			s, err := a.step(r, mode)
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", r.Name, err)
			}
			out = append(out, s)
		}
	}
	if other != nil && len(out) > 0 {
		return nil, fmt.Errorf("rule %s: it is of the type %s and changes the value, which Trestle does not do", other.Name, other.Type)
	}
	if mode == modeRead {
		slices.Reverse(out)
	}
	return out, nil
}

// repeats says that another rule does the same to the same fields.
func (r *rule) repeats(o rule) bool {
	return len(r.Tags) > 0 && r.Kind == "TRANSFORM" && o.Kind == r.Kind && o.Mode == r.Mode && o.Type == r.Type && slices.Equal(o.Tags, r.Tags)
}

func (a *schemaAnswer) step(r *rule, mode string) (step, error) {
	s := step{name: r.Name, tags: r.Tags, payload: strings.EqualFold(r.Type, encryptPayload)}
	param := func(name string) string {
		if value, ok := r.Params[name]; ok {
			return value
		}
		if a.Metadata != nil {
			return a.Metadata.Properties[name]
		}
		return ""
	}
	s.use = keyUse{kek: param(paramKEK), kmsType: param(paramKMSType), kmsKeyID: param(paramKMSKeyID), algorithm: aes256GCM}
	if r.Kind != "TRANSFORM" {
		return s, fmt.Errorf("it encrypts, and is of the kind %s: should it not be TRANSFORM?", r.Kind)
	}
	if s.use.kek == "" {
		return s, fmt.Errorf("it has no parameter %s", paramKEK)
	}
	if text := param(paramAlgorithm); text != "" {
		s.use.algorithm = algorithm(text)
	}
	if err := s.use.algorithm.check(); err != nil {
		return s, err
	}
	if text := param(paramExpiry); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 0 || days > 1<<20 {
			return s, fmt.Errorf("%s is %q: a number of days, or 0", paramExpiry, text)
		}
		s.use.expiryDays = days
	}
	failure := r.OnFailure
	if of, reading, two := strings.Cut(failure, ","); two && r.Mode == modeBoth {
		if failure = of; mode == modeRead {
			failure = reading
		}
	}
	s.lenient = mode == modeRead && failure == "NONE"
	return s, nil
}

// pathTags are the tags that metadata has for fields by their paths.
type pathTags []struct {
	pattern *regexp.Regexp
	tags    []string
}

// pathTags compiles the tags of the metadata.
func (a *schemaAnswer) pathTags() (pathTags, error) {
	if a.Metadata == nil {
		return nil, nil
	}
	out := make(pathTags, 0, len(a.Metadata.Tags))
	for _, pattern := range slices.Sorted(maps.Keys(a.Metadata.Tags)) {
		re, err := regexp.Compile(expression(pattern))
		if err != nil {
			return nil, fmt.Errorf("the path %q in the metadata's tags: %w", pattern, err)
		}
		out = append(out, struct {
			pattern *regexp.Regexp
			tags    []string
		}{re, a.Metadata.Tags[pattern]})
	}
	return out, nil
}

// of adds to a field's own tags those of its path.
func (t pathTags) of(path string, own []string) []string {
	out := own
	for _, p := range t {
		if p.pattern.MatchString(path) {
			out = append(out[:len(out):len(out)], p.tags...)
		}
	}
	return out
}

// expression is a pattern of paths as a regular expression: ? stands for a character of a name, * for any of one name, and ** for any at all.
func expression(pattern string) string {
	var b strings.Builder
	b.WriteString("^(?s:")
	rest := strings.ReplaceAll(pattern, "**.*", "**")
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
			continue
		case rest[0] == '*':
			b.WriteString("[^.]*")
		case rest[0] == '?':
			b.WriteString("[^.]")
		case rest[0] == '\\' && len(rest) > 1:
			rest = rest[1:]
			fallthrough
		default:
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			rest = rest[size:]
			continue
		}
		rest = rest[1:]
	}
	return b.String() + ")$"
}
