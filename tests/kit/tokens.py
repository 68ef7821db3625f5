"""Who gives out access tokens, and who says whether one is good? Both ends of OAuth 2.0 on loopback: a token endpoint for mailgate, and an
introspection endpoint for the mail server (RFC 6749, RFC 7662).
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

SETTINGS = """\
introspection_mode = get
introspection_url = http://127.0.0.1:{port}/introspect?token=
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"""


class Tokens:
    """The server, by `with`. Every grant gets the next access token, and with `rotates` the next refresh token: the last is void then.

    `good` are the access tokens that still serve, `refresh` is the refresh token that is good now, `asked` are the forms that came.
    """

    def __init__(self, user: str, *, rotates: bool = False, lasts: int | None = None) -> None:
        """Nothing listens yet. `lasts` is the life of a refresh token in seconds, as the endpoint tells it; None: it does not."""
        self.refresh = "refresh-0"
        self.good: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self._user, self._rotates, self._lasts = user, rotates, lasts
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                answer = tokens.grant({name: values[0] for name, values in form.items()})
                self._say(200 if "access_token" in answer else 400, answer)

            def do_GET(self) -> None:
                token = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
                self._say(200, {"active": True, "username": tokens._user} if token in tokens.good else {"active": False})

            def _say(self, status: int, answer: dict[str, object]) -> None:
                octets = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Tokens:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The token endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def for_dovecot(self, folder: Path) -> str:
        """What Dovecot's configuration needs to let people in by our tokens; writes a file that it reads into this folder."""
        file = folder / "oauth2.conf"
        file.write_text(SETTINGS.format(port=self._server.server_address[1]))
        file.chmod(0o644)
        return f"auth_mechanisms = plain login xoauth2\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {file}\n}}\n"

    def revoke(self) -> None:
        """No access token that was given out serves any more, whatever its life was said to be."""
        self.good.clear()

    def grant(self, form: dict[str, str]) -> dict[str, object]:
        """The answer to a form."""
        self.asked.append(form)
        if form.get("refresh_token") != self.refresh:
            return {"error": "invalid_grant"}
        access = f"access-{len(self.asked)}"
        self.good.add(access)
        answer: dict[str, object] = {"token_type": "Bearer", "access_token": access, "expires_in": 3600}
        if self._rotates:
            self.refresh = f"refresh-{len(self.asked)}"
            answer["refresh_token"] = self.refresh
        if self._lasts is not None:
            answer["refresh_token_expires_in"] = self._lasts
        return answer
