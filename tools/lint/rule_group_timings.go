package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var groupTimings = Rule{
	ID:       "GROUP_TIMINGS",
	Purpose:  "a group's members send at least three heartbeats in a session timeout",
	Why:      "A member whose heartbeat is late by one lost packet or one long pause is taken for dead: its partitions move, and what it was doing is done again.",
	Severity: Warning,
	Group: func(c *Check, g *schema.Group) {
		switch {
		case g.HeartbeatInterval >= g.SessionTimeout:
			c.Report(Problem{
				Severity: Error,
				Message: fmt.Sprintf("group %s sends a heartbeat every %s, and a member is dead after %s without one: every member always is",
					g.Name, g.HeartbeatInterval, g.SessionTimeout),
				Fix: fmt.Sprintf("set heartbeat_interval_ms to %d or less", g.SessionTimeout.Milliseconds()/3),
			})
		case g.HeartbeatInterval*3 > g.SessionTimeout:
			c.Report(Problem{
				Message: fmt.Sprintf("group %s sends a heartbeat every %s, more than a third of its session timeout of %s",
					g.Name, g.HeartbeatInterval, g.SessionTimeout),
				Fix: fmt.Sprintf("set heartbeat_interval_ms to %d or less", g.SessionTimeout.Milliseconds()/3),
			})
		}
	},
}
