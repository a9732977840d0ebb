"""What requests must look like, as OpenAI documents it; what does not is refused with its words and its status."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: Limits of OpenAI (docs, 2026).
MOST_INPUTS = 2048
MOST_INPUT_TOKENS = 8192
MOST_REQUEST_TOKENS = 300_000
MOST_BATCH_REQUESTS = 50_000
MOST_BATCH_BYTES = 200_000_000
#: Keywords that a strict schema may have.
_STRICT_KEYS = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum"),
        *("description", "title", "anyOf", "$defs", "$ref", "const"),
    }
)

_Model = TypeVar("_Model", bound=BaseModel)


class Refused(Exception):
    """A request that is refused.

    Args:
        message: in words.
        code: OpenAI's code.
        status: HTTP status.
        param: the part of the request that is wrong.
    """

    def __init__(
        self, message: str, code: str | None = None, status: int = 400, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.param = param

    def body(self) -> dict[str, Any]:
        """Return the answer's body."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EmbeddingRequest(_Strict):
    """Body of /v1/embeddings."""

    model: str
    input: str | list[str]
    dimensions: int | None = Field(default=None, ge=1)
    encoding_format: Literal["float"] = "float"
    user: str | None = None


class Message(_Strict):
    """One message of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    name: str | None = None


class JsonSchema(_Strict):
    """The schema that an answer must have."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool = False
    description: str | None = None


class ResponseFormat(_Strict):
    """What an answer is to be: text, any JSON, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ChatRequest(_Strict):
    """Body of /v1/chat/completions."""

    model: str
    messages: list[Message] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    response_format: ResponseFormat | None = None
    seed: int | None = None
    user: str | None = None


class BatchRequest(_Strict):
    """Body of POST /v1/batches."""

    input_file_id: str
    endpoint: Literal["/v1/embeddings", "/v1/chat/completions", "/v1/responses", "/v1/completions"]
    completion_window: Literal["24h"]
    metadata: dict[str, str] | None = Field(default=None, max_length=16)


class BatchLine(_Strict):
    """One line of a batch's input file."""

    custom_id: str = Field(min_length=1)
    method: Literal["POST"]
    url: str
    body: dict[str, Any]


def parsed(kind: type[_Model], body: Any) -> _Model:
    """Return a body as a request of a kind; raises Refused."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
        raise Refused(f"Invalid value at '{where}': {first['msg']}", code, param=where or None) from None


def tokens(text: str) -> int:
    """Return the tokens of a text by a plain rule: one for four bytes, at least one."""
    return max(1, (len(text.encode()) + 3) // 4)


def check_embedding(request: EmbeddingRequest) -> list[str]:
    """Return the inputs of a request within the limits; raises Refused."""
    inputs = [request.input] if isinstance(request.input, str) else request.input
    if not inputs or len(inputs) > MOST_INPUTS:
        raise Refused(
            f"'input' has {len(inputs)} elements, 1 to {MOST_INPUTS} are allowed",
            "invalid_value",
            param="input",
        )
    if any(not text for text in inputs):
        raise Refused("'$.input' is invalid: an input is an empty string", "invalid_value", param="input")
    counts = [tokens(text) for text in inputs]
    if max(counts) > MOST_INPUT_TOKENS:
        message = f"This model's maximum context length is {MOST_INPUT_TOKENS} tokens, however you requested {max(counts)} tokens"
        raise Refused(message, "context_length_exceeded", param="input")
    if sum(counts) > MOST_REQUEST_TOKENS:
        message = f"Requested {sum(counts)} tokens, max {MOST_REQUEST_TOKENS} tokens per request"
        raise Refused(message, "max_tokens_per_request", param="input")
    return inputs


def check_schema(schema: Any, path: str = "$") -> None:
    """Refuse a schema that is not of the strict subset: objects are closed, and all their properties required."""
    if not isinstance(schema, dict):
        raise Refused(
            f"Invalid schema at {path}: not an object", "invalid_json_schema", param="response_format"
        )
    unknown = set(schema) - _STRICT_KEYS
    if unknown:
        raise Refused(
            f"Invalid schema at {path}: {sorted(unknown)} not permitted",
            "invalid_json_schema",
            param="response_format",
        )
    if path == "$" and schema.get("type") != "object":
        raise Refused(
            "Invalid schema: the root is not an object", "invalid_json_schema", param="response_format"
        )
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(
            properties
        ):
            message = f"Invalid schema at {path}: 'additionalProperties' must be false and 'required' name every property"
            raise Refused(message, "invalid_json_schema", param="response_format")
        for name, part in properties.items():
            check_schema(part, f"{path}.{name}")
    if schema.get("type") == "array":
        check_schema(schema.get("items"), f"{path}[]")
    for number, part in enumerate(schema.get("anyOf", ())):
        check_schema(part, f"{path}.anyOf[{number}]")
