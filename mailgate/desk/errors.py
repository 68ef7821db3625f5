"""The one family of errors. Whether trying again helps is in the type; channels and the command line translate it, nobody else.

`code` is stable and safe to log or count. `str(error)` is the full text for our log; `public` is all that a peer may read.
"""

from __future__ import annotations


class MailgateError(Exception):
    """Anything that mailgate raises on purpose."""

    code = "error"
    public = "internal error"

    def __init__(self, text: str, *, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class Temporary(MailgateError):
    """Trying again later helps: 4xx, exit 75, HTTP 503."""

    code = "temporary"
    public = "try again later"


class Permanent(MailgateError):
    """Trying the same again gives the same: 5xx, exit 65, HTTP 400."""

    code = "permanent"
    public = "refused"


class Misconfigured(Permanent):
    """The operator has to change something first: exit 78. `faults` are lines that each name file, place and what is wrong."""

    code = "configuration"
    public = "not in service"

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
