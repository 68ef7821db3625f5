"""A real Dovecot in a folder of its own, on a port of 127.0.0.1: the mailboxes that mailgate fetches from.

Mails are delivered as a mail server does it, by a file that is moved into the Maildir. The Dovecot of the machine, if there is one, is not
touched: other folders, other ports.
"""

from __future__ import annotations

import contextlib
import grp
import imaplib
import os
import pwd
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from tests.kit import usage
from tests.kit.need import UNPACKED, environment, need, need_root
from tests.kit.processes import free_port, kill_group, listening, open_folder, wait_until

PASSWORD = "open sesame & more"

OVERLAY = 'mount -t overlay overlay -o "lowerdir=$0/usr/lib:/usr/lib" /usr/lib && exec "$@"'

CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
instance_name = {folder.name}
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
libexec_dir = {libexec}
mail_plugin_dir = {libexec}/modules
import_environment = TZ LD_LIBRARY_PATH
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
{tls}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u:LAYOUT=fs
mail_max_userip_connections = 100
mail_fsync = never
verbose_proctitle = yes
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{more}
"""


class Dovecot:
    """One Dovecot. Start it by `with`, or by `start()` and `remove()`; it keeps its ports and its mails over a restart."""

    def __init__(self, *users: str, tls: tuple[Path, Path] | None = None, more: str = "") -> None:
        """Nothing runs yet. Every user has PASSWORD; `tls` are the files of a certificate and its key, without which there is no TLS.

        `more` is added to the configuration.
        """
        self._program = need("dovecot")
        self.folder = open_folder("mailgate-dovecot-")
        self.port, self.tls_port = free_port(), free_port() if tls else 0
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._lay_out(users, tls, more)

    def __enter__(self) -> Dovecot:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            error.add_note(f"Dovecot's log ends:\n{self.log[-2000:]}")
        self.remove()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Runs it and returns once it listens. Raises TimeoutError, with the log."""
        with (self.folder / "master.out").open("ab") as out:
            self._process = subprocess.Popen(
                self._command(),
                env={**environment(self._program), "CONFIG_FILE": f"{self.folder}/dovecot.conf"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            wait_until(lambda: listening(self.port), 15, "Dovecot", self._process)
        except TimeoutError as error:
            error.add_note(self.log + (self.folder / "master.out").read_text(errors="replace"))
            raise

    def kill9(self) -> None:
        """Kills it with all its children, as a power cut would. The mails stay; `start()` goes on with them."""
        if self._process is not None:
            kill_group(self._process)
            self._process = None
            wait_until(lambda: not listening(self.port), 5, "Dovecot is dead")
            # A machine that starts anew has no process of that number; ours may, and Dovecot would wait minutes for its lock.
            for lock in self.folder.rglob("*.lock"):
                lock.unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """It and all its children."""
        if self._process is None:
            return []
        return [self._process.pid, *usage.children(self._process.pid)]

    def remove(self) -> None:
        """Kills it and deletes its folder with all mails."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self, user: str, *mails: bytes) -> None:
        """Puts mails into the user's inbox."""
        inbox = self.folder / "mail" / user
        for name in ("", "tmp", "new", "cur"):
            (inbox / name).mkdir(exist_ok=True)
            self._give(inbox / name)
        for mail in mails:
            path = inbox / "tmp" / f"{time.time_ns()}.{secrets.token_hex(6)}.test"
            path.write_bytes(mail)
            self._give(path)
            path.rename(inbox / "new" / path.name)

    def fill(self, user: str, mails: Iterable[bytes], days: int = 30) -> None:
        """Puts mails that came so many days ago into the user's inbox, where nobody has read them; thousands in a second."""
        self.deliver(user)
        folder, then = self.folder / "mail" / user / "cur", time.time() - days * 86400
        for number, octets in enumerate(mails):
            # The name says how large the mail is, as that of a delivered one does, so that the server need not open each.
            path = folder / f"{int(then)}.{number:06}.old,S={len(octets)},W={len(octets)}:2,"
            path.write_bytes(octets)
            os.utime(path, (then, then))
            if os.geteuid() == 0:
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def idles(self, user: str) -> bool:
        """Whether somebody waits in IDLE for this user's mails: the name of a process says what its client does."""
        return any(f"[{user} 127.0.0.1 IDLE]".encode() in _name(pid) for pid in self.pids())

    def set_password(self, user: str, password: str) -> None:
        """Lets this user in by that password alone from now on, without a restart; returns once the server has seen it."""
        file = self.folder / "passwd"
        others = [line for line in file.read_text().splitlines(keepends=True) if not line.startswith(f"{user}:")]
        fresh = file.with_name("passwd.new")
        fresh.write_text("".join(others) + f"{user}:{{PLAIN}}{password}\n")
        fresh.replace(file)
        wait_until(lambda: self._lets_in(user, password), 10, "the server knows the new password")

    def _lets_in(self, user: str, password: str) -> bool:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            try:
                client.login(user, password)
            except imaplib.IMAP4.error:
                return False
        return True

    def renumber(self, user: str) -> None:
        """Numbers the user's inbox anew, under another UIDVALIDITY: the youngest mail first, so that no UID says what it said before.

        It must not run meanwhile.
        """
        inbox = self.folder / "mail" / user
        known = re.search(r" V(\d+)", (inbox / "dovecot-uidlist").read_text())
        assert known is not None
        for path in inbox.glob("dovecot*"):
            path.unlink()
        mails = sorted((path for name in ("new", "cur") for path in (inbox / name).iterdir()), key=lambda path: -path.stat().st_mtime_ns)
        lines = [f"{uid} :{path.name.partition(':')[0]}\n" for uid, path in enumerate(mails, 1)]
        (inbox / "dovecot-uidlist").write_text(f"3 V{int(known[1]) + 1} N{len(mails) + 1}\n{''.join(lines)}")
        self._give(inbox / "dovecot-uidlist")

    @contextlib.contextmanager
    def client(self, user: str, folder: str | None = "INBOX") -> Iterator[imaplib.IMAP4]:
        """Somebody else who reads the mailbox."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            client.login(user, PASSWORD)
            if folder is not None:
                client.select(folder)
            yield client

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, str]:
        """The flags of each mail, by UID."""
        with self.client(user, folder) as client:
            _, lines = client.uid("FETCH", "1:*", "(FLAGS)")
        text = [line.decode() for line in lines if isinstance(line, bytes)]
        return {
            int(uid[1]): flags[1] for one in text if (uid := re.search(r"UID (\d+)", one)) and (flags := re.search(r"FLAGS \((.*?)\)", one))
        }

    def _command(self) -> list[str | Path]:
        """What Dovecot does when it starts is to have doveconf start it, which it looks for where Debian installs it.

        An unpacked one finds its modules in /usr/lib only: there they are laid over the system's, for itself alone.
        """
        read = self._program.parents[1] / "bin/doveconf"
        command: list[str | Path] = [
            read,
            "-f",
            "service=master",
            "-c",
            self.folder / "dovecot.conf",
            "-m",
            "master",
            "-e",
            self._program,
            "-F",
        ]
        if not self._program.is_relative_to(UNPACKED):
            return command
        need_root("an unpacked Dovecot")
        return ["unshare", "--mount", "sh", "-c", OVERLAY, UNPACKED, *command]

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _lay_out(self, users: tuple[str, ...], tls: tuple[Path, Path] | None, more: str) -> None:
        for name in ("mail", "run"):
            (self.folder / name).mkdir()
        self._give(self.folder / "mail")
        (self.folder / "passwd").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
        unpacked = self._program.is_relative_to(UNPACKED)
        values = {
            "folder": self.folder,
            "libexec": (UNPACKED if unpacked else Path("/")) / "usr/lib/dovecot",
            "user": self._owner.pw_name,
            "group": grp.getgrgid(self._owner.pw_gid).gr_name,
            "uid": self._owner.pw_uid,
            "gid": self._owner.pw_gid,
            "tls": f"ssl = yes\nssl_cert = <{tls[0]}\nssl_key = <{tls[1]}" if tls else "ssl = no",
            "port": self.port,
            "tls_port": self.tls_port,
            "more": more,
        }
        (self.folder / "dovecot.conf").write_text(CONFIGURATION.format(**values))


def _name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
