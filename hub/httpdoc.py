"""What the HTTP server says of itself: the OpenAPI description of every mounted path.

Served at ``/schema/openapi.json`` alone: no pages that fetch scripts from elsewhere.
Paths below which addresses are secret (``hub.http.REST``) are not described.
"""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

DESCRIBED: Final = OpenAPIConfig(
    title="Wattbus", version="1", path="/schema", render_plugins=[JsonRenderPlugin()]
)
#: Seconds after which a probe or a caller that heard 503 may ask again.
RETRY_S: Final = 5
_SAYS: Final[dict[int, str]] = {
    400: "It cannot be read; nothing was taken.",
    403: "This address may not send callbacks.",
    404: "Nobody here knows this address.",
    405: "By another method.",
    413: "It is larger than anything that is expected.",
    415: "It is of another kind than expected.",
    503: "The hub is full, or the path is served elsewhere: come again after Retry-After.",
}
#: What any mounted path may answer beside 200: a sentence.
ANSWERS: Final = {
    status: ResponseSpec(str, generate_examples=False, description=says, media_type="text/plain")
    for status, says in _SAYS.items()
}
#: What a probe answers when it is not well: the same as when it is.
NOT_WELL: Final = {
    503: ResponseSpec(dict[str, Any], generate_examples=False, description="Not well.")
}
_FORMS: Final = ("application/x-www-form-urlencoded", "application/json")


@dataclass
class WithBody(Operation):
    """An operation whose body is the counterpart's own form: its channel reads it."""

    def __post_init__(self) -> None:
        anything = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(dict.fromkeys(_FORMS, anything), required=False)


def refusal(_request: Any, error: Exception) -> Response[str]:
    """What the server itself refuses is a sentence, as a channel's refusal is."""
    assert isinstance(error, HTTPException)
    return Response(
        error.detail, status_code=error.status_code, media_type="text/plain", headers=error.headers
    )
