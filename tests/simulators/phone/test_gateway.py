"""Menus by HTTP: the form that leaves, the screens and the network's own errors."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from simulators.phone.line import NetworkError
from simulators.phone.ussd import HttpUssd


class Application(BaseHTTPRequestHandler):
    """Answers from a list; keeps the forms."""

    answers: "list[tuple[int, str]]"
    forms: "list[dict[str, list[str]]]"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = parse_qs(body, keep_blank_values=True)
        self.forms.append(form)
        status, text = self.answers.pop(0) if "text" in form else (200, "")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[tuple[type[Application], str]]:
    handler = type("One", (Application,), {"answers": [], "forms": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}/ussd"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dialog(application: tuple[type[Application], str]) -> None:
    handler, url = application
    handler.answers += [(200, "CON Menu\n1 Buy"), (200, "CON Amount?"), (200, "END Done")]
    menus = HttpUssd(url, 7)
    assert menus.dial("+256700000001", "*123#").text == "Menu\n1 Buy"
    assert menus.answer("+256700000001", "1").more
    last = menus.answer("+256700000001", "500")
    assert (last.text, last.more) == ("Done", False)
    texts = [form["text"][0] for form in handler.forms if "text" in form]
    assert texts == ["", "1", "1*500"]
    assert handler.forms[0]["sessionId"] == ["ATUid_00000007"]


def test_what_is_no_screen_is_the_networks_own_error(
    application: tuple[type[Application], str],
) -> None:
    handler, url = application
    handler.answers += [(500, "fault"), (200, "hello")]
    menus = HttpUssd(url, 1)
    with pytest.raises(NetworkError, match="HTTP 500"):
        menus.dial("+256700000001", "*123#")
    with pytest.raises(NetworkError):
        menus.dial("+256700000001", "*123#")
    with pytest.raises(NetworkError, match="no session is open"):
        menus.answer("+256700000001", "1")


def test_nobody_answers(application: tuple[type[Application], str]) -> None:
    _, url = application
    with pytest.raises(NetworkError):
        HttpUssd(url.replace("/ussd", "1/ussd"), 1).dial("+256700000001", "*123#")
