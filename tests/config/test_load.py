"""What the settings are, from nothing at all to every table."""

from __future__ import annotations

import pickle
from datetime import date, time, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from mailgate.config.load import load
from mailgate.config.settings import Settings, StartAt, Tls
from mailgate.desk.clock import Step
from mailgate.desk.errors import Misconfigured
from mailgate.desk.model import Level, Priority, Role, State, Strength
from mailgate.desk.plans import ALL_DAY, ALWAYS, Interval, OnExpire, Pace, Rung, Stage
from mailgate.desk.policy import AckUnverified, AssignBy, CcConfirm, Collision, Digests, Policy, ResolvedReply, Security, Verify
from mailgate.desk.rules import Rules


def settings(folder: Path, **files: str) -> Settings:
    """The settings of these files under folder/config."""
    config = folder / "config"
    config.mkdir(exist_ok=True)
    for name, text in files.items():
        (config / f"{name}.toml").write_text(text)
    return load(config, {})


def policy(folder: Path, text: str, people: str = "") -> Policy:
    return settings(folder, policy=text, people=people).policy


def test_without_any_file_everything_has_a_default_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    got = load(None, {})
    assert got.root == tmp_path.resolve()
    assert got.templates is None
    (desk,) = got.desks
    assert (desk.name, desk.address, desk.tag, desk.subaddress) == ("Service Desk", "support@localhost", "MG", "+")
    assert got.store.url == f"sqlite:///{tmp_path.resolve()}/var/mailgate.db"
    assert got.key_file == tmp_path.resolve() / "var/key"
    assert (got.smtp.host, got.smtp.port) == ("127.0.0.1", 2525)
    assert (got.relay.host, got.relay.directory) == (None, tmp_path.resolve() / "var/outbound")
    assert (got.web.host, got.web.port) == ("127.0.0.1", 8080)
    assert desk.public_url == ""
    assert got.imap == ()
    assert got.policy == Policy()
    assert got.security == Security()


def test_a_folder_without_mailgate_toml_still_has_its_policy(tmp_path: Path) -> None:
    assert policy(tmp_path, '[resolved]\nreply = "note"').resolved_reply is ResolvedReply.NOTE


def test_a_path_may_name_the_folder_or_its_file_and_the_environment_may_name_it_too(tmp_path: Path) -> None:
    expected = settings(tmp_path, mailgate='[desk]\ntag = "IT"')
    file = tmp_path / "config/mailgate.toml"
    assert load(file, {}) == expected
    assert load(None, {"MAILGATE_CONFIG": str(file)}) == expected
    assert load(None, {"MAILGATE_CONFIG": str(file.parent)}) == expected
    assert expected.desks[0].tag == "IT"


def test_relative_paths_start_at_the_folder_that_holds_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path, mailgate='[store]\nurl = "sqlite:///data/x.db"\n[keys]\nfile = "data/key"\n[relay]\ndirectory = "/srv/out"')
    monkeypatch.chdir(tmp_path / "config")
    got = load(Path(), {})
    assert got.store.url == f"sqlite:///{tmp_path.resolve()}/data/x.db"
    assert got.key_file == tmp_path.resolve() / "data/key"
    assert got.relay.directory == Path("/srv/out")


def test_templates_beside_the_configuration_are_the_operators_own(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    assert settings(tmp_path).templates == tmp_path.resolve() / "templates"


def test_a_configuration_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="gone: No such file or directory"):
        load(tmp_path / "gone", {})


def test_settings_can_be_handed_to_another_process(tmp_path: Path) -> None:
    got = settings(tmp_path, policy='[[category]]\nname = "x"\nwhen = { subject = "y" }')
    assert pickle.loads(pickle.dumps(got)) == got


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "mailgate.toml").write_bytes('\ufeff[desk]\r\ntag = "IT"\r\n'.encode())
    assert load(config, {}).desks[0].tag == "IT"


