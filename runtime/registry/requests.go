package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"
)

// failure is what stood in the way of a request, in words, with what to do about it.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// explained puts an error of a request into words.
func explained(err error) error {
	if err == nil {
		return nil
	}
	return &failure{plainly(err).Error() + obstacle(err), err}
}

// explained puts an error of a request into words, at a registry that may have no contexts.
func (c *Client) explained(err error) error {
	if c.context != "" && isNoPath(err) && !isNotFound(err) {
		return &failure{plainly(err).Error() + ": has that registry contexts? Is its address whole?", err}
	}
	return explained(err)
}

// written puts an error of a request that writes into words. What is not there is made by it: a registry that says that it is not there says something else.
func (c *Client) written(err error) error {
	if isNotFound(err) {
		return &failure{plainly(err).Error() + ": may that user write there? Some registries say so to one who may not", err}
	}
	return c.explained(err)
}

// misfit is an answer that the API does not have.
func misfit(what string) error {
	return explained(&foreignError{status: http.StatusOK, what: "with " + what})
}

// fetch reads a version of a subject.
func (c *Client) fetch(ctx context.Context, subject string, version int) (sr.SubjectSchema, error) {
	found, err := c.sr.SchemaByVersion(ctx, subject, version)
	return c.checked(found, subject, version, err)
}

// checked is a version that was asked for, once it is clear that it is one.
func (c *Client) checked(found sr.SubjectSchema, subject string, version int, err error) (sr.SubjectSchema, error) {
	if err == nil && (found.Version < 1 || found.ID < 1 || found.Schema.Schema == "" || version > 0 && found.Version != version) {
		return sr.SubjectSchema{}, misfit("something that is no version of a subject")
	}
	found.Subject = cmp.Or(found.Subject, subject)
	return c.local(found), c.explained(err)
}

// numbers lists a subject's versions, oldest first.
func (c *Client) numbers(ctx context.Context, subject string) ([]int, error) {
	found, err := c.sr.SubjectVersions(ctx, subject)
	if err == nil && len(found) == 0 {
		return nil, misfit("a subject that has no version")
	}
	slices.Sort(found)
	return found, c.explained(err)
}

// post registers a schema with what is said of it beside, and returns its id.
func (c *Client) post(ctx context.Context, subject string, schema sr.Schema, said contract) (int, error) {
	var answer struct {
		ID int `json:"id"`
	}
	err := c.sr.Do(ctx, http.MethodPost, "/subjects/"+url.PathEscape(subject)+"/versions", struct {
		Schema     string               `json:"schema"`
		Type       sr.SchemaType        `json:"schemaType"`
		References []sr.SchemaReference `json:"references,omitempty"`
		contract
	}{schema.Schema, schema.Type, schema.References, said}, &answer)
	if err == nil && answer.ID < 1 {
		return 0, misfit("no id for the schema")
	}
	return answer.ID, c.written(err)
}

// compare asks whether a subject takes a schema after its newest version, and why not.
func (c *Client) compare(ctx context.Context, subject string, schema sr.Schema) (bool, []string, error) {
	var result struct {
		Is       *bool    `json:"is_compatible"`
		Messages []string `json:"messages"`
	}
	path := "/compatibility/subjects/" + url.PathEscape(subject) + "/versions/latest"
	err := c.sr.Do(sr.WithParams(ctx, sr.Verbose), http.MethodPost, path, schema, &result)
	switch {
	case err != nil:
		return false, nil, c.explained(err)
	case result.Is == nil:
		return false, nil, misfit("no word of whether the schema is compatible")
	}
	return *result.Is, result.Messages, nil
}

// settings are what Confluent's registry keeps of a subject beside its level, and answers with alone where it has no level.
var settings = []string{
	"alias", "aliasForDeks", "normalize", "validateFields", "validateNewSchemas", "validateRules", "compatibilityPolicy", "compatibilityGroup",
	"defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet",
}

// ownLevel is a subject's own compatibility level; empty where it has none.
func (c *Client) ownLevel(ctx context.Context, subject string) (string, error) {
	level, kept, err := c.readLevel(ctx, "/config/"+url.PathEscape(subject))
	isSetting := func(name string) bool { return slices.Contains(settings, name) }
	switch {
	case isNotFound(err):
		return "", nil
	case err == nil && level == "" && len(kept) > 0 && !slices.ContainsFunc(kept, isSetting):
		return "", misfit("no compatibility level")
	}
	return level, err
}

// globalLevel is the compatibility level of subjects that have none of their own. It is asked for as that which is in force, since a context need have none.
func (c *Client) globalLevel(ctx context.Context) (string, error) {
	level, _, err := c.readLevel(sr.WithParams(ctx, sr.DefaultToGlobal), "/config")
	if err == nil && level == "" {
		return "", misfit("no compatibility level")
	}
	return level, err
}

// readLevel reads a compatibility level, empty where there is none, and the names of what is kept with it.
func (c *Client) readLevel(ctx context.Context, path string) (string, []string, error) {
	var found map[string]json.RawMessage
	if err := c.sr.Do(ctx, http.MethodGet, path, nil, &found); err != nil {
		return "", nil, c.explained(err)
	}
	var text string
	if raw, ok := found["compatibilityLevel"]; ok {
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", nil, explained(err)
		}
	}
	if text == "" {
		return "", sortedNames(found), nil
	}
	level, err := parseLevel(text)
	return level.String(), nil, err
}

// setOwnLevel sets a subject's own compatibility level.
func (c *Client) setOwnLevel(ctx context.Context, subject, level string) error {
	var set struct {
		Level string `json:"compatibility"`
	}
	err := c.sr.Do(ctx, http.MethodPut, "/config/"+url.PathEscape(subject), map[string]string{"compatibility": level}, &set)
	if err == nil && set.Level != level {
		return misfit("another compatibility level than " + level)
	}
	return c.written(err)
}

// isNotFound says whether a registry has said that it has no such thing. A 404 of another server, or for a path that the registry does not have, is none.
func isNotFound(err error) bool {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	return ok && answer.StatusCode == http.StatusNotFound && answer.ErrorCode/100 == 404
}

// isUnreadable says whether an answer is JSON of another shape than the API's.
func isUnreadable(err error) bool {
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	_, syntax := errors.AsType[*json.SyntaxError](err)
	return shape || syntax
}

var errUnreadable = fmt.Errorf("its answer is JSON, but not what the API has there")
