package golang

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// pair is a request of a package and its response.
type pair struct {
	request            *schema.Event
	name               string // of its methods: "CodegenPattern"
	requestType, reply string // Go types
}

// conversationNames are what conversations declares in a package.
var conversationNames = []string{"Answers", "Calls", "HandleAnswers", "NewCalls"}

// conversations writes the typed caller of a package's requests, and what answers them.
func (g *file) conversations() error {
	pairs, err := g.pairs()
	if err != nil || len(pairs) == 0 {
		return err
	}
	g.calls(pairs)
	g.answers(pairs)
	return nil
}

// pairs returns the package's requests that have a response, in the order of the schemas.
func (g *file) pairs() ([]pair, error) {
	var pairs []pair
	taken := map[string]string{}
	for _, e := range g.owner.Events {
		if e.Reply == nil || e.Topic == nil || e.Reply.Topic == nil {
			continue
		}
		p := pair{request: e, requestType: g.messageType(e.Message), reply: g.messageType(e.Reply.Message)}
		p.name = strings.TrimSuffix(p.requestType, "Request")
		if p.name == "" {
			p.name = p.requestType
		}
		if other := taken[p.name]; other != "" {
			return nil, refuse(e.Pos, e.Type, "its calls would be named %s, as are those of %s: rename one", p.name, other)
		}
		taken[p.name] = e.Type
		pairs = append(pairs, p)
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	const reserved = "the callers and handlers of the package's requests have this name: rename it"
	for _, m := range g.owner.Messages {
		if slices.Contains(conversationNames, g.messageType(m)) {
			return nil, refuse(m.Pos, m.FullName, reserved)
		}
	}
	for _, e := range g.owner.Enums {
		if slices.Contains(conversationNames, g.enumType(e)) {
			return nil, refuse(e.Pos, e.FullName, reserved)
		}
	}
	return pairs, nil
}

func (g *file) calls(pairs []pair) {
	g.p("// Calls sends the package's requests and waits for their responses. It is safe for concurrent use.")
	g.p("type Calls struct{ caller %s }\n", g.trestle("Requester"))
	g.p("// NewCalls returns what calls by that caller, such as a Caller of the runtime.")
	g.p("func NewCalls(caller %s) Calls { return Calls{caller} }\n", g.trestle("Requester"))
	for _, p := range pairs {
		g.p("// %s sends a request and waits for its response until ctx ends: see [trestle.Call].", p.name)
		if d := p.request.Message.Deprecated; d != nil {
			g.p("//\n// Deprecated: so is the request.")
		}
		g.p("func (c Calls) %s(ctx %s, request *%s, opts ...%s) (*%s, error) {", p.name, g.std("context", "Context"),
			p.requestType, g.trestle("CallOption"), p.reply)
		g.p("return %s[*%s](ctx, c.caller, request, opts...)", g.trestle("Call"), p.reply)
		g.p("}\n")
	}
}

func (g *file) answers(pairs []pair) {
	g.p("// Answers answers the package's requests. It has a method for each, so that one that is missing does not compile.")
	g.p("type Answers interface {")
	for _, p := range pairs {
		g.p("// Answer%s returns the response to a request: see [trestle.Answer].", p.name)
		g.p("Answer%s(ctx %s, request *%s) (*%s, error)", p.name, g.std("context", "Context"), p.requestType, p.reply)
	}
	g.p("}\n")
	g.p("// HandleAnswers registers the handlers of all the package's requests, and has the responses that they return published")
	g.p("// under the requests' correlation and session ids. c is a Consumer of the runtime, before it runs, and pub a Publisher.")
	g.p("func HandleAnswers(c %s, pub %s, a Answers) {", g.trestle("Answerer"), g.trestle("EventPublisher"))
	for _, p := range pairs {
		g.p("%s(c, pub, a.Answer%s)", g.trestle("Answer"), p.name)
	}
	g.p("}\n")
}
