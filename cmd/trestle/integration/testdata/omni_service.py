"""One of the two Python services, for a test that talks to it over a real broker.

    python omni_service.py omniarchon BROKERS GROUP COUNT   answer COUNT requests, each with a status event and a response
    python omni_service.py omniclaude BROKERS GROUP COUNT   send COUNT rounds of the four requests, wait for the answers

It says on its standard output, one JSON object a line, what it does:

    {"ready": true}                                          the consumer knows where it stands in its partitions
    {"wrote": {"event_type", "correlation_id", "value"}}     an event that it is about to send, the value as text
    {"read": {"event_type", "correlation_id", "value", "understood"}}
                                                             an event that it has read; understood is the payload as the
                                                             model holds it, written by pydantic

What can't be read strictly ends the program with a traceback. Half of the events are written as the guide's producer
writes them (json.dumps with default=str), half as pydantic does.
"""

import asyncio
import itertools
import json
import sys
from datetime import datetime
from uuid import UUID, uuid4

import omni_models as m
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

OPERATIONS = ("analyze", "validate", "pattern", "mixin")
STATUS = "omninode_codegen_status_session_v1"
CONTEXT = {
    "project_root": "/srv/app",
    "big": 9007199254740993,
    "bigger": 123456789012345678901234567890,
    "float": 1.0,
    "tiny": 1e-07,
    "text": 'na\u00efve \U0001f600 \u2028 "q" </script>',
    "nested": {"a": [1, 2.5, None, True, {}]},
}


def requests(session: UUID):
    """The four requests of a round, by operation, each to be made with its correlation id."""
    node = m.EnumNodeType.EFFECT
    yield "analyze", lambda c: m.CodegenAnalysisRequest(
        correlation_id=c, session_id=session, prd_content="# PRD\n\nX", workspace_context=CONTEXT
    )
    yield "validate", lambda c: m.CodegenValidationRequest(
        correlation_id=c, session_id=session, code_content="def f():\n\treturn '\u00e9'", node_type=node, contracts=[CONTEXT, {}]
    )
    yield "pattern", lambda c: m.CodegenPatternRequest(
        correlation_id=c, session_id=session, node_description="", node_type=node, limit=20
    )
    yield "mixin", lambda c: m.CodegenMixinRequest(
        correlation_id=c, session_id=session, requirements=["retry"], node_type=node
    )


def response(request: m.Model) -> tuple[str, m.Model]:
    """The answer to a request: what of it is free-form comes back in it."""
    ids = {"correlation_id": request.correlation_id, "session_id": request.session_id, "processing_time_ms": 3}
    match request:
        case m.CodegenAnalysisRequest():
            return "analyze", m.CodegenAnalysisResponse(analysis_result=request.workspace_context, confidence=1.0, **ids)
        case m.CodegenValidationRequest():
            return "validate", m.CodegenValidationResponse(
                validation_result={"contracts": request.contracts},
                quality_score=0.0,
                onex_compliance_score=0.5,
                is_valid=False,
                **ids,
            )
        case m.CodegenPatternRequest():
            return "pattern", m.CodegenPatternResponse(
                pattern_result=[{"score": 0.875, "limit": request.limit}], total_matches=1, **ids
            )
        case m.CodegenMixinRequest():
            return "mixin", m.CodegenMixinResponse(mixin_recommendations=[], total_recommendations=0, **ids)
    raise TypeError(f"no response to {request!r}")


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def read(record: ConsumerRecord) -> tuple[m.OnexEnvelopeV1, m.Model]:
    """Reads an event strictly, the payload from its own JSON text as the service would."""
    envelope = m.OnexEnvelopeV1.model_validate_json(record.value)
    payload = m.EVENTS[envelope.event_type].model_validate_json(json.dumps(envelope.payload))
    say(
        read={
            "event_type": envelope.event_type,
            "correlation_id": str(envelope.correlation_id),
            "value": record.value.decode(),
            "understood": payload.model_dump_json(),
        }
    )
    return envelope, payload