def test_several_desks_each_have_their_own_names(tmp_path: Path) -> None:
    got = settings(
        tmp_path,
        mailgate='[[desk]]\nname = "IT"\naddress = "IT@Example.com"\naliases = ["help@example.com"]\n'
        '[[desk]]\nname = "HR"\naddress = "hr@example.com"\ntag = "HR"\nsubaddress = ""\nlanguage = "de"\ntimezone = "Europe/Berlin"\n'
        'public_url = "https://hr.example.com/"\nlists = ["<staff.example.com>"]\n[web]\nhost = "::1"\nport = 99',
    )
    it, hr = got.desks
    assert it.addresses == ("it@example.com", "help@example.com")
    assert it.public_url == ""
    assert (hr.tag, hr.subaddress, hr.language, hr.timezone) == ("HR", "", "de", "Europe/Berlin")
    assert (hr.public_url, hr.lists) == ("https://hr.example.com", ("staff.example.com",))


def test_a_desk_has_the_teams_that_it_names_in_their_order(tmp_path: Path) -> None:
    got = settings(
        tmp_path,
        mailgate='[[desk]]\nname = "IT"\naddress = "it@example.com"\n'
        '[[desk]]\nname = "HR"\naddress = "hr@example.com"\ntag = "HR"\nteams = ["Pay", "People"]\nconfidential = true\n',
        people='[[team]]\nname = "First"\n[[team]]\nname = "People"\n[[team]]\nname = "Pay"\n',
    )
    it, hr = got.desks
    assert (it.teams, hr.teams, it.confidential, hr.confidential) == (None, ("Pay", "People"), False, True)
    rules = Rules(it, got.policy, got.security, got.people, got.desks)
    assert ([team.name for team in rules.teams], rules.first_team()) == (["First"], "First")
    assert rules.at("HR").first_team() == "Pay"


def test_smtp_tells_who_may_connect_and_who_submits(tmp_path: Path) -> None:
    smtp = settings(
        tmp_path, mailgate='[smtp]\nport = 0\nlmtp = true\nmax_size = "10MB"\nallow = ["10.0.0.0/8"]\nsubmission = ["::1"]'
    ).smtp
    assert (smtp.port, smtp.lmtp, smtp.max_size) == (0, True, 10_000_000)
    assert (smtp.allow, smtp.submission) == ((ip_network("10.0.0.0/8"),), (ip_network("::1/128"),))


@pytest.mark.parametrize(
    ("table", "tls", "port"),
    [
        ('host = "smtp.example.com"', Tls.STARTTLS, 587),
        ('host = "smtp.example.com"\ntls = "implicit"', Tls.IMPLICIT, 465),
        ('host = "smtp.example.com"\ntls = "none"', Tls.NONE, 25),
        ('host = "127.0.0.1"', Tls.NONE, 25),
        ('host = "localhost"\ntls = "starttls"\nport = 26', Tls.STARTTLS, 26),
    ],
)
def test_a_relay_is_encrypted_unless_it_is_on_this_machine_or_plain_was_asked_for(tmp_path: Path, table: str, tls: Tls, port: int) -> None:
    relay = settings(tmp_path, mailgate=f"[relay]\n{table}").relay
    assert (relay.tls, relay.port) == (tls, port)


