"""Whatever is wrong in config/ is told with its file, its line and what would be right; and everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.desk.errors import Misconfigured

M, P, W = "mailgate.toml", "policy.toml", "people.toml"

TEAMS = '[[team]]\nname = "Net"\n[[team]]\nname = "Desktop"\n'


def faults(folder: Path, **files: str) -> list[str]:
    """The faults of these files, each without the path of its folder."""
    config = folder / "config"
    config.mkdir(exist_ok=True)
    for name, text in files.items():
        (config / f"{name}.toml").write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load(config, {})
    assert caught.value.faults
    return [fault.removeprefix(f"{config}/") for fault in caught.value.faults]


# The file, its text, the line of the fault, and what the fault says.
CASES = [
    # Names that nobody knows.
    (M, '[smtp]\nprot = 25', 2, '[smtp] prot: unknown key; did you mean "port"?'),
    (M, '[smpt]\nport = 25', 1, '[smpt]: unknown table; did you mean "smtp"?'),
    (M, 'port = 25', 1, "port: unknown key; "),
    (M, '\n\n[pending]\nresolve_after = "7d"', 3, "[pending]: unknown table; it belongs in policy.toml"),
    (P, '[[person]]\naddress = "a@example.com"', 1, "[[person]]: unknown table; it belongs in people.toml"),
    (M, '[smtp]\nhost = "::1"\nTLS_Cert = "x"', 3, 'did you mean "tls_cert"?'),
    (M, '[security.limits]\nconnection = 3', 2, '[security] limits.connection: unknown key; did you mean "connections"?'),
    (M, '[security]\nrequire = { aprove = "token" }', 2, '[security] require.aprove: unknown key; did you mean "approve"?'),
    (P, '[letters]\nbudgets.letters_a_day = 3', 2, '[letters] budgets.letters_a_day: unknown key; did you mean "letters_per_day"?'),
    (P, '[commands.synonyms.fr]\naccpt = ["accepter"]', 2, '[commands] synonyms.fr.accpt: unknown key; did you mean "accept"?'),
    # Values of the wrong kind, or out of bounds.
    (M, '[smtp]\nport = "25"', 2, '[smtp] port: must be a whole number from 0 to 65535, not "25"'),
    (M, '[smtp]\nport = 65536', 2, "[smtp] port: must be a whole number"),
    (M, '[smtp]\nport = true', 2, "not true"),
    (M, '[smtp]\nlmtp = "no"', 2, '[smtp] lmtp: must be true or false, not "no"'),
    (M, '[smtp]\nmax_size = "35 bananas"', 2, '[smtp] max_size: must be a size like "35MB"'),
    (M, '[smtp]\nallow = "127.0.0.1"', 2, '[smtp] allow: must be a list, not "127.0.0.1"'),
    (M, '[smtp]\nallow = [\n"127.0.0.1",\n"10.0.0.1/8"]', 4, "the bits behind the mask are not 0"),
    (M, '[smtp]\nhost = "a b"', 2, "[smtp] host: must be a host name or an address"),
    (M, "smtp = 25", 1, "smtp: must be a table, not 25"),
    (M, '[desk]\nname = ""', 2, '[desk] name: must be a text, not ""'),
    (M, '[desk]\nname = "a\\nb"', 2, "[desk] name: must be one line without control characters"),
    (M, '[desk]\naddress = "support"', 2, '[desk] address: must be a mail address like "support@example.com", not "support"'),
    (M, '[desk]\naddress = "a..b@example.com"', 2, "must be a mail address"),
    (M, '[desk]\naliases = [\n"it@example.com",\n"x y@example.com",\n]', 4, "[desk] aliases: must be a mail address"),
    (M, '[desk]\ntag = "MG-1"', 2, "[desk] tag: must be a tag of letters and digits"),
    (M, '[desk]\nsubaddress = "."', 2, '[desk] subaddress: must be one of "+"'),
    (M, '[desk]\ntimezone = "Europe/Berln"', 2, '[desk] timezone: unknown time zone "Europe/Berln"; did you mean "Europe/Berlin"?'),
    (M, '[desk]\ntimezone = "../../etc/passwd"', 2, "[desk] timezone: unknown time zone"),
    (M, '[desk]\nlanguage = "english please"', 2, '[desk] language: must be a language like "en"'),
    (M, '[desk]\npublic_url = "desk.example.com"', 2, '[desk] public_url: must be an address like "https://'),
    (M, '[security]\ninternal = ["two words: x"]', 2, "[security] internal: must be the name of a header"),
    (M, '[security]\nborder = ["10.0.0.0/8", "no host"]', 2, "[security] border: must be a network"),
    (M, '[security]\nverify = "dsn"', 2, '[security] verify: must be one of "none", "dns", not "dsn"; did you mean "dns"?'),
    (M, '[security.require]\nclose = "claimed"', 2, 'unknown strength "claimed"'),
    (M, '[security.limits]\nparse_time = "0s"', 2, "[security] limits.parse_time: must be a duration"),
    # Things that do not fit together.
    (M, '[[desk]]\naddress = "a@example.com"\n[[desk]]\naddress = "A@example.com"\ntag = "X"\nname = "x"', 4, "address of another desk"),
    (M, '[[desk]]\naddress = "a@example.com"\n\n[[desk]]\naddress = "b@example.com"\nname = "x"', 4, '"MG" is the tag of another desk'),
    (M, '[smtp]\ntls_cert = "/dev/null"', 2, "[smtp] tls_cert: needs tls_key beside it"),
    (M, '[smtp]\ntls_cert = "gone.pem"\ntls_key = "/dev/null"', 2, "gone.pem: No such file or directory"),
    (M, '[relay]\nport = 25', 2, "[relay] port: says nothing without host"),
    (M, '[relay]\nhost = "mx.example.com"\nuser = "u"', 3, "[relay] user: needs password_file (or MAILGATE_RELAY_PASSWORD)"),
    (M, '[relay]\nhost = "mx.example.com"\nuser = "u"\ntls = "none"\npassword_file = "/dev/null"', 4, "in the clear"),
    (M, '[[imap]]\nhost = "mx.example.com"\nuser = "u"', 1, "[[imap]] password_file: is missing (or oauth2, or MAILGATE_IMAP_U_PASSWORD)"),
    (M, '[[imap]]\nhost = "mx.example.com"\nuser = "u"\ntls = "none"', 4, '[[imap]] tls: "none" is for loopback only'),
    (M, '[[imap]]\nuser = "u"', 1, "[[imap]] host: is missing"),
    (M, '[[imap]]\nhost = "h"\nuser = "u"\nstart_at = "yesterday"', 4, 'must be "now", "all" or a date'),
    (M, '[[imap]]\nhost = "h"\nuser = "u"\noauth2 = { client_id = "x", client_secret_file = "s", token_url = "http://h/" }', 4,
     "[[imap]] oauth2.token_url: must be https; only to loopback secrets may travel in the clear"),
    (M, '[[imap]]\nhost = "h"\nuser = "u"\noauth2 = { client_id = "x" }', 4, "[[imap]] oauth2.token_url: is missing"),
    (M, '[store]\nurl = "mysql://x"', 2, '[store] url: must be a URL like "sqlite:///var/mailgate.db"'),
    (M, '[store]\nurl = "postgresql://x/y"', 2, '"postgresql+psycopg://user@host/database"'),
    # Secrets that stand where everybody reads them.
    (M, '[relay]\nhost = "h"\npassword = "hunter2"', 3, "[relay] password: a secret does not stand here"),
    (M, '[store]\nurl = "postgresql+psycopg://u:hunter2@h/d"', 2, "[store] url: a password does not stand in the URL"),
    # No TOML.
    (M, '[smtp]\nport = \n', 2, "no valid TOML: Invalid value"),
    (P, 'a = 1\na = 2', 2, "no valid TOML: Cannot overwrite a value"),
    (W, '[[team]]\nname = "open', 2, "no valid TOML"),
    # Rules.
    (P, '[priority]\ndefault = "P5"', 2, '[priority] default: must be one of "P1"'),
    (P, '[priority]\nmatrix = { hgih = { low = "P1" } }', 2, '[priority] matrix.hgih: unknown table; did you mean "high"?'),
    (P, '[[category]]\nname = "x"\nteam = "Netz"', 3, '[[category]] team: unknown team "Netz"; did you mean "Net"?'),
    (P, '[[category]]\nname = "x"\nwhen = { subject = "(" }', 3, '[[category]] when.subject: "(" is no regular expression'),
    (P, '[[category]]\nname = "x"\n\nwhen.text = ["a", "b", "[z-a]"]', 4, "bad character range z-a"),
    (P, '[[category]]\nname = "x"\nwhen = { headers = { "a b" = "c" } }', 3, '"a b" is no name of a header'),
    (P, '[[category]]\nname = "x"\nwhen = { priority = "P1" }', 3, "[[category]] when.priority: unknown key"),
    (P, '[[category]]\nname = "all"\n[[category]]\nname = "x"\nwhen = { text = "y" }', 4, 'never reached: "all" above it'),
    (P, '[[category]]\nname = "a"\nwhen.text = "y"\n[[category]]\nname = "b"\nwhen.text = "y"', 5, 'never reached: "a" above it'),
    (P, '[[category]]\nwhen = { organisation = "Acme" }\nname = "x"', 2, 'unknown organisation "Acme"; there is none'),
    (P, '[[category]]\nname = "x"\nwhen = { subjct = "y" }', 3, '[[category]] when.subjct: unknown key; did you mean "subject"?'),
    (P, '[[category]]\nname = "x"\nprio = "P1"', 3, "[[category]] prio: unknown key; "),
    (P, '[[category]]\nwhen = { subject = "y" }', 1, "[[category]] name: is missing"),
    (P, '[[category]]\nname = "x"\n\nimpact = "huge"', 4, '[[category]] impact: must be one of "high"'),
    (P, '[[category]]\nname = "x"\nwhen = { source = 3 }', 3, "[[category]] when.source: must be a text"),
    (P, '[[category]]\nname = "x"\nwhen.desk = "HR"', 3, '[[category]] when.desk: unknown desk "HR"'),
    (P, '[[category]]\nname = "x"\nwhen = { subject = [] }', 3, "[[category]] when.subject: asks for nothing"),
    (P, '[[category]]\nname = "x"\nwhen.headers = {}', 3, "[[category]] when.headers: asks for nothing"),
    (P, '[[category]]\nname = "x"\n\nwhen.subject = "(a+)+b"', 4, '[[category]] when.subject: "(a+)+b" could be made to run for ever'),
    (P, '[[category]]\nname = "x"\nwhen.text = [\n"ok",\n"a.*b.*c" ]', 5, '[[category]] when.text: "a.*b.*c" could be made to run'),
    (P, '[[category]]\nname = "x"\nwhen.headers.X-A = "(a|ab)*c"', 3, "[[category]] when.headers.X-A: "),
    (P, '[[calendar]]\nname = "c"\nhours = { mno = ["09:00-10:00"] }', 3, '[[calendar]] hours.mno: unknown key; did you mean "mon"?'),
    (P, '[[calendar]]\nname = "c"\nhours = { mon = ["9-17"] }', 3, '[[calendar]] hours.mon: must be hours like "09:00-12:30", not "9-17"'),
    (P, '[[calendar]]\nname = "c"\nhours = { mon = ["17:00-09:00"] }', 3, "must end after it begins"),
    (P, '[[calendar]]\nname = "c"\nhours = { mon = ["09:00-12:00", "11:00-13:00"] }', 3, "[[calendar]] hours.mon: has hours that overlap"),
    (P, '[[calendar]]\nname = "c"\nholidays = "Bavaria"', 3, 'like "DE" or "DE-BY"'),
    (P, '[[calendar]]\nname = "c"\nholidays = "ZZ"', 3, 'nothing is known of the holidays of "ZZ"'),
    (P, '[[calendar]]\nname = "c"\nholidays = "DE-BX"', 3, 'DE has no part "BX"; there are "BB", "BE"'),
    (P, '[[calendar]]\nname = "c"\nclosed = ["2026-02-30"]', 3, 'must be a date like "2026-12-24"'),
    (P, '[[calendar]]\nname = "c"\n[[calendar]]\nname = "c"', 4, 'there is another [[calendar]] "c"'),
    (P, '[[calendar]]\nname = "c"\nhours = {}', 3, "[[calendar]] hours: leaves no hour in which anybody works"),
    (P, '[[calendar]]\nname = "c"\nhours = { mon = [], tue = [] }', 3, "[[calendar]] hours: leaves no hour in which anybody works"),
    (P, '[[calendar]]\nname = "c"\nhours = []', 3, "[[calendar]] hours: leaves no hour in which anybody works"),
    (P, '[[calendar]]\nname = "24x7"\nhours = ["09:00-17:00"]', 2, '[[calendar]] name: "24x7" is round the clock; call it something else'),
    (P, '[[sla]]\nname = "s"\ncalendar = "ofice"\n[[calendar]]\nname = "office"', 3, 'unknown calendar "ofice"; did you mean "office"?'),
    (P, '[[sla]]\nname = "s"\nresolution = "4 hours"', 3, 'must be a duration like "90s"'),
    (P, '[[sla]]\nname = "s"\nwarn = [50, 100]', 3, "[[sla]] warn: must be a whole number from 1 to 99, not 100"),
    (P, '[[sla]]\nname = "s"\nwhen = { status = "Pendng" }', 3, 'unknown status "Pendng"; did you mean "Pending"?'),
    (P, '[[escalation]]\nsteps = [\n{ at = "80%", to = "lead" },\n{ at = "breech", to = "lead" },\n]', 4, '"breach+2h", not "breech"'),
    (P, '[[escalation]]\nsteps = [\n{ at = "80%", to = "techician" } ]', 3, 'unknown role or team "techician"; did you mean "technician"?'),
    (P, '[[escalation]]\nwhen = { metric = "repair" }\nsteps = []', 2, 'unknown metric "repair"'),
    (P, '[[escalation]]\nsteps = [ { at = "150%", to = "lead" } ]', 2, '"breach+2h", not "150%"'),
    (P, '[[metric]]\nname = "x"\nstart = "New"\nstop = "New"', 3, '[[metric]] start: "New" does nothing: "New" ends it at once'),
    (P, '[[metric]]\nname = "x"\nstart = ["Analysis", "New"]\nstop = "Open"', 3, 'start: "New" does nothing: "Open" ends it at once'),
    (P, '[[metric]]\nname = "x"\nstart = "New"\nstop = "Closed"\ncancel = "New"', 3, 'start: "New" does nothing: "New" ends it at once'),
    (P, '[[metric]]\nname = "x"\nstart = "New"\nstop = "Closed"\npause = "On Hold"\nresume = "Pending"', 6,
     '[[metric]] resume: "Pending" does nothing: "On Hold" halts it'),
    (P, '[[metric]]\nname = "x"\nstart = []\nstop = "Closed"', 3, "[[metric]] start: names no state and no status"),
    (P, '[[metric]]\nname = "resolution"\nstop = []', 3, "[[metric]] stop: names no state and no status"),
    (P, '[[metric]]\nname = ["x"]\nstart = "New"\nstop = "Closed"', 2, "[[metric]] name: must be a text"),
    (P, "[[escalation]]", 1, "[[escalation]] steps: is missing"),
    (P, '[pending]\nremind = ["2d", "1d"]', 2, "[pending] remind: has to rise"),
    (P, '[pending]\nremind = ["8d"]\nresolve_after = "7d"', 2, "[pending] remind: remind has to come before resolve_after"),
    (P, '[autoclose]\nwarn = "8d"', 2, "[autoclose] warn: warn has to come before after"),
    (P, '[autoclose]\nremind = ["3d"]\nwarn = "3d"\nafter = "7d"', 2, "[autoclose] remind: remind has to come before warn"),
    (P, '[[approval]]\nstages = [ { approvers = ["boss"] } ]', 2, '[[approval]] stages.approvers: unknown approver "boss"'),
    (P, '[[approval]]\nstages = [\n{ approvers = ["a@example.com"], need = 2 } ]', 3, "2 can never agree where 1 are asked"),
    (P, '[[approval]]\nstages = [ { approvers = ["manager"], need = "most" } ]', 2, 'must be "all", "any" or a number, not "most"'),
    (P, '[resolved]\nreply = "ignore"', 2, '[resolved] reply: must be one of "reopen", "note"'),
    (P, '[assign]\nby = "skills"', 2, 'did you mean "skill"?'),
    (P, '[ack]\nunverified = false', 2, "[ack] unverified: must be one of"),
    (P, '[commands.synonyms.de]\naccept = ["hilfe"]', 2, '[commands] synonyms.de.accept: "hilfe" means "help" already'),
    (P, '[commands.synonyms.de]\naccept = ["reject"]', 2, '"reject" is a command itself'),
    (P, '[commands.synonyms.de]\naccept = ["ja bitte"]', 2, "must be one word of letters"),
    (P, '[commands.synonyms.german]\naccept = ["ja"]', 1, "must be a language"),
    (P, '[[status]]\nname = "Pending"\nstate = "On Hold"', 2, 'there is a status or a state "Pending" already'),
    (P, '[[status]]\nname = "x"\nstate = "Limbo"', 3, 'must be one of "Open"'),
    (P, '[[status]]\nname = "x"\nstate = "Open"\nverb = "take"', 4, '"take" is a command already'),
    (P, '[[status]]\nname = "x"\nstate = "Open"\nverb = "notiz"', 4, '"notiz" is a command already'),
    (P, '[[status]]\nname = "resolved"\nstate = "Open"', 2, 'there is a status or a state "resolved" already'),
    (P, '[quiet]\nhours = "24x7"', 2, "leaves no hour in which anybody could be told"),
    (P, '[quiet]\nhours = "late"', 2, 'must be hours like "09:00-12:30"'),
    (P, '[digest]\ndaily = "7.30"', 2, 'must be a time like "07:30" or "never"'),
    (P, '[digest]\ndaily = "24:00"', 2, 'must be a time like "07:30" or "never"'),
    (P, '[digest]\nweekly = "07:30"', 2, 'must be a day and a time like "mon 07:30" or "never"'),
    (P, '[digest]\nweekly = "monday 07:30"', 2, 'must be a day and a time like "mon 07:30" or "never"'),
    (P, '[digest]\ncalendar = "ofice"\n[[calendar]]\nname = "office"', 2, 'unknown calendar "ofice"; did you mean "office"?'),
    (P, '[digest]\ndayly = "07:30"', 2, "daily"),
    (P, '[retention]\nmails = "always"', 2, "must be a duration"),
    (P, '[[monitoring]]\nname = "m"\nkey = "PROBLEM"', 3, "needs a group"),
    (P, '[[monitoring]]\nname = "m"\nlike = "nagois"', 3, 'unknown kind of monitoring "nagois"; did you mean "nagios"?'),
    (P, '[[monitoring]]\nname = "m"', 1, "[[monitoring]] key: is missing"),
    (P, '[[monitoring]]\nname = "m"\nlike = "zabbix"\nremark = "(a+)+$"', 4, "remark"),
    (W, '[[person]]\naddress = "a@example.com"\nhours = { mon = ["9-17"] }', 3, 'must be hours like "09:00-12:30"'),
    # People.
    (W, '[[person]]\naddress = "a@example.com"\ndigest = "no"', 3, "must be true or false"),
    (W, '[[person]]\nname = "x"', 1, "[[person]] address: is missing"),
    (W, '[[person]]\naddress = "a@example.com"\nrole = "admin"', 3, "[[person]] role: must be one of"),
    (W, '[[person]]\naddress = "a@x.org"\n[[person]]\naddress = "b@x.org"\naliases = ["A@x.org"]', 5, "another person already"),
    (W, '[[person]]\naddress = "a@example.com"\nteam = "Nets"\n' + TEAMS, 3, 'unknown team "Nets"; did you mean "Net"?'),
    (W, '[[person]]\naddress = "ann@example.com"\nmanager = "an@example.com"', 3, 'did you mean "ann@example.com"?'),
    (W, '[[person]]\naddress = "a@example.com"\naway = "soon"', 3, "must be a date"),
    (W, '[[person]]\naddress = "a@example.com"\naway = "2026-12-24/2026-12-20"', 3, "must end after it begins"),
    (W, TEAMS + 'lead = "nobody@example.com"', 5, 'no [[person]] has the address "nobody@example.com"'),
    (W, '[[team]]\nname = "A"\nnext = "B"\n[[team]]\nname = "B"\nnext = "A"', 3, "goes in a circle: A > B > A"),
    (W, '[[team]]\nname = "A"\n[[team]]\nname = "A"', 4, 'there is another team "A"'),
    (W, '[[organisation]]\nname = "O"\ndomains = ["a b"]', 3, "must be a domain"),
    (W, '[[organisation]]\nname = "O"\nsla = "gold"', 3, 'unknown SLA "gold"; there is none'),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "line", "said"), CASES, ids=[f"{case[0]}-{case[3][:40]}" for case in CASES])
def test_a_fault_names_file_line_and_what_would_be_right(tmp_path: Path, file: str, text: str, line: int, said: str) -> None:
    others = {"people": TEAMS} if file == P else {}
    found = faults(tmp_path, **others, **{file.removesuffix(".toml"): text})
    assert any(fault.startswith(f"{file}:{line}: ") and said in fault for fault in found), found


def test_every_fault_is_told_at_once_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        mailgate='[web]\nport = "x"\nprot = 1\n[smtp]\nport = -1\n',
        policy='[[sla]]\nname = "s"\nwarn = ["x", 50, 0]\n',
        people='[[person]]\nrole = "boss"\n',
    )
    assert [fault.split(" ")[0] for fault in found] == [
        "mailgate.toml:2:", "mailgate.toml:3:", "mailgate.toml:5:", "policy.toml:3:", "policy.toml:3:", "people.toml:1:", "people.toml:2:",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [
        {"people": '[[team]]\nname = "A"\nnext = "A"\n'},
        {"people": '[[person]]\naddress = "x"\n'},
        {"mailgate": '[[imap]]\nhost = "h"\nuser = "u"\npassword = "hunter2"\n'},
        {"mailgate": '[[imap]]\nhost = "h"\nuser = "u"\noauth2 = 3\n'},
        {"mailgate": '[relay]\nhost = "h"\nuser = "u"\npassword_file = "gone"\n'},
        {"policy": '[autoclose]\nremind = ["9d", "8d"]\nwarn = "7d"\nafter = "6d"\n'},
        {"policy": '[[calendar]]\nname = "c"\nhours = 7\n'},
        {"policy": '[[category]]\nname = "a"\nwhen.text = "(a+)+"\n[[category]]\nname = "b"\nwhen.text = "x"\n'},
        {"policy": '[[category]]\nname = "a"\nwhen.text = []\n[[category]]\nname = "b"\nwhen.text = "x"\n'},
        {"policy": '[[category]]\nname = "a"\nwhen.text = "("\n[[category]]\nname = "b"\nwhen.text = "x"\n'},
    ],
)
def test_one_mistake_is_one_fault(tmp_path: Path, files: dict[str, str]) -> None:
    assert len(faults(tmp_path, **files)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '[relay]\nhost = "h"\npassword = "hunter2"',
        '[store]\nurl = "postgresql+psycopg://u:hunter2@h/d"',
        '[store]\nurl = "pg://u:hunter2@h"',
    ],
)
def test_a_fault_never_repeats_a_secret(tmp_path: Path, text: str) -> None:
    assert "hunter2" not in "\n".join(faults(tmp_path, mailgate=text))


def test_text_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "people.toml").write_bytes(b'[[person]]\naddress = "a@example.com"\nname = "J\xfcrgen"\n')
    with pytest.raises(Misconfigured) as caught:
        load(config, {})
    assert caught.value.faults == (f"{config}/people.toml:3: this is not UTF-8",)


def test_two_metrics_of_one_name_are_one_fault_and_the_first_is_read_as_well(tmp_path: Path) -> None:
    twice = '[[metric]]\nname = "x"\nstart = "New"\nstop = "Closed"\n' * 2

    assert faults(tmp_path, policy=twice) == ['policy.toml:6: [[metric]] name: there is another [[metric]] "x"']
