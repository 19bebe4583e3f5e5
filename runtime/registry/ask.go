package registry

import (
	"context"
	"fmt"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"
)

// Ask makes a request of the registry's HTTP API that this package has no method for, at a path below the client's address: `/schemas/ids/7`. What in holds is sent as
// JSON, nil for none, and the answer is read into what out points to. The error is [ErrNotFound] where the registry says that it has no such thing; where it answers
// otherwise, an [sr.ResponseError] has its answer.
func (c *Client) Ask(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if len(query) > 0 {
		ctx = sr.WithParams(ctx, sr.RawParams(query))
	}
	err := c.explained(c.sr.Do(ctx, method, path, in, out))
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return fmt.Errorf("registry %s: %w: %w", c.url, ErrNotFound, err)
	}
	return fmt.Errorf("registry %s: %w", c.url, err)
}
