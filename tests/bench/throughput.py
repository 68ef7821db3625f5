"""What does a mail cost, from SMTP in to its letters at a relay? Runs the real daemon and prints CPU, rate, memory and syncs per mail.

    python -m tests.bench.throughput [--mails 500] [--connections 8] [--syncs] [--profile FILE]

The mix: 60 % new mails of 2 to 6 KB, 30 % replies, 10 % multipart with a 100 KB attachment. The bare parts (parsing by the standard
library, one durable SQLite commit) are measured in the same run, since machines differ and are noisy: compare ratios. So are the bare
libraries doing the same without mailgate (see `bare`). The wire is the daemon's event loop: a mail in, its letters out, and nothing else.
A profile is a flame graph (SVG) of the daemon's own threads by py-spy, which has to be installed; whoever is watched is a little slower.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import smtplib
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from tests.bench import bare
from tests.kit.daemon import ADDRESS, Gateway

# Mails that share a commit in the comparison.
_TOGETHER = 10
_TICKS = os.sysconf("SC_CLK_TCK")
_WORDS = (
    "the printer on floor three does not print since this morning and the small orange light blinks when I try it again with another "
    "document could somebody please have a look before the meeting at noon because we need the handouts and the other one is too far away"
).split()
_PEOPLE = """
[[team]]
name = "first"
[[person]]
address = "tina@desk.example"
name = "Tina"
role = "technician"
team = "first"
"""


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mails", type=int, default=500)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--syncs", action="store_true", help="count fsync and fdatasync with strace; slows everything else down")
    options.add_argument("--profile", metavar="FILE", help="where the daemon spends its time, sampled by py-spy")
    options.add_argument("--rate", type=float, default=0.0, help="mails a second; 0 for as fast as it goes")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), given)


def _measure(folder: Path, given: argparse.Namespace) -> None:
    chance = random.Random(7)
    known = [f"w{number}@mua.example" for number in range(60)]
    relay = subprocess.Popen([sys.executable, "-m", "tests.bench.sink"], stdout=subprocess.PIPE, text=True)
    assert relay.stdout is not None
    port = int(relay.stdout.readline())
    gateway = Gateway(folder, relay_port=port, people=_PEOPLE, under=_watcher(folder, given))
    try:
        gateway.start()
        _send(gateway.smtp_port, [_new(chance, one) for one in known], 4, 0)
        _wait(gateway, len(known))
        mails = _mix(chance, given.mails, known)
        syncs = _syncs(folder)
        before, begun = _used(gateway.pid), time.perf_counter()
        _send(gateway.smtp_port, mails, given.connections, given.rate)
        accepted = time.perf_counter() - begun
        _wait(gateway, len(known) + len(mails))
        took = time.perf_counter() - begun
        after = _used(gateway.pid)
        letters = gateway.audit()["counts"]["outbox"]["sent"]
        syncs = _syncs(folder) - syncs
        store = gateway.folder / "var/mailgate.db"
        parse, commit = bare.parse(mails) / len(mails), bare.commit(mails, folder) / len(mails)
        receive = bare.receive(lambda port: _send(port, mails, given.connections, 0)) / len(mails)
        kept, out = _letters(store), len(mails) + len(known)
        rows, sent = bare.rows(store, folder, out // _TOGETHER) / out, bare.send(kept, port) / out
        cpu = (after.cpu - before.cpu) / len(mails) * 1000
        print(f"mails {len(mails)}, letters in all {letters}, connections {given.connections}")
        own, child = ((after.own - before.own) / len(mails) * 1000, (after.child - before.child) / len(mails) * 1000)
        wire = (after.wire - before.wire) / len(mails) * 1000
        print(f"CPU ms a mail       {cpu:.2f}   (daemon {own:.2f}, of which wire {wire:.2f}, child {child:.2f})")
        print(f"mails a second      {len(mails) / took:.0f}   (accepted at {len(mails) / accepted:.0f})")
        print(f"peak RSS MB         daemon {after.peak:.0f}, child {after.child_peak:.0f}")
        if given.syncs:
            print(f"syncs a mail        {syncs / len(mails):.2f}")
        print(f"bare parts ms       {parse + commit:.2f}   (stdlib parse {parse:.2f}, durable commit {commit:.2f} of CPU)")
        print(f"ratio to bare parts {cpu / (parse + commit):.1f}")
        libraries = receive + parse + rows + sent
        parts = f"aiosmtpd {receive:.2f}, stdlib parse {parse:.2f}, sqlite3 {rows:.2f}, letters out {sent:.2f}"
        print(f"bare libraries ms   {libraries:.2f}   ({parts})")
        print(f"ratio to them       {cpu / libraries:.1f}")
        violations = gateway.audit()["violations"]
        print("audit               " + ("clean" if not violations else f"{violations[:3]}"))
        if given.profile:
            # The watcher writes when the daemon has ended by itself.
            os.kill(_daemon(gateway.pid), signal.SIGTERM)
            gateway.wait()
    finally:
        gateway.kill9()
        relay.terminate()
        relay.wait()


def _watcher(folder: Path, given: argparse.Namespace) -> tuple[str, ...]:
    """The command under which the daemon runs."""
    if given.profile:
        return ("py-spy", "record", "--rate", "200", "--output", str(Path(given.profile).absolute()), "--")
    return ("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(folder / "syncs")) if given.syncs else ()


@dataclass
class _Usage:
    """Processor seconds and peak memory in MB, of the daemon and of its reader; `wire` is the daemon's event loop."""

    own: float
    wire: float
    child: float
    peak: float
    child_peak: float

    @property
    def cpu(self) -> float:
        """Both together."""
        return self.own + self.child


