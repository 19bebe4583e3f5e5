// Package trestle publishes and consumes events whose types were generated from schemas. Import it under that name:
// its directory is called runtime.
//
// An event type knows its topic, its key, its envelope and its rules, so that call sites speak of events and nothing
// else. An event that breaks a rule is never published; one that was published by others and breaks it goes to its
// dead letter, and the handler never sees it:
//
//	pub, err := trestle.NewPublisher(brokers, trestle.WithSource(trestle.Source{ServiceName: "omniclaude"}))
//	...
//	err = pub.Publish(ctx, &codegenv1.CodegenAnalysisRequest{PrdContent: "# PRD: New Feature"})
//
//	c, err := trestle.NewConsumer(brokers, codegenv1.GroupOmniclaudeCodegenConsumer) // or the name of any other group
//	...
//	trestle.Handle(c, func(ctx context.Context, e *codegenv1.CodegenAnalysisResponse) error {
//		return store(ctx, e.GetCorrelationId(), e.GetConfidence())
//	})
//	err = c.Run(ctx)
//
// Where a schema names the reply to a request, [Call] waits for it, and [Answer] has a handler's result sent as the
// reply. Generated packages have both for all their requests, typed:
//
//	caller, err := trestle.NewCaller(brokers)
//	...
//	response, err := codegenv1.NewCalls(caller).CodegenPattern(ctx, request, trestle.WithSessionID(session))
//
//	codegenv1.HandleAnswers(c, pub, archon) // does not compile unless archon answers every request
//
// Middleware of your own stands around handlers ([WithHandlerMiddleware]) and around publishing ([WithPublishMiddleware]), as
// do the metrics and spans that go to OpenTelemetry ([WithMeterProvider], [WithTracerProvider]). [Consumer.Health] and
// [Publisher.Health] say what keeps them from their work; [ReadyHandler] and [LiveHandler] serve that.
//
// With [WithTransactions], what handlers publish and the commits of what they have handled are transactions of Kafka: both happen, or
// neither does.
//
// [Encode] and [Decode] turn events into records and back without any broker, for those who bring their own client.
//
// Errors say whose fault they are: a [*ValidationError] the data's, a [*TooLargeError] the event's size, a
// [*PublishError] the cluster's, a [*CallError] that of who should have responded. What needs a database or a registry
// stands in packages below this one; who only publishes and consumes does not link them. How the cluster is reached, with
// TLS and SASL, is a [kafka.Connection], which [WithConnection] takes.
package trestle