def test_a_mailbox_is_read_with_password_or_oauth2(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    first, second = settings(
        tmp_path,
        mailgate='[[imap]]\nhost = "imap.example.com"\nuser = "u"\npassword_file = "secret"\nprocessed = "Done"\nstart_at = 2026-01-01\n'
        '[[imap]]\nname = "m365"\nhost = "outlook.example.com"\nuser = "v"\ntls = "starttls"\nstart_at = "all"\n[imap.oauth2]\n'
        'token_url = "https://login.example.com/token"\nclient_id = "c"\nclient_secret_file = "secret"\nscope = "s"',
    ).imap
    assert (first.name, first.tls, first.port, first.folder, first.processed) == ("u", Tls.IMPLICIT, 993, "INBOX", "Done")
    assert first.password is not None
    assert first.password.reveal() == "hunter2"
    assert first.start_at == date(2026, 1, 1)
    assert (second.name, second.port, second.start_at) == ("m365", 143, StartAt.ALL)
    assert second.oauth2 is not None
    assert second.oauth2.client_secret == first.password
    assert second.oauth2.refresh_token is None


def test_security_says_who_is_believed(tmp_path: Path) -> None:
    security = settings(
        tmp_path,
        mailgate='[security]\nauthserv_ids = ["mx.example.com", "microsoft365"]\nborder = ["192.0.2.0/24", "MX.example.com"]\n'
        'internal = ["X-Inside", "X-Auth: Internal"]\nforms = ["Form@example.com"]\nverify = "dns"\nrequire = { close = "token" }\n'
        'limits = { recipients = 5, parse_time = "2s" }',
    ).security
    assert security.authserv_ids == ("mx.example.com", "microsoft365")
    assert security.border == ("192.0.2.0/24", "mx.example.com")
    assert security.internal == ("X-Inside", "X-Auth: Internal")
    assert security.forms == ("form@example.com",)
    assert security.verify is Verify.DNS
    assert security.require == {"close": Strength.TOKEN}
    assert (security.limits.recipients, security.limits.parse_time) == (5, timedelta(seconds=2))


def test_a_matrix_takes_the_place_of_ours_as_a_whole(tmp_path: Path) -> None:
    priority = policy(tmp_path, '[priority]\nmatrix = { high = { high = "P2" } }\ndefault = "P4"').priority
    assert priority.of(Level.HIGH, Level.HIGH) is Priority.P2
    assert priority.of(Level.MEDIUM, Level.HIGH) is Priority.P4


def test_a_category_searches_without_case_and_sets_fields(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        '[[category]]\nname = "Hardware/Printer"\nteam = "Net"\nimpact = "low"\ntags = ["p"]\nconfidential = true\n'
        'when = { subject = "printer|toner", sender = ["@a", "@b"], headers = { X-Mailer = "copier" }, organisation = "Acme" }\n'
        '[[category]]\nname = "Other"',
        '[[team]]\nname = "Net"\n[[organisation]]\nname = "Acme"',
    )
    printer, other = rules.categories
    assert printer.when.subject[0].search("My PRINTER burns")
    assert [one.pattern for one in printer.when.sender] == ["@a", "@b"]
    assert [(name, one.pattern) for name, patterns in printer.when.headers for one in patterns] == [("x-mailer", "copier")]
    assert (printer.team, printer.impact, printer.urgency, printer.tags, printer.confidential) == ("Net", Level.LOW, None, ("p",), True)
    assert other.when == ALWAYS


def test_a_calendar_tells_the_intervals_of_each_day(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        '[[calendar]]\nname = "a"\ntimezone = "Europe/Berlin"\nhours = { mon = ["13:30-17:30", "09:00-12:30"], sat = "10:00-24:00" }\n'
        'holidays = "DE-BY"\nclosed = ["2026-12-24", 2026-12-31]\n'
        '[[calendar]]\nname = "b"\n[[calendar]]\nname = "c"\nhours = ["08:00-16:00"]',
    )
    a, b, c = rules.calendars
    assert a.hours[0] == (_interval(9, 12.5), _interval(13.5, 17.5))
    assert a.hours[1:5] == ((), (), (), ())
    assert a.hours[5] == (_interval(10, 24),)
    assert (a.timezone, a.closed) == ("Europe/Berlin", (date(2026, 12, 24), date(2026, 12, 31)))
    assert {date(2026, 1, 6), date(2026, 12, 25), date(2060, 12, 25)} <= set(a.holidays)
    assert date(2026, 12, 24) not in a.holidays
    assert b.hours == ((ALL_DAY,),) * 7
    assert c.hours == ((_interval(8, 16),),) * 7


def test_slas_and_escalations_tell_targets_and_steps(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        '[[sla]]\nname = "gold"\nwhen = { priority = ["P1", "P2"], category = "Access/*" }\nfirst_response = "90s"\nresolution = "1h30m"\n'
        'warn = [80, 50]\n[[sla]]\nname = "all"\ncalendar = "24x7"\nnext_response = "3d"\n'
        '[[escalation]]\nwhen = { metric = "resolution", status = "Waiting for Vendor" }\n'
        'steps = [ { at = "breach+2h", to = ["manager", "Net"] },'
        ' { at = "80%", to = "technician" }, { at = "breach", to = "Boss@example.com" } ]\n'
        '[[status]]\nname = "Waiting for Vendor"\nstate = "On Hold"\nverb = "vendor"',
        '[[team]]\nname = "Net"\n[[organisation]]\nname = "Acme"\nsla = "gold"',
    )
    gold, everything = rules.slas
    assert gold.when.priority == (Priority.P1, Priority.P2)
    assert gold.targets == (("first_response", timedelta(seconds=90)), ("resolution", timedelta(minutes=90)))
    assert gold.warn == (50, 80)
    assert (everything.calendar, everything.target("next_response")) == (None, timedelta(days=3))
    assert rules.escalations[0].when.metric == ("resolution",)
    assert rules.escalations[0].steps == (
        Rung(Step(80), ("technician",)),
        Rung(Step(100), ("boss@example.com",)),
        Rung(Step(100, timedelta(hours=2)), ("manager", "Net")),
    )
    assert [(own.name, own.state, own.sla, own.verb) for own in rules.statuses] == [
        ("Waiting for Vendor", State.ON_HOLD, Pace.PAUSED, "vendor"),
    ]


def test_every_period_may_be_seconds(tmp_path: Path) -> None:
    rules = policy(tmp_path, '[pending]\nremind = []\nresolve_after = "2s"\n[autoclose]\nremind = ["1s"]\nwarn = "2s"\nafter = "3s"')
    assert (rules.pending.remind, rules.pending.resolve_after) == ((), timedelta(seconds=2))
    assert (rules.autoclose.remind, rules.autoclose.warn, rules.autoclose.after) == (
        (timedelta(seconds=1),),
        timedelta(seconds=2),
        timedelta(seconds=3),
    )


def test_a_ladder_of_another_length_keeps_the_places_of_its_rungs(tmp_path: Path) -> None:
    rules = policy(tmp_path, '[pending]\nresolve_after = "7s"\n[autoclose]\nafter = "14d"')
    assert rules.pending.remind == (timedelta(seconds=2), timedelta(seconds=4))
    assert (rules.autoclose.remind, rules.autoclose.warn) == ((timedelta(days=6),), timedelta(days=12))


def test_approvals_tell_stages_and_what_follows_silence(tmp_path: Path) -> None:
    (approval,) = policy(
        tmp_path,
        '[[approval]]\nwhen = { category = "Access/*" }\nstages = [ { approvers = ["manager"], need = "all" },'
        ' { approvers = ["a@example.com", "approver"], need = "any" }, { approvers = "owner", need = 2 } ]\nauto_submit = false\n'
        'expire = "2d"\non_expire = "decline"\nstep_up = true',
    ).approvals
    assert approval.stages == (Stage(("manager",)), Stage(("a@example.com", "approver"), 1), Stage(("owner",), 2))
    assert (approval.auto_submit, approval.remind, approval.expire) == (False, (timedelta(days=1),), timedelta(days=2))
    assert (approval.on_expire, approval.step_up) == (OnExpire.DECLINE, True)


def test_the_manners_of_the_desk_are_chosen_by_word(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        '[resolved]\nreply = "note"\n[assign]\nby = "least_load"\n[ack]\nunverified = "never"\n[cc]\nconfirm = "technician"\n'
        '[letters]\ncollision = "hold"\nbudgets = { letters_per_day = 3 }\n[retention]\nmails = "365d"\n'
        '[[monitoring]]\nname = "m"\nkey = "on (\\\\S+)"\nrecovered = "^OK"',
    )
    assert (rules.resolved_reply, rules.assign_by) == (ResolvedReply.NOTE, AssignBy.LEAST_LOAD)
    assert (rules.ack_unverified, rules.cc_confirm, rules.collision) == (AckUnverified.NEVER, CcConfirm.TECHNICIAN, Collision.HOLD)
    assert (rules.budgets.letters_per_day, rules.budgets.staff_per_hour) == (3, 100)
    assert (rules.retention.mails, rules.retention.tickets) == (timedelta(days=365), None)
    assert rules.monitors[0].key.groups == 1


def test_synonyms_take_the_place_of_ours_verb_by_verb(tmp_path: Path) -> None:
    words = policy(tmp_path, '[commands.synonyms]\nde.accept = ["Ja", "#passt"]\nfr = { accept = ["accepter"] }').verbs_by_word
    assert (words["ja"], words["passt"], words["accepter"], words["hilfe"]) == ("accept", "accept", "accept", "help")
    assert "annehmen" not in words


def test_digests_are_off_until_somebody_says_when(tmp_path: Path) -> None:
    assert policy(tmp_path, "").digests == Digests(None, None, None)
    found = policy(tmp_path, '[digest]\ndaily = "7:30"\nweekly = "Fri 16:00"\ncalendar = "24x7"').digests
    assert found == Digests(time(7, 30), (4, time(16, 0)), "24x7")
    assert policy(tmp_path, '[digest]\ndaily = "never"\nweekly = "never"').digests == Digests()


def test_quiet_hours_may_run_over_midnight(tmp_path: Path) -> None:
    week = policy(tmp_path, '[quiet]\nhours = { fri = ["20:00-07:00"], sun = ["22:00-24:00"] }').quiet.hours
    assert week[4] == (_interval(20, 24),)
    assert week[5] == (_interval(0, 7),)
    assert week[6] == (_interval(22, 24),)
    assert policy(tmp_path, '[quiet]\nhours = "20:00-07:00"').quiet.hours == ((_interval(0, 7), _interval(20, 24)),) * 7


def test_people_are_known_by_all_their_addresses(tmp_path: Path) -> None:
    people = settings(
        tmp_path,
        people='[[team]]\nname = "Net"\nlevel = 2\nlead = "lena@example.com"\n[[team]]\nname = "First"\nnext = "Net"\n'
        '[[person]]\naddress = "Lena@Example.com"\naliases = ["l@example.com"]\nname = "Lena"\nrole = "lead"\nteam = "Net"\naway = true\n'
        '[[person]]\naddress = "tom@example.com"\nmanager = "l@example.com"\ndelegate = "lena@example.com"\naway = "2026-12-24"\n'
        '[[organisation]]\nname = "Example"\ndomains = ["Example.com"]',
    ).people
    lena, tom = people.people
    assert lena.addresses == ("lena@example.com", "l@example.com")
    assert (lena.role, lena.team, lena.away) == (Role.LEAD, "Net", "9999-12-31")
    assert (tom.role, tom.manager, tom.away) == (Role.REQUESTER, "l@example.com", "2026-12-24")
    assert [(team.name, team.level, team.lead, team.next) for team in people.teams] == [
        ("Net", 2, "lena@example.com", None),
        ("First", 1, None, "Net"),
    ]
    assert people.organisations[0].domains == ("example.com",)


def _interval(opens: float, closes: float) -> Interval:
    return Interval(timedelta(hours=opens), timedelta(hours=closes))