def _family(pid: int) -> dict[int, str]:
    """A process, its children and theirs, each with its command line."""
    pids = [pid]
    for one in pids:
        for task in Path(f"/proc/{one}/task").iterdir():
            pids += [int(child) for child in (task / "children").read_text().split() if int(child) not in pids]
    return {one: Path(f"/proc/{one}/cmdline").read_text() for one in pids}


def _daemon(pid: int) -> int:
    """The daemon among them: not what it runs under."""
    return next(one for one, command in _family(pid).items() if "mailgate" in command and not command.startswith(("strace", "py-spy")))


def _used(pid: int) -> _Usage:
    daemon = _daemon(pid)
    readers = [one for one, command in _family(pid).items() if "isolate" in command and one != daemon]
    return _Usage(
        _seconds(daemon),
        _seconds(daemon, f"task/{daemon}/"),
        sum(map(_seconds, readers)),
        _peak(daemon),
        max(map(_peak, readers), default=0.0),
    )


def _seconds(pid: int, task: str = "") -> float:
    fields = Path(f"/proc/{pid}/{task}stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _syncs(folder: Path) -> int:
    path = folder / "syncs"
    return path.read_text().count("sync(") if path.exists() else 0


def _text(chance: random.Random, octets: int) -> str:
    words, size = [], 0
    while size < octets:
        words.append(chance.choice(_WORDS))
        size += len(words[-1]) + 1
        if len(words) % 12 == 0:
            words.append("\n")
    return " ".join(words)


def _new(chance: random.Random, message_id: str, *, attach: bool = False, answers: str = "") -> bytes:
    mail = EmailMessage()
    number = answers.partition("@")[0] if answers else message_id.partition("@")[0]
    mail["From"] = f"Person {number} <{number}@out.example>"
    mail["To"] = ADDRESS
    mail["Subject"] = f"{'Re: ' if answers else ''}A request about {chance.choice(_WORDS)} {number}"
    mail["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    mail["Message-ID"] = f"<{message_id}>"
    if answers:
        mail["In-Reply-To"] = mail["References"] = f"<{answers}>"
    body = _text(chance, chance.randint(2000, 6000))
    mail.set_content(f"{body}\n\nOn Monday, the desk wrote:\n> {body[:400]}\n" if answers else body)
    if chance.random() < 0.5 and not attach:
        mail.add_alternative(f"<html><body><p>{body}</p></body></html>", subtype="html")
    if attach:
        mail.add_attachment(chance.randbytes(100_000), maintype="application", subtype="octet-stream", filename="report.bin")
    # As SMTP wants lines to end. A mail without a single CRLF is one line to a listener, and costs it little or much.
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def _mix(chance: random.Random, count: int, known: list[str]) -> list[bytes]:
    mails = []
    for number in range(count):
        name, share = f"m{number}@mua.example", number % 10
        if share < 6:
            mails.append(_new(chance, name))
        elif share < 9:
            mails.append(_new(chance, name, answers=chance.choice(known)))
        else:
            mails.append(_new(chance, name, attach=True))
    chance.shuffle(mails)
    return mails


def _send(port: int, mails: list[bytes], connections: int, rate: float) -> None:
    def client(share: list[bytes]) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as session:
            for mail in share:
                session.sendmail("someone@out.example", [ADDRESS], mail)
                if rate:
                    time.sleep(connections / rate)

    threads = [threading.Thread(target=client, args=(mails[at::connections],)) for at in range(connections)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _wait(gateway: Gateway, mails: int) -> None:
    """Until so many mails are done and no letter waits, looking into the database from outside."""
    path = gateway.folder / "var/mailgate.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            done = database.execute("SELECT count(*) FROM inbox WHERE state NOT IN ('received', 'claimed')").fetchone()[0]
            waiting = database.execute("SELECT count(*) FROM outbox WHERE state IN ('queued', 'deferred')").fetchone()[0]
            if done >= mails and not waiting:
                return
            time.sleep(0.02)
    raise TimeoutError("the mails did not all come through")


def _letters(path: Path) -> list[bytes]:
    """Every letter that left."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return [octets for (octets,) in database.execute("SELECT octets FROM outbox WHERE state = 'sent'")]


if __name__ == "__main__":
    main()
