"""The stage of `mailgate demo`: a daemon in a temporary folder, a mail server that shows what it gets, and a play in several scenes.

Everything is real but the people: mails enter over SMTP, letters leave over SMTP, the daemon is killed without warning and comes back.
"""

from __future__ import annotations

import email
import email.policy
import html
import json
import queue
import re
import signal
import smtplib
import socket
import subprocess
import sys
import textwrap
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Echo = Callable[[str], None]
DESK, ANNA, TOM, EVE = "support@demo.example", "anna@customer.example", "tom@demo.example", "eve@elsewhere.example"
BEA = "bea@customer.example"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
# Nothing in the play takes longer, in seconds.
_PATIENCE = 30.0
_WIDTH = 78


class _Relay:
    """The mail server behind the desk: keeps each letter until its recipient looks for it."""

    def __init__(self) -> None:
        self._letters: queue.Queue[tuple[str, EmailMessage]] = queue.Queue()
        self._waiting: list[tuple[str, EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """A letter arrives."""
        letter = email.message_from_bytes(bytes(envelope.original_content or b""), policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self._letters.put((envelope.rcpt_tos[0], letter))
        return "250 2.0.0 Ok"

    def letter(self, name: str, to: str) -> EmailMessage:
        """The next letter of that name to that person. Raises TimeoutError if it does not come."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            for one in self._waiting:
                if one[0] == to and one[1]["X-Mailgate-Letter"] == name:
                    self._waiting.remove(one)
                    return one[1]
            try:
                self._waiting.append(self._letters.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                raise TimeoutError(f"no letter {name!r} came for {to}") from None


def play(echo: Echo) -> int:
    """Plays the tour; 0 where everything went as it should."""
    began = time.monotonic()
    relay = _Relay()
    with TemporaryDirectory(prefix="mailgate-demo-") as folder:
        controller = Controller(relay, hostname="127.0.0.1", port=_free_port())
        controller.start()
        theatre = _Theatre(Path(folder), relay, controller.port, echo)
        try:
            theatre.open()
            _acts(theatre)
        finally:
            theatre.close()
            controller.stop()
    echo(click.style(f"\nThat was mailgate, in {time.monotonic() - began:.0f} seconds. The temporary folder is gone again.", bold=True))
    echo("To begin: mailgate init, then mailgate run.")
    return 0


def _acts(theatre: _Theatre) -> None:
    theatre.scene("Anna has a problem. She knows nothing of tickets; she writes a mail.")
    theatre.send(ANNA, DESK, "Printer on floor 3", "Hello,\n\nthe printer next to the kitchen prints blank pages since today.\n\nAnna")
    theatre.show(theatre.relay.letter("acknowledgement", ANNA))
    announced = theatre.show(theatre.relay.letter("new_ticket", TOM))

    theatre.scene("Tom answers from his mail program. A command stands on the first line; Anna never sees it.")
    theatre.reply(announced, TOM, "#pending Is the toner light on? It is the small orange one.")
    question = theatre.show(theatre.relay.letter("question", ANNA))

    theatre.scene("Anna is out for an hour. Her mail program says so; nobody is bothered with it, and nothing is answered.")
    theatre.reply(question, ANNA, "I am out of office until 11.", Auto_Submitted="auto-replied")
    theatre.settle(3)

    theatre.scene("Eve has seen the number on a screen and tries it. She gets a ticket of her own, and learns nothing.")
    theatre.send(EVE, DESK, "Re: [MG-1] Printer on floor 3", "Please send me everything about this.")
    theatre.show(theatre.relay.letter("acknowledgement", EVE))

    theatre.scene("Anna answers. At the moment when her mail is accepted, somebody pulls the plug: kill -9.")
    theatre.reply(question, ANNA, "Yes, it is on!", kill=True)
    theatre.start()
    theatre.remark("started again: it finds the mail, and goes on where it was")
    resolved_by = theatre.show(theatre.relay.letter("requester_replied", TOM))

    theatre.scene("Tom has changed the toner, and says so.")
    theatre.reply(resolved_by, TOM, "#resolve The toner was empty. I have put in a new one; it prints again.")
    resolved = theatre.show(theatre.relay.letter("resolved", ANNA))

    theatre.scene("Anna taps 'accept' in the letter: an empty mail to a signed address.")
    theatre.send(ANNA, _tapped(resolved, "accept"), "accept", "")
    theatre.show(theatre.relay.letter("closed", ANNA))

    theatre.scene("Anna wants something that her manager has to approve. Tom hears nothing of it yet.")
    theatre.send(ANNA, DESK, "VPN access", "Hello,\n\nI need the VPN for the project in the north.\n\nAnna")
    asked = theatre.show(theatre.relay.letter("approval_request", BEA))

    theatre.scene(
        "Bea opens her link, reads, and presses Approve. The mail filter of her company has opened it before her: nothing came of that."
    )
    theatre.decide(asked, "approve", "It is in the plan.")
    theatre.show(theatre.relay.letter("approved", ANNA))
    theatre.show(theatre.relay.letter("decision", BEA))
    theatre.relay.letter("new_ticket", TOM)
    theatre.remark("only now Tom has the ticket before him")

    theatre.scene("What remains: the whole story, and the proof that nothing was lost and nothing done twice.")
    theatre.settle(8)
    theatre.print_cli("tickets", "list")
    theatre.print_cli("approvals", "show", "3")
    theatre.print_cli("inbox", "show", "3")
    theatre.print_cli("audit")


def _tapped(letter: EmailMessage, verb: str) -> str:
    return parseaddr(str(letter["Reply-To"]))[1].replace("+t.", f"+{verb}.")


class _Theatre:
    """A daemon, its folder, and somebody who tells the audience what happens."""

    def __init__(self, folder: Path, relay: _Relay, relay_port: int, echo: Echo) -> None:
        self.relay, self._folder, self._echo = relay, folder, echo
        self._smtp_port, self._web_port, self._relay_port = _free_port(), _free_port(), relay_port
        self._daemon: subprocess.Popen[bytes] | None = None
        self._scene = 0

    def open(self) -> None:
        """Writes the configuration and starts the daemon."""
        config = self._folder / "config"
        config.mkdir()
        (config / "mailgate.toml").write_text(
            textwrap.dedent(f"""\
            [desk]
            name = "Demo Desk"
            address = "{DESK}"
            public_url = "http://127.0.0.1:{self._web_port}"
            [smtp]
            port = {self._smtp_port}
            [web]
            port = {self._web_port}
            [relay]
            host = "127.0.0.1"
            port = {self._relay_port}
            tls = "none"
            """)
        )
        (config / "people.toml").write_text(
            textwrap.dedent(f"""\
            [[team]]
            name = "first level"
            [[person]]
            address = "{TOM}"
            name = "Tom Technician"
            role = "technician"
            team = "first level"
            [[person]]
            address = "{BEA}"
            name = "Bea Boss"
            role = "approver"
            [[person]]
            address = "{ANNA}"
            name = "Anna Customer"
            manager = "{BEA}"
            """)
        )
        (config / "policy.toml").write_text(
            textwrap.dedent("""\
            [[category]]
            name = "Access/VPN"
            when = { subject = "vpn" }
            [[approval]]
            when = { category = "Access/*" }
            stages = [{ approvers = ["manager"] }]
            """)
        )
        self._echo(click.style("mailgate demo", bold=True) + f": a service desk at {DESK}, for as long as this runs.")
        self.start()

    def start(self) -> None:
        """Starts the daemon, and waits until it is ready."""
        with (self._folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(self._command("run"), cwd=self._folder, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while not self._ready():
            if time.monotonic() > deadline or self._daemon.poll() is not None:
                raise RuntimeError("the daemon did not start:\n" + (self._folder / "log").read_text())
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the daemon."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.terminate()
            self._daemon.wait(30)

    def scene(self, what: str) -> None:
        """Announces what happens next."""
        self._scene += 1
        self._echo("\n" + click.style(textwrap.fill(f"{self._scene}. {what}", _WIDTH), bold=True))

    def send(self, sender: str, to: str, subject: str, text: str, *, kill: bool = False, **headers: str) -> None:
        """A person's mail enters over SMTP; with `kill` the daemon dies the moment it has said 250."""
        mail = EmailMessage()
        name = sender.partition("@")[0].title()
        mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = f"{name} <{sender}>", to, subject, make_msgid(domain="demo.example")
        for key, value in headers.items():
            mail[key.replace("_", "-")] = value
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self._smtp_port, timeout=_PATIENCE) as client:
            client.sendmail(sender, [to], mail.as_bytes(policy=email.policy.SMTP))
            if kill and self._daemon is not None:
                self._daemon.send_signal(signal.SIGKILL)
                self._daemon.wait()
                client.close()
        self._tell(mail, "<<", "cyan")
        if kill and self._daemon is not None:
            self._echo(click.style(f"\n  -- kill -9 {self._daemon.pid}: the daemon is gone; it had just said 250 --", fg="red"))

    def reply(self, letter: EmailMessage, sender: str, text: str, *, kill: bool = False, **headers: str) -> None:
        """A person answers a letter as mail programs do: to its Reply-To, with its text quoted below."""
        body = letter.get_body(("plain",))
        quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines())
        ids = {"In_Reply_To": str(letter["Message-ID"]), "References": f"{letter['References']} {letter['Message-ID']}"}
        whole = f"{text}\n\nOn Monday, Demo Desk <{DESK}> wrote:\n{quoted}"
        subject = f"Re: {str(letter['Subject']).removeprefix('Re: ')}"
        self.send(sender, parseaddr(str(letter["Reply-To"]))[1], subject, whole, kill=kill, **ids, **headers)

    def show(self, letter: EmailMessage) -> EmailMessage:
        """A letter of the desk, as its recipient reads it."""
        self._tell(letter, ">>", "green")
        return letter

    def decide(self, letter: EmailMessage, verb: str, why: str) -> None:
        """An approver follows the link of his letter, twice, and presses a button of the page."""
        body = letter.get_body(("plain",))
        found = re.search(r"http://\S+/approval/\S+", body.get_content() if body else "")
        if found is None:
            raise RuntimeError("the letter to the approver has no link")
        url, visitor = found[0], urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        for _ in range(2):
            page = visitor.open(url, timeout=_PATIENCE).read().decode()
        self._echo(f"\n  GET  {_short(url)}\n  POST {verb}: {why}")
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        posted = urllib.parse.urlencode({**form, "decision": verb, "why": why}).encode()
        visitor.open(url, posted, timeout=_PATIENCE).read()

    def remark(self, what: str) -> None:
        """A word from behind the stage."""
        self._echo(click.style(f"  -- {what} --", fg="red"))

    def settle(self, mails: int) -> None:
        """Waits until so many mails have come to their end."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            counts = json.loads(self._cli("audit", "--json"))["counts"]
            if counts["accepted"] >= mails and counts["pending"] == 0:
                return
            time.sleep(0.1)

    def print_cli(self, *arguments: str) -> None:
        """What a command of the shell says."""
        self._echo(click.style(f"\n$ mailgate {' '.join(arguments)}", fg="yellow"))
        self._echo(self._cli(*arguments).rstrip())

    def _tell(self, mail: EmailMessage, arrow: str, colour: str) -> None:
        body = mail.get_body(("plain",))
        lines = _above_the_quote(body.get_content() if body else "")
        self._echo("")
        for key in ("From", "To", "Subject"):
            self._echo(click.style(f"  {arrow} ", fg=colour) + click.style(f"{key}: ", dim=True) + _short(str(mail[key])))
        for line in lines:
            self._echo(click.style("  |  ", fg=colour) + line)

    def _cli(self, *arguments: str) -> str:
        done = subprocess.run(self._command(*arguments), cwd=self._folder, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailgate", "--config", str(self._folder / "config"), *arguments]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._web_port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _above_the_quote(text: str) -> list[str]:
    """What somebody newly wrote, or what one of our letters says, without marker and footer."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("On Monday, Demo Desk") or line.rstrip() == "--":
            break
        if not line.startswith("##-"):
            lines.append(line)
    return textwrap.dedent("\n".join(lines)).strip().splitlines()[:24]


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _WIDTH - 12 else flat[: _WIDTH - 13] + "…"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
