"""The system guide's event models of code generation, strict, as the Python services define them.

Strict means here: no coercion when JSON is read, and no field that the model does not know. A writer that adds a field,
quotes a number or leaves out what is required is found out.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class EnumAnalysisType(str, Enum):
    QUICK = "quick"
    PARTIAL = "partial"
    FULL = "full"


class EnumValidationType(str, Enum):
    SYNTAX = "syntax"
    SEMANTIC = "semantic"
    COMPLIANCE = "compliance"
    FULL = "full"


class EnumNodeType(str, Enum):
    EFFECT = "effect"
    COMPUTE = "compute"
    REDUCER = "reducer"
    ORCHESTRATOR = "orchestrator"


class EnumSessionStatus(str, Enum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def now() -> datetime:
    return datetime.now(UTC)


class OnexEnvelopeV1(Model):
    envelope_version: str = "1.0"
    correlation_id: UUID
    session_id: UUID | None = None
    event_type: str
    timestamp: datetime
    payload: dict[str, Any]


class CodegenAnalysisRequest(Model):
    correlation_id: UUID
    session_id: UUID
    prd_content: str
    analysis_type: EnumAnalysisType = EnumAnalysisType.FULL
    workspace_context: dict[str, Any] = Field(default_factory=dict)
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenAnalysisResponse(Model):
    correlation_id: UUID
    session_id: UUID
    analysis_result: dict[str, Any]
    confidence: float = Field(..., ge=0.0, le=1.0)
    processing_time_ms: int
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenValidationRequest(Model):
    correlation_id: UUID
    session_id: UUID
    code_content: str
    node_type: EnumNodeType
    contracts: list[dict[str, Any]] = Field(default_factory=list)
    validation_type: EnumValidationType = EnumValidationType.FULL
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenValidationResponse(Model):
    correlation_id: UUID
    session_id: UUID
    validation_result: dict[str, Any]
    quality_score: float = Field(..., ge=0.0, le=1.0)
    onex_compliance_score: float = Field(..., ge=0.0, le=1.0)
    is_valid: bool
    processing_time_ms: int
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenPatternRequest(Model):
    correlation_id: UUID
    session_id: UUID
    node_description: str
    node_type: EnumNodeType
    limit: int = Field(default=5, ge=1, le=20)
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenPatternResponse(Model):
    correlation_id: UUID
    session_id: UUID
    pattern_result: list[dict[str, Any]]
    total_matches: int
    processing_time_ms: int
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenMixinRequest(Model):
    correlation_id: UUID
    session_id: UUID
    requirements: list[str]
    node_type: EnumNodeType
    existing_mixins: list[str] = Field(default_factory=list)
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenMixinResponse(Model):
    correlation_id: UUID
    session_id: UUID
    mixin_recommendations: list[dict[str, Any]]
    total_recommendations: int
    processing_time_ms: int
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


class CodegenStatusEvent(Model):
    session_id: UUID
    status: EnumSessionStatus
    progress_percentage: float = Field(..., ge=0.0, le=100.0)
    message: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    timestamp: datetime = Field(default_factory=now)
    schema_version: str = "1.0"


EVENTS: dict[str, type[Model]] = {
    m.__name__: m
    for m in (
        CodegenAnalysisRequest,
        CodegenAnalysisResponse,
        CodegenValidationRequest,
        CodegenValidationResponse,
        CodegenPatternRequest,
        CodegenPatternResponse,
        CodegenMixinRequest,
        CodegenMixinResponse,
        CodegenStatusEvent,
    )
}
