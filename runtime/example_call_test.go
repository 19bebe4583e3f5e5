package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// findPatterns answers a request.
func findPatterns(_ context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
	return patterns(r), nil
}

// A caller sends a request, and waits for the response with its correlation id.
func ExampleCall() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	service, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon")
	check(err)
	pub := cluster.Publisher()
	trestle.Answer(service, pub, func(ctx context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
		if err := pub.Publish(ctx, progress(50)); err != nil {
			return nil, err
		}
		return patterns(r), nil
	})
	trestletest.Run(t, service)

	caller, err := trestle.NewCaller(cluster.Brokers(), trestle.WithPublisher(pub), trestle.WithMaxCalls(100))
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	response, err := trestle.Call[*codegenv1.CodegenPatternResponse](ctx, caller, patternRequest(3),
		trestle.WithStatus(func(_ context.Context, e *codegenv1.CodegenStatusEvent) { fmt.Println(e.GetMessage()) }))
	check(err)
	fmt.Println(response.GetPatternResult()[0].GetJson())
	check(caller.Close(ctx))
	// Output:
	// looking for patterns
	// {"pattern":"outbox"}
}

// What a handler of requests returns is published as the response, under the ids of the request.
func ExampleAnswer() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t)
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) { trestle.Answer(c, rec.Publisher(), findPatterns) })

	done := handlers.Handle(patternRequest(3))
	response := done.Sent[0].Event.(*codegenv1.CodegenPatternResponse)
	fmt.Println(done.Result, response.GetCorrelationId() == requestID, response.GetTotalMatches())

	response, err := codegenv1.NewCalls(handlers).CodegenPattern(context.Background(), patternRequest(2)) // a Caller, in a service
	fmt.Println(response.GetTotalMatches(), err)
	// Output:
	// handled true 3
	// 2 <nil>
}

// A caller learns at once that its request went to its dead letter, and why.
func ExampleUnansweredError() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	service, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon", trestle.WithLogger(quiet))
	check(err)
	trestle.Answer(service, cluster.Publisher(), func(context.Context, *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
		return nil, trestle.Permanent(errors.New("this tenant has been closed"))
	})
	trestletest.Run(t, service)

	caller, err := trestle.NewCaller(cluster.Brokers())
	check(err)
	defer caller.Close(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = trestle.Call[*codegenv1.CodegenPatternResponse](ctx, caller, patternRequest(3))
	if unanswered, ok := errors.AsType[*trestle.UnansweredError](err); ok {
		fmt.Println(unanswered.Group, "gave it up:", unanswered.Message)
	}
	// Output:
	// omniarchon gave it up: this tenant has been closed
}

// A response survives its caller: one of the same name asks for it after a restart, by its correlation id.
func ExampleAwaitReply() {
	t := example()
	defer t.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	service, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon")
	check(err)
	trestle.Answer(service, cluster.Publisher(), findPatterns)
	trestletest.Run(t, service)

	sent := time.Now()
	before, err := trestle.NewCaller(cluster.Brokers(), trestle.WithCallerName("omniclaude-1"))
	check(err)
	_, err = trestle.Call[*codegenv1.CodegenPatternResponse](ctx, before, patternRequest(3))
	check(err)
	check(before.Close(ctx)) // it got the response; had it died before, the topic would have it all the same

	after, err := trestle.NewCaller(cluster.Brokers(), trestle.WithCallerName("omniclaude-1"))
	check(err)
	defer after.Close(ctx)
	response, err := trestle.AwaitReply[*codegenv1.CodegenPatternResponse](ctx, after, requestID, sent,
		trestle.WithRequestType[codegenv1.CodegenPatternRequest]()) // its dead letter would end the waiting, too
	check(err)
	fmt.Println(response.GetPatternResult()[0].GetJson())
	// Output:
	// {"pattern":"outbox"}
}

// One of many instances reads a partition of the responses, its own, instead of all.
func ExampleWithReplyPartition() {
	t := example()
	defer t.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	service, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon")
	check(err)
	trestle.Answer(service, cluster.Publisher(), findPatterns)
	trestletest.Run(t, service)

	caller, err := trestle.NewCaller(cluster.Brokers(), trestle.WithCallerName("omniclaude-1"), trestle.WithReplyPartition())
	check(err)
	defer caller.Close(ctx)
	response, err := trestle.Call[*codegenv1.CodegenPatternResponse](ctx, caller, patternRequest(3))
	check(err)
	fmt.Println(response.GetPatternResult()[0].GetJson())
	// Output:
	// {"pattern":"outbox"}
}

// A program that learns of its event types when it runs calls, answers and awaits by their descriptions.
func ExampleCaller_CallInfo() {
	t := example()
	defer t.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request := (*codegenv1.CodegenPatternRequest)(nil).EventInfo()
	reply := (*codegenv1.CodegenPatternResponse)(nil).EventInfo()

	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	service, err := trestle.NewConsumer(cluster.Brokers(), "omniarchon")
	check(err)
	service.AnswerInfo(cluster.Publisher(), request, reply, func(_ context.Context, r trestle.Event) (trestle.Event, error) {
		fmt.Println("asked", r.EventInfo().Type)
		return patterns(patternRequest(3)), nil
	})
	trestletest.Run(t, service)

	sent := time.Now()
	caller, err := trestle.NewCaller(cluster.Brokers(), trestle.WithCallerName("omniclaude-1"))
	check(err)
	defer caller.Close(ctx)
	response, err := caller.CallInfo(ctx, reply, patternRequest(3))
	check(err)
	again, err := caller.AwaitReplyInfo(ctx, reply, requestID, sent, trestle.WithRequestInfo(request))
	check(err)
	fmt.Println(response.EventInfo().Type, again.EventInfo().Type)
	// Output:
	// asked CodegenPatternRequest
	// CodegenPatternResponse CodegenPatternResponse
}
