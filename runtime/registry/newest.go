package registry

import (
	"context"
	"fmt"
)

// Newest is a subject's newest version, without what it refers to, and the level at which the registry judges the subject.
type Newest struct {
	Stored
	Level string
}

// Newest asks for subjects, twice for each; those that the registry does not have are left out.
func (c *Client) Newest(ctx context.Context, subjects []string) (map[string]Newest, error) {
	p := planner{Client: c}
	out := make(map[string]Newest, len(subjects))
	for _, name := range subjects {
		found, err := c.sr.SchemaByVersion(ctx, name, newest)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("subject %s at %s: %w", name, c.url, err)
		}
		level, err := p.levelOf(ctx, name)
		if err != nil {
			return nil, err
		}
		out[name] = Newest{fromSR(found), level}
	}
	return out, nil
}

// Same says whether two schemas of a registry are the same but for layout, as [Client.Plan] compares them. What they refer to is not compared.
func (c *Client) Same(a, b Stored) bool { return a.Type == b.Type && c.same(a, b) }
