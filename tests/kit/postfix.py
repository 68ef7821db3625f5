"""A real Postfix in a folder of its own, on a port of 127.0.0.1: the border in front of mailgate, or the mail server behind it.

It accepts every mail from this machine. `forward_to` makes it hand all of them on to one port and queue what it cannot hand on;
without it every mail ends in a Maildir. The Postfix of the machine, if there is one, is not touched: other folders, other ports.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from types import TracebackType

from tests.kit.need import environment, need, need_root
from tests.kit.processes import free_port, kill_group, listening, open_folder, wait_until

# Service, type, private, unprivileged, chroot, wakeup, maximum of processes, command: master(5).
SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""

# What master(8) wants to find below its queue directory; public and maildrop are open to the group of the sendmail command.
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail that reached the Maildir: the envelope's recipient and sender as Postfix noted them, and the mail."""

    recipient: str
    sender: str
    message: Message


class Postfix:
    """One Postfix. Start it by `with`, or by `start()` and `remove()`; it listens on `port` and keeps its port over a restart."""

    def __init__(self, hostname: str, *, forward_to: int | None = None) -> None:
        """Nothing runs yet. `hostname` is how it calls itself in EHLO and Received; `forward_to` a port of 127.0.0.1."""
        self.daemons = need("postfix").parent
        need_root("Postfix")
        self.folder = open_folder("mailgate-postfix-")
        self.port = free_port()
        self.hostname = hostname
        self.forward_to = forward_to
        self._environment = environment(self.daemons / "master")
        self._process: subprocess.Popen[bytes] | None = None
        self._lay_out()

    def __enter__(self) -> Postfix:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        path = self.folder / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Runs it and returns once it listens. Raises TimeoutError, with the log, after 15 s or as soon as it has ended."""
        # In a process namespace of its own all its daemons die with the first of them, however it dies: no orphan holds the port.
        namespace = ["unshare", "--pid", "--fork", "--kill-child"] if shutil.which("unshare") else []
        with (self.folder / "master.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*namespace, self.daemons / "master", "-d", "-c", self.folder / "etc"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            wait_until(lambda: listening(self.port), 15, f"Postfix {self.hostname}", self._process)
        except TimeoutError as error:
            error.add_note(self.log + (self.folder / "master.out").read_text(errors="replace"))
            raise

    def kill9(self) -> None:
        """Kills it with all its daemons, as a power cut would. Its queue stays; `start()` goes on with it."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None
            wait_until(lambda: not listening(self.port), 5, f"Postfix {self.hostname} is dead")

    def remove(self) -> None:
        """Kills it and deletes its folder with all mails."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def waiting(self) -> int:
        """How many mails lie in its queue, on the way or deferred."""
        queues = (self.spool / name for name in ("maildrop", "incoming", "active", "deferred"))
        return sum(1 for queue in queues for path in queue.rglob("*") if path.is_file())

    def delivered(self) -> list[Delivered]:
        """All mails that reached the Maildir."""
        mails = [message_from_bytes(path.read_bytes()) for path in sorted(self.folder.glob("mail/inbox/new/*"))]
        return [Delivered(mail["X-Original-To"], mail["Return-Path"].strip("<>"), mail) for mail in mails]

    @property
    def spool(self) -> Path:
        """Its queue directory."""
        return self.folder / "spool"

    def _lay_out(self) -> None:
        etc, mail = self.folder / "etc", self.folder / "mail"
        owner, group = _first(pwd.getpwnam, "postfix", "news"), _first(grp.getgrnam, "postdrop", "uucp")
        for folder in (etc, mail, self.spool, self.spool / "pid"):
            folder.mkdir()
        for folder in (self.folder / "state", *(self.spool / name for name in QUEUES)):
            folder.mkdir(mode=0o700)
            shutil.chown(folder, owner)
        for name, mode in (("public", 0o710), ("maildrop", 0o730)):
            (self.spool / name).mkdir()
            shutil.chown(self.spool / name, owner, group)
            (self.spool / name).chmod(mode)
        # virtual(8) refuses to write as root, and the Maildir needs an owner that every Debian knows.
        shutil.chown(mail, "mail", "mail")
        settings = self._settings(owner, group, pwd.getpwnam("mail"))
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (etc / "master.cf").write_text(SERVICES.format(port=self.port))
        # Postfix waits two seconds before it reads a configuration that has just been written. This one is finished.
        os.utime(etc / "main.cf", (0, 0))

    def _settings(self, owner: str, group: str, mail: pwd.struct_passwd) -> dict[str, str | int]:
        where: dict[str, str | int] = {
            "relayhost": f"[127.0.0.1]:{self.forward_to}",
            "virtual_mailbox_domains": "",
        }
        if self.forward_to is None:
            where = {
                "virtual_mailbox_domains": "static:every",
                "virtual_mailbox_maps": "static:inbox/",
                "virtual_mailbox_base": f"{self.folder}/mail",
                "virtual_mailbox_limit": 0,
                "virtual_minimum_uid": 1,
                "virtual_uid_maps": f"static:{mail.pw_uid}",
                "virtual_gid_maps": f"static:{mail.pw_gid}",
            }
        return {
            "compatibility_level": "3.6",
            "import_environment": "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH",
            "mail_owner": owner,
            "setgid_group": group,
            "queue_directory": f"{self.spool}",
            "data_directory": f"{self.folder}/state",
            "daemon_directory": f"{self.daemons}",
            "shlib_directory": f"{self.daemons.parent}",
            "meta_directory": f"{self.folder}/etc",
            "maillog_file": f"{self.folder}/postfix.log",
            "maillog_file_prefixes": f"{self.folder}",
            # Nothing is looked up in the network and nothing goes there.
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "myhostname": self.hostname,
            "mydestination": "",
            "alias_maps": "",
            "local_recipient_maps": "",
            "append_dot_mydomain": "no",
            "biff": "no",
            "message_size_limit": 50_000_000,
            "smtputf8_enable": "yes",
            # A mail that could not be handed on is tried again within seconds, for as long as a test may take.
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            "queue_run_delay": "1s",
            "transport_retry_time": "1s",
            "smtp_connect_timeout": "3s",
            "smtp_destination_concurrency_failed_cohort_limit": 100,
            **where,
        }


def _first(look_up: Callable[[str], object], *names: str) -> str:
    """The first of these names that the machine knows. Postfix demands an owner and a group that are not root and not `nobody`."""
    for name in names:
        with contextlib.suppress(KeyError):
            look_up(name)
            return name
    raise LookupError(f"none of {', '.join(names)} exists here")
