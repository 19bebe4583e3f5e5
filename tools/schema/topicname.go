package schema

import (
	"fmt"
	"regexp"
	"strings"
)

// TopicParts are what a family's topic pattern finds in a topic's name; what the pattern does not have is empty.
type TopicParts struct{ Category, Operation, Version string }

// placeholder finds {name} in a pattern.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// placeholderPatterns say what each placeholder of a topic pattern stands for.
var placeholderPatterns = map[string]string{
	"{category}":  `(?P<category>[A-Za-z0-9-]+)`,
	"{operation}": `(?P<operation>[A-Za-z0-9._-]+?)`,
	"{version}":   `(?P<version>[0-9]+)`,
}

// MatchTopic splits a topic's name by the family's topic pattern. It fails when the name does not follow the pattern;
// without a pattern every name does.
func (f *Family) MatchTopic(name string) (TopicParts, bool) {
	if f.TopicPattern == "" {
		return TopicParts{}, true
	}
	re, err := compileTopicPattern(f.TopicPattern)
	if err != nil {
		return TopicParts{}, false
	}
	found := re.FindStringSubmatch(name)
	if found == nil {
		return TopicParts{}, false
	}
	part := func(name string) string {
		if i := re.SubexpIndex(name); i >= 0 {
			return found[i]
		}
		return ""
	}
	return TopicParts{Category: part("category"), Operation: part("operation"), Version: part("version")}, true
}

// DeadLetterName is the name of a topic's dead-letter topic by the family's pattern: empty without a pattern. It fails
// when the pattern needs parts of the topic's name and the name does not follow the topic pattern.
func (f *Family) DeadLetterName(topic string) (name string, ok bool) {
	parts, matches := f.MatchTopic(topic)
	ok = true
	name = placeholder.ReplaceAllStringFunc(f.DeadLetterPattern, func(p string) string {
		if p == "{topic}" {
			return topic
		}
		value := map[string]string{"{category}": parts.Category, "{operation}": parts.Operation, "{version}": parts.Version}[p]
		ok = ok && matches && value != ""
		return value
	})
	return name, ok
}

// CheckTopicPattern says what is wrong with a family's topic pattern.
func CheckTopicPattern(pattern string) error {
	_, err := compileTopicPattern(pattern)
	return err
}

func compileTopicPattern(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteByte('^')
	last := 0
	seen := map[string]bool{}
	for _, at := range placeholder.FindAllStringIndex(pattern, -1) {
		word := pattern[at[0]:at[1]]
		re, ok := placeholderPatterns[word]
		if !ok {
			return nil, fmt.Errorf("%s is no placeholder: there are {category}, {operation} and {version}", word)
		}
		if seen[word] {
			return nil, fmt.Errorf("%s is there twice", word)
		}
		seen[word] = true
		b.WriteString(regexp.QuoteMeta(pattern[last:at[0]]))
		b.WriteString(re)
		last = at[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[last:]))
	b.WriteByte('$')
	return regexp.Compile(b.String())
}

// CheckDeadLetterPattern says which placeholder a dead-letter pattern cannot have beside a topic pattern.
func CheckDeadLetterPattern(pattern, topicPattern string) error {
	for _, word := range placeholder.FindAllString(pattern, -1) {
		if word == "{topic}" {
			continue
		}
		if _, ok := placeholderPatterns[word]; !ok {
			return fmt.Errorf("%s is no placeholder: there are {topic}, {category}, {operation} and {version}", word)
		}
		if !strings.Contains(topicPattern, word) {
			return fmt.Errorf("%s is not in topic_pattern %q", word, topicPattern)
		}
	}
	return nil
}
