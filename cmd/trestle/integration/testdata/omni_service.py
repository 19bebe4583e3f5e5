"""One of the two Python services, for a test that talks to it over a real broker.

    python omni_service.py omniarchon BROKERS COUNT   answer COUNT requests, each with a status event and a response
    python omni_service.py omniclaude BROKERS COUNT   send COUNT rounds of the four requests, wait for the responses

Each event that is read goes to stdout as one JSON line {"read": type, "correlation_id", "value"}; each that is written
as {"wrote": type, "correlation_id", "value"}; "ready" says that the consumer has its partitions. What can't be read
strictly ends the program with a traceback. Half of the events are written as the guide's producer writes them
(json.dumps with default=str), half as pydantic does.
"""

import asyncio
import itertools
import json
import sys
from datetime import datetime
from uuid import UUID, uuid4

import omni_models as m
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

OPERATIONS = ("analyze", "validate", "pattern", "mixin")
STATUS = "omninode_codegen_status_session_v1"
CONTEXT = {
    "project_root": "/srv/app",
    "big": 9007199254740993,
    "bigger": 123456789012345678901234567890,
    "float": 1.0,
    "tiny": 1e-07,
    "text": "na\u00efve \U0001f600 \u2028 </script>",
    "nested": {"a": [1, 2.5, None, True, {}]},
}


def requests(session: UUID):
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
    ids = {"correlation_id": request.correlation_id, "session_id": request.session_id, "processing_time_ms": 3}
    match request:
        case m.CodegenAnalysisRequest():
            return "analyze", m.CodegenAnalysisResponse(analysis_result=request.workspace_context, confidence=1.0, **ids)
        case m.CodegenValidationRequest():
            return "validate", m.CodegenValidationResponse(
                validation_result={}, quality_score=0.0, onex_compliance_score=0.5, is_valid=False, **ids
            )
        case m.CodegenPatternRequest():
            return "pattern", m.CodegenPatternResponse(pattern_result=[{"score": 0.875}], total_matches=1, **ids)
        case m.CodegenMixinRequest():
            return "mixin", m.CodegenMixinResponse(mixin_recommendations=[], total_recommendations=0, **ids)
    raise TypeError(f"no response to {request!r}")


def say(what: str, envelope: m.OnexEnvelopeV1, value: bytes) -> None:
    line = {what: envelope.event_type, "correlation_id": str(envelope.correlation_id), "value": value.decode()}
    print(json.dumps(line), flush=True)


def read(value: bytes) -> tuple[m.OnexEnvelopeV1, m.Model]:
    """Reads an event strictly, the payload from its own JSON text as the service would."""
    envelope = m.OnexEnvelopeV1.model_validate_json(value)
    payload = m.EVENTS[envelope.event_type].model_validate_json(json.dumps(envelope.payload))
    say("read", envelope, value)
    return envelope, payload


class Service:
    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.styles = itertools.cycle((True, False))

    async def publish(self, producer: AIOKafkaProducer, topic: str, event: m.Model, correlation_id: UUID, session_id: UUID | None) -> None:
        as_guide = next(self.styles)
        envelope = m.OnexEnvelopeV1(
            correlation_id=correlation_id,
            session_id=session_id,
            event_type=type(event).__name__,
            timestamp=datetime.utcnow() if as_guide else m.now(),
            payload=event.model_dump(),
        )
        if as_guide:
            value = json.dumps(envelope.model_dump(), default=str).encode()
        else:
            value = envelope.model_dump_json().encode()
        await producer.send_and_wait(topic, value=value, key=str(correlation_id).encode())
        say("wrote", envelope, value)

    def consumer(self, group: str, topics: list[str]) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self.brokers,
            group_id=group,
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
    print("ready", flush=True)


async def omniarchon(brokers: str, count: int) -> None:
    service = Service(brokers)
    topics = [f"omninode_codegen_request_{op}_v1" for op in OPERATIONS]
    async with service.producer() as producer:
        consumer = service.consumer("omniarchon_codegen_intelligence", topics)
        await started(consumer)
        try:
            for _ in range(count):
                record = await consumer.getone()
                envelope, request = read(record.value)
                status = m.CodegenStatusEvent(
                    session_id=request.session_id,
                    status=m.EnumSessionStatus.PROCESSING,
                    progress_percentage=45.5,
                    message="Analysing",
                    metadata={"step": 2},
                )
                await service.publish(producer, STATUS, status, envelope.correlation_id, envelope.session_id)
                operation, answer = response(request)
                await service.publish(producer, f"omninode_codegen_response_{operation}_v1", answer, envelope.correlation_id, None)
        finally:
            await consumer.stop()


async def omniclaude(brokers: str, count: int) -> None:
    service = Service(brokers)
    topics = [f"omninode_codegen_response_{op}_v1" for op in OPERATIONS] + [STATUS]
    async with service.producer() as producer:
        consumer = service.consumer("omniclaude_codegen_consumer", topics)
        await started(consumer)
        try:
            waiting: set[UUID] = set()
            session = uuid4()
            for _ in range(count):
                for operation, make in requests(session):
                    correlation_id = uuid4()
                    waiting.add(correlation_id)
                    await service.publish(producer, f"omninode_codegen_request_{operation}_v1", make(correlation_id), correlation_id, session)
            statuses = len(waiting)
            while waiting or statuses:
                record = await consumer.getone()
                envelope, event = read(record.value)
                if isinstance(event, m.CodegenStatusEvent):
                    statuses -= 1
                else:
                    waiting.remove(envelope.correlation_id)
        finally:
            await consumer.stop()


if __name__ == "__main__":
    name, brokers, count = sys.argv[1:]
    asyncio.run({"omniarchon": omniarchon, "omniclaude": omniclaude}[name](brokers, int(count)))
