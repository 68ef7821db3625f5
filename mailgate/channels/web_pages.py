"""How does a page come to its visitor? Reads the request, has the page's function answer in a thread, and writes the answer.

Which pages there are stands in ROUTES; what they say and do is `flow`. Whatever is wrong with a request is a 4xx of one fixed text, and
whatever is wrong with a token is the one page that says that there is nothing here, after the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from mailgate.channels import web_forms
from mailgate.channels.web_gate import LARGEST_BODY, POLICY, plain
from mailgate.channels.web_limit import Strangers
from mailgate.desk import forms
from mailgate.desk.errors import Temporary
from mailgate.desk.policy import Desk
from mailgate.flow import (
    entry,
    journal,
    page_approval,
    page_csat,
    page_desk,
    page_desk_figures,
    page_desk_held,
    page_desk_queue,
    page_desk_ticket,
    page_ticket,
)
from mailgate.flow.house import House
from mailgate.flow.reception import Answer, Cookie, Download, Elsewhere, Page, PageFunction, Reception, Visit
from mailgate.mail.view import DeskView

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

# Every page: its path, and the function that answers. Only GET, HEAD and POST reach it; only a POST may act.
ROUTES: dict[str, PageFunction] = {
    "/approval/{mark}": page_approval.page,
    "/ticket/{mark}": page_ticket.page,
    "/ticket/{mark}/file/{number}": page_ticket.file,
    "/csat/{mark}": page_csat.rate,
    "/keep/{mark}": page_csat.keep,
    "/desk": page_desk.inside(page_desk_queue.queue),
    "/desk/mine": page_desk.inside(page_desk_queue.mine),
    "/desk/figures": page_desk.inside(page_desk_figures.figures),
    "/desk/held": page_desk.inside(page_desk_held.held),
    "/desk/ticket/{number}": page_desk.inside(page_desk_ticket.ticket),
    "/desk/login/{token}": page_desk.login,
}

# Seconds: what an answer may take, and for how long a form may lie open before it has to be pressed twice.
ANSWER_TIME = 15.0
FORM_TIME = 12 * 3600
# Every answer leaves at a full tick of so many seconds after its question came: how long the work took tells nobody anything.
TICK = 0.02
# So many pages at once have a thread; with SQLite they write one after the other.
THREADS = 4
# What a browser makes of a file that it must neither show nor run.
_FILE_POLICY = "sandbox; " + POLICY
_WORDED = frozenset({400, 413, 415, 429, 500, 503})


class Pages:
    """The pages of one daemon. `reception` raises Temporary as long as there is no database."""

    def __init__(self, house: House, reception: Callable[[], Reception], routes: dict[str, PageFunction] | None = None) -> None:
        self._house, self._reception = house, reception
        self._routes = ROUTES if routes is None else routes
        self._strangers = Strangers()
        # What hangs here holds up neither the probes nor the mail.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    def routes(self) -> list[Route]:
        """What the application serves."""
        from starlette.routing import Route

        return [Route(path, self._endpoint(function), methods=["GET", "POST"]) for path, function in self._routes.items()]

    def close(self) -> None:
        """Waits for nobody; whoever is at work finishes his transaction."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def missing(self) -> Response:
        """The one page for everything that there is not, always the same octets."""
        return self._rendered(Page("missing", self._house.desks[0], None, "en", 404))

    def refusal(self, status: int, language: str) -> Response:
        """A page that says what was wrong with a request as a whole."""
        if status == 404:
            return self.missing()
        if status not in _WORDED:
            return plain(status)
        return self._rendered(Page("error", self._house.desks[0], status, language, status))

    def _endpoint(self, function: PageFunction) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            loop = asyncio.get_running_loop()
            began = loop.time()
            response = await self._answer(request, function)
            spent = loop.time() - began
            await asyncio.sleep(math.ceil(spent / TICK) * TICK - spent)
            return response

        return answer

    async def _answer(self, request: Request, function: PageFunction) -> Response:
        language = web_forms.language(request.headers.get("accept-language", ""), self._house.desks[0].language)
        try:
            body = await web_forms.body(request, LARGEST_BODY) if request.method == "POST" else b""
            visit = self._visit(request, body)
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._work, function, visit)
            response = await asyncio.wait_for(work, ANSWER_TIME)
        except web_forms.Unreadable as error:
            return self.refusal(error.status, language)
        except (Temporary, TimeoutError) as error:
            journal.trouble("page", error)
            return self.refusal(503, language)
        except Exception as error:
            journal.trouble("page", error)
            return self.refusal(500, language)
        if response is None:
            return self.missing() if self._strangers.admit(visit.peer) else self.refusal(429, language)
        return response

    def _visit(self, request: Request, body: bytes) -> Visit:
        """The request as a page sees it. Raises Unreadable."""
        path = web_forms.path(request.scope["path"])
        form = web_forms.fields(request.headers.get("content-type", ""), body) if request.method == "POST" else {}
        secret, session = request.cookies.get(forms.cookie(path), ""), entry.session(request.cookies)
        posted, keyring = request.method == "POST", self._house.keyring
        acts = posted and forms.proven(keyring, secret, path, form.pop(forms.FIELD, ""), session)
        secret = secret if forms.sound(secret) else secrets.token_urlsafe(32)
        return Visit(
            path, parts={name: str(value) for name, value in request.path_params.items()}, form=form,
            query=web_forms.query(request.url.query), cookies=dict(request.cookies),
            languages=web_forms.languages(request.headers.get("accept-language", "")),
            peer=request.client.host if request.client else "", secure=request.url.scheme == "https",
            mount=self._mount(request), acts=acts, stale=posted and not acts,
            digest=hashlib.sha256(f"{request.method} {path}\n".encode() + body).hexdigest() if posted else "",
            secret=secret, proof=forms.proof(keyring, secret, path, session),
        )  # fmt: skip

    def _mount(self, request: Request) -> str:
        return web_forms.mount(request.headers.get("host", ""), [one.public_url for one in self._house.desks if one.public_url])

    # ---------------------------------------------------------------------------------------------- in a thread of ours

    def _work(self, function: PageFunction, visit: Visit) -> Response | None:
        answer = function(self._reception(), visit)
        if answer is None:
            return None
        response = self._written(answer, visit)
        if isinstance(answer, Page):
            _set(response, Cookie(forms.cookie(visit.path), visit.secret, FORM_TIME), visit)
        return response

    def _written(self, answer: Answer, visit: Visit) -> Response:
        from starlette.responses import RedirectResponse, Response

        match answer:
            case Page():
                response = self._rendered(answer, visit)
            case Download():
                return Response(answer.octets, media_type="application/octet-stream", headers={
                    "content-disposition": web_forms.disposition(answer.name), "content-security-policy": _FILE_POLICY,
                })  # fmt: skip
            case Elsewhere():
                response = RedirectResponse(web_forms.root(visit.path) + answer.path.lstrip("/"), 303)
        for cookie in answer.cookies:
            _set(response, cookie, visit)
        return response

    def _rendered(self, page: Page, visit: Visit | None = None) -> Response:
        from starlette.responses import HTMLResponse

        status = 403 if visit is not None and visit.stale and page.status == 200 else page.status
        made = self._house.templates.pages.render(
            page.name, page.language, _shown(page.desk), page.view, proof=visit.proof if visit else "", serial=secrets.token_hex(8),
            stale=bool(visit and visit.stale), root=web_forms.root(visit.path) if visit else "",
        )  # fmt: skip
        if made.fault:
            journal.template_fell_back(made.fault)
        return HTMLResponse(made.html, status, {"content-security-policy": f"{POLICY}; style-src '{made.style}'"})


def _shown(desk: Desk) -> DeskView:
    return DeskView(desk.name, desk.address, desk.language, desk.timezone)


def _set(response: Response, cookie: Cookie, visit: Visit) -> None:
    """Sets a cookie that no script and no other site can use, and that leaves the browser by https alone where it came by https."""
    attributes = [f"{cookie.name}={cookie.value}", f"Max-Age={cookie.lasts}", "HttpOnly", "SameSite=Strict"]
    attributes += [f"Path={visit.mount}{cookie.path}"] if cookie.path else []
    attributes += ["Secure"] if visit.secure else []
    response.headers.append("set-cookie", "; ".join(attributes))
