"""The one HTTP server: Litestar on uvicorn inside the reactor's loop, started and stopped with us.

uvicorn must not take over SIGTERM, or drain dies: its signal capture is switched off.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs

import structlog
import uvicorn
from litestar import Litestar, Request, Response, get, route
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    NotFoundException,
)
from twisted.internet.defer import Deferred, succeed

from hub.channel import HttpHandler, HttpRequest
from hub.httpdoc import ANSWERS, DESCRIBED, NOT_WELL, RETRY_S, WithBody, refusal
from hub.httpguard import Limits, bounded, guarded
from hub.httptls import LOOK_S, ServerTls

log = structlog.get_logger("hub.http")

#: A request's body may not be larger: forms of a few hundred bytes and small JSON are what comes.
MAX_BODY = 64 * 1024

#: When to come again, or to another node, for a path whose channel is not open here.
ELSEWHERE_S = 2

#: At the end of a mounted path: whatever stands there.
REST = "/{rest:path}"

T = TypeVar("T")


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(slots=True)
class HttpService:
    """Mounted handlers and probes behind one listener. ``port`` 0: does not listen. ``tls`` None:
    plain HTTP, for this machine or behind a proxy of the same."""

    host: str
    port: int
    health: Callable[[], Mapping[str, Any]]
    ready: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], Coroutine[Any, Any, str]]
    elsewhere: Callable[[], bool] = lambda: False  # channels that other nodes hold may serve more
    tls: ServerTls | None = None
    limits: Limits = field(default_factory=Limits)
    _mounted: dict[str, HttpHandler] = field(default_factory=dict)
    _server: _Server | None = None
    _task: "asyncio.Task[None] | None" = None
    _look: asyncio.TimerHandle | None = None

    def mount(self, path: str, handler: HttpHandler) -> None:
        """Serve GET, POST and PUT of a path; a path is mounted once. A path that ends in
        ``/{rest:path}`` is all below it; it stays out of the public description."""
        if path in self._mounted:
            raise ValueError(f"two channels serve {path}")
        self._mounted[path] = handler

    def unmount(self, path: str) -> None:
        """Serve it no more."""
        self._mounted.pop(path, None)

    def serving(self, path: str) -> HttpHandler | None:
        """Who serves a path as it was asked for, now; None: nobody here."""
        exact = self._mounted.get(path)
        return exact or next((self._mounted[each] for each in self._below(path)), None)

    def _below(self, path: str) -> Iterator[str]:
        """The mounted paths that are for all below them, and this is one."""
        for each in self._mounted:
            if each.endswith(REST) and path.startswith(each.removesuffix(REST) + "/"):
                yield each

    def app(self) -> Litestar:
        """The application with its OpenAPI description: of what is mounted by now. What is mounted
        later is served, too."""
        handlers = [_mounted(path, self) for path in self._mounted]
        handlers.append(_mounted(REST, self))
        return Litestar(
            route_handlers=[*handlers, *self._probes()],
            request_max_body_size=MAX_BODY,
            openapi_config=DESCRIBED,
            exception_handlers={HTTPException: refusal},
            logging_config=None,
            after_exception=[_log_fault],
        )

    def _probes(self) -> list[Any]:
        @get("/healthz", sync_to_thread=False, responses=NOT_WELL)
        def healthz() -> Response[Mapping[str, Any]]:
            return _probe(self.health())

        @get("/readyz", sync_to_thread=False, responses=NOT_WELL)
        def readyz() -> Response[Mapping[str, Any]]:
            return _probe(self.ready())

        @get("/metrics", media_type="text/plain")
        async def metrics() -> str:
            return await _in_loop(self.metrics())

        return [healthz, readyz, metrics]

    def start(self) -> None:
        """Listen; must be called with the reactor's loop running or about to."""
        if not self.port:
            return
        tls = self.tls
        config = uvicorn.Config(
            bounded(self.app(), self._connections, self.limits),
            host=self.host,
            port=self.port,
            http=guarded(self.limits),
            ws="none",  # an upgrade would be a connection that no limit knows
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=30,
            server_header=False,
            proxy_headers=False,  # who has the connection is the peer: a header is anybody's word
            ssl_context_factory=(lambda _config, _default: tls.context) if tls else None,
        )
        self._server = _Server(config)
        loop = asyncio.get_event_loop()
        self._task = loop.create_task(self._server.serve())
        if tls is not None:
            self._look = loop.call_later(LOOK_S, self._renew, loop, tls)

    def _connections(self) -> int:
        return len(self._server.server_state.connections) if self._server else 0

    def _renew(self, loop: asyncio.AbstractEventLoop, tls: ServerTls) -> None:
        tls.renew()
        self._look = loop.call_later(LOOK_S, self._renew, loop, tls)

    def stop(self) -> "Deferred[None]":
        """Take no more connections, finish the requests under way."""
        if self._server is None or self._task is None:
            return succeed(None)
        if self._look is not None:
            self._look.cancel()
        self._server.should_exit = True
        return Deferred.fromFuture(asyncio.ensure_future(self._task))


def _probe(state: Mapping[str, Any]) -> Response[Mapping[str, Any]]:
    if state.get("ok"):
        return Response(state, status_code=200)
    return Response(state, status_code=503, headers={"retry-after": str(RETRY_S)})


async def _log_fault(error: Exception, scope: Any) -> None:
    """A 500 says nothing to the caller; the log has what happened."""
    if getattr(error, "status_code", 500) >= 500:
        log.error("http.fault", path=scope.get("path"), exc_info=error)


async def _in_loop(work: "Deferred[T] | Coroutine[Any, Any, T]") -> T:
    """The result of Twisted's work inside the loop's own task, which cannot await a Deferred."""
    deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
    result: T = await deferred.asFuture(asyncio.get_running_loop())
    return result


def _mounted(path: str, service: HttpService) -> Any:
    @route(
        path,
        http_method=["GET", "POST", "PUT"],
        media_type="text/plain",
        status_code=200,
        include_in_schema=not path.endswith(REST),
        responses=ANSWERS,
        operation_class=WithBody,
    )
    async def serve(request: Request[Any, Any, Any]) -> Response[str]:
        handler = service.serving(request.url.path)
        if handler is None:
            if not service.elsewhere():
                raise NotFoundException
            again = {"retry-after": str(ELSEWHERE_S)}
            return Response("not open on this node", status_code=503, headers=again)
        response = await _in_loop(handler(await _plain(request)))
        headers = {name.lower(): value for name, value in response.headers.items()}
        # the framework adds the charset of a text by itself
        media_type = headers.pop("content-type", "text/plain").partition(";")[0]
        return Response(
            response.body, status_code=response.status, headers=headers, media_type=media_type
        )

    return serve


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """Whole; who hangs up in the middle is no fault of ours, and fills no log."""
    try:
        return await request.body()
    except InternalServerException as error:
        raise ClientException("the request did not come whole") from error


async def _plain(request: Request[Any, Any, Any]) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        path=request.url.path,
        query=parse_qs(request.url.query, keep_blank_values=True),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await _body(request),
        peer=request.client.host if request.client else "",
    )