class Service:
    def __init__(self, brokers: str, group: str) -> None:
        self.brokers = brokers
        self.group = group
        self.styles = itertools.cycle((True, False))

    async def publish(
        self, producer: AIOKafkaProducer, topic: str, event: m.Model, correlation_id: UUID, session_id: UUID | None
    ) -> None:
        as_guide = next(self.styles)
        envelope = m.OnexEnvelopeV1(
            correlation_id=correlation_id,
            session_id=session_id,
            event_type=type(event).__name__,
            timestamp=datetime.utcnow() if as_guide else m.now(),
            payload=event.model_dump(),
        )
        if as_guide:
            value = json.dumps(envelope.model_dump(), default=str)
        else:
            value = envelope.model_dump_json()
        say(wrote={"event_type": envelope.event_type, "correlation_id": str(correlation_id), "value": value})
        await producer.send_and_wait(topic, value=value.encode(), key=str(correlation_id).encode())

    def consumer(self, topics: list[str]) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self.brokers,
            group_id=self.group,
            auto_offset_reset="latest",
            session_timeout_ms=30000,
            heartbeat_interval_ms=10000,
        )

    def producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=self.brokers, compression_type="gzip", acks=1, max_request_size=1048576)


async def started(consumer: AIOKafkaConsumer) -> None:
    """Starts a consumer and waits until it knows where it stands in each of its partitions."""
    await consumer.start()
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=50)
    for partition in consumer.assignment():
        await consumer.position(partition)
    say(ready=True)


async def omniarchon(service: Service, count: int) -> None:
    topics = [f"omninode_codegen_request_{op}_v1" for op in OPERATIONS]
    async with service.producer() as producer:
        consumer = service.consumer(topics)
        await started(consumer)
        try:
            for _ in range(count):
                envelope, request = read(await consumer.getone())
                status = m.CodegenStatusEvent(
                    session_id=request.session_id,
                    status=m.EnumSessionStatus.PROCESSING,
                    progress_percentage=45.5,
                    message="Analysing",
                    metadata={"step": 2, "weight": 1.0},
                )
                await service.publish(producer, STATUS, status, envelope.correlation_id, envelope.session_id)
                operation, answer = response(request)
                topic = f"omninode_codegen_response_{operation}_v1"
                await service.publish(producer, topic, answer, envelope.correlation_id, None)
        finally:
            await consumer.stop()


async def omniclaude(service: Service, count: int) -> None:
    topics = [f"omninode_codegen_response_{op}_v1" for op in OPERATIONS] + [STATUS]
    async with service.producer() as producer:
        consumer = service.consumer(topics)
        await started(consumer)
        try:
            asked: dict[UUID, m.Model] = {}
            session = uuid4()
            for _ in range(count):
                for operation, make in requests(session):
                    correlation_id = uuid4()
                    asked[correlation_id] = make(correlation_id)
                    topic = f"omninode_codegen_request_{operation}_v1"
                    await service.publish(producer, topic, asked[correlation_id], correlation_id, session)
            reported = set(asked)
            while asked or reported:
                envelope, event = read(await consumer.getone())
                if isinstance(event, m.CodegenStatusEvent):
                    reported.remove(envelope.correlation_id)
                    continue
                question = asked.pop(envelope.correlation_id)
                assert type(event).__name__ == type(question).__name__.replace("Request", "Response"), event
                assert event.session_id == session, event
                if isinstance(event, m.CodegenAnalysisResponse):
                    # repr tells 1 from 1.0, which are equal
                    assert repr(event.analysis_result) == repr(CONTEXT), event.analysis_result
        finally:
            await consumer.stop()


if __name__ == "__main__":
    name, brokers, group, count = sys.argv[1:]
    asyncio.run({"omniarchon": omniarchon, "omniclaude": omniclaude}[name](Service(brokers, group), int(count)))
