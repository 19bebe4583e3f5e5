package ops

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Imported says what was taken over from what others wrote, and what was not.
type Imported struct {
	// Written are the places that are otherwise now, such as environments.local.topics.orders.partitions, with what stands there.
	Written []string  `json:"written"`
	Refused []Refusal `json:"refused"`
}

// Refusal is what has no place here.
type Refusal struct {
	Source   string `json:"source"`   // the file
	Position string `json:"position"` // line:column in it
	Reason   string `json:"reason"`
}

// editConfig changes trestle.yaml, with its comments kept. What edit does to the text is held to what want does to what is read of it: where they differ,
// as they can with aliases, nothing is written.
func (p *Project) editConfig(edit func(root *yaml.Node) error, want func(*Config)) error {
	path := p.Path(ConfigName)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(markBlankLines(text), &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := edit(document.Content[0]); err != nil {
		return fmt.Errorf("%s: %w: nothing was written", path, err)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(indentOf(text))
	if err := encoder.Encode(&document); err != nil {
		return err
	}
	edited := unmarkBlankLines(out.Bytes())
	before, err := decodeConfig(path, text)
	if err != nil {
		return err
	}
	after, err := decodeConfig(path, edited)
	if want(before); err != nil || !reflect.DeepEqual(before, after) {
		return fmt.Errorf("%s can't be edited where aliases or merged keys stand: write them out; nothing was written", path)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return replaceFile(path, edited)
}

// blankLine stands for an empty line in a comment: the YAML library keeps those and not these.
const blankLine = "# (an empty line)"

var blockScalar = regexp.MustCompile(`(?m)[|>][-+0-9]*[ \t]*$`)

func markBlankLines(text []byte) []byte {
	if blockScalar.Match(text) { // an empty line in one is part of its text
		return text
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	indent := ""
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.TrimSpace(lines[i]) == "" {
			lines[i] = indent + blankLine
			continue
		}
		indent = lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func unmarkBlankLines(text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == blankLine {
			lines[i] = ""
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

var indentation = regexp.MustCompile(`(?m)^( +)[^ #\n]`)

func indentOf(text []byte) int {
	if found := indentation.FindSubmatch(text); found != nil {
		return len(found[1])
	}
	return 2
}

// pairOf returns a key's node and its value's; nil: the mapping has no such key.
func pairOf(mapping *yaml.Node, key string) (name, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// mappingAt returns the mapping under a path of keys, which is made where there is none.
func mappingAt(node *yaml.Node, keys ...string) (*yaml.Node, error) {
	for i, key := range keys {
		_, next := pairOf(node, key)
		switch {
		case next == nil:
			next = &yaml.Node{Kind: yaml.MappingNode}
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, next)
		case next.Kind == yaml.ScalarNode && next.Tag == "!!null":
			next.Kind, next.Tag, next.Value = yaml.MappingNode, "", ""
		case next.Kind != yaml.MappingNode:
			return nil, fmt.Errorf("line %d: %s is no mapping that can be edited", next.Line, strings.Join(keys[:i+1], "."))
		}
		node = next
	}
	return node, nil
}

func setScalar(mapping *yaml.Node, key, value string) {
	scalar := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if _, old := pairOf(mapping, key); old != nil {
		scalar.LineComment = old.LineComment
		*old = *scalar
		return
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, scalar)
}

func removeKey(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i:i], mapping.Content[i+2:]...)
			return
		}
	}
}
