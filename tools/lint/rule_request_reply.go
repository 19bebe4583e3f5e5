package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var requestReply = Rule{
	ID:       "REQUEST_REPLY",
	Purpose:  "every request names the response that answers it, and every response has a request",
	Why:      "A caller waits for the event type that its request names. Without one nobody can wait; a reply that is no response is never taken for the answer.",
	Severity: Error,
	Event: func(c *Check, e *schema.Event) {
		switch {
		case e.Role == schema.RoleRequest && e.Reply == nil:
			c.Report(Problem{
				Message: fmt.Sprintf("request %s names no reply: nobody can wait for its answer", e.Type),
				Fix:     "set reply to the event type that answers it, or the role to event if nothing does",
			})
		case e.Role != schema.RoleRequest && e.Reply != nil:
			c.Report(Problem{
				Message: fmt.Sprintf("%s names the reply %s, and its role is %s: only requests are answered", e.Type, e.Reply.Type, e.Role),
				Fix:     "set its role to request, or remove reply",
			})
		case e.Reply != nil && e.Reply.Role != schema.RoleResponse:
			c.Report(Problem{
				Message: fmt.Sprintf("reply %s of request %s has the role %s: it is never taken for an answer", e.Reply.Type, e.Type, e.Reply.Role),
				Fix:     fmt.Sprintf("set the role of %s to response, or name another reply", e.Reply.Type),
			})
		case e.Role == schema.RoleResponse && !c.run.index.answered[e]:
			c.Report(Problem{
				Message: fmt.Sprintf("no request names response %s as its reply: nobody waits for it", e.Type),
				Fix:     "name it as the reply of its request, or set its role to event",
			})
		}
	},
}
