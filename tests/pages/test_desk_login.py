"""Who comes in to the desk's pages, how, and for how long? By a mailed link, once; and nobody learns who works there by asking."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mailgate.channels.web_wire import Settings
from mailgate.config.packaged import packaged
from mailgate.desk.model import Address, Directory, Person, Role, Team
from mailgate.desk.policy import Desk
from mailgate.flow import entry
from mailgate.flow.reception import Reception, Visit
from mailgate.mail.letters import Templates
from mailgate.mail.parse import parse
from mailgate.store import facts
from tests.kit.frontdoor import Frontdoor
from tests.kit.office import MAX, OLGA, PEOPLE, TINA, TOM, Office
from tests.kit.statements import watched
from tests.kit.together import at_once
from tests.pages.conftest import ONLINE
from tests.pages.desk import asks, comes_in, logins, mailed

ALF = Person(Address("alf@desk.example"), "Alf Approver", Role.APPROVER)
PAGES = ("/desk", "/desk/mine", "/desk/figures", "/desk/held", "/desk/ticket/1", "/desk/ticket/999")


def everybody_but(gone: Person, *instead: Person) -> Directory:
    return replace(PEOPLE, people=(*(one for one in PEOPLE.people if one is not gone), *instead))


def test_a_technician_asks_for_a_link_and_signs_in_by_it(office: Office, door: Frontdoor) -> None:
    visitor = door.visitor()
    assert "We mail you a link to sign in" in visitor.opens("/desk").text
    assert "a link is on its way" in asks(visitor, TINA.address).text
    letter = office.last("login", TINA.address)
    assert letter.subject == "Service Desk: your link to sign in"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert re.search(r"<https://desk\.example/desk/login/[\w-]{43}>", letter.text)
    assert "Sign in" in letter.html
    path = mailed(office, TINA.address)
    page = visitor.opens(path)
    assert "This link was mailed to Tina Turner" in page.text
    entered = visitor.presses(path)
    cookie = entered.response.headers["set-cookie"]
    assert re.fullmatch(r"desk=[\w-]{43}; Max-Age=43200; HttpOnly; SameSite=Strict; Path=/", cookie)
    assert "What is open" in visitor.opens("/desk").text


def test_a_german_manager_signs_in_in_german(open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]) -> None:
    office = open_office(desk=ONLINE, people=everybody_but(MAX, replace(MAX, language="de")))
    visitor = comes_in(frontdoor(office), MAX.address)
    letter = office.last("login", MAX.address)
    assert letter["Content-Language"] == "de"
    assert "mit diesem Link melden Sie sich" in letter.text
    page = visitor.opens("/desk")
    assert '<html lang="de">' in page.html
    assert "Was offen ist" in page.text


def test_the_door_speaks_the_language_that_the_browser_asks_for(door: Frontdoor) -> None:
    assert "Wir mailen Ihnen einen Link" in door.visitor().opens("/desk", **{"Accept-Language": "de-AT,de;q=0.9"}).text


# ----------------------------------------------------------------------------------------------------- who works here?


def test_case_53_whoever_asks_hears_the_same_and_only_who_works_here_gets_a_letter(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    tina = replace(TINA, aliases=(Address("tt@private.example"),))
    office = open_office(desk=ONLINE, people=everybody_but(TINA, tina, ALF))
    door = frontdoor(office)
    told = set()
    for address in (
        "nobody@out.example", "ann@out.example", ALF.address, "", "tina@desk.example.evil.example",
        "tina@desk.example\r\nBcc: eve@evil.example", "x" * 5000, "desk@desk.example", "Tina <tina@desk.example>",
    ):  # fmt: skip
        page = asks(door.visitor(), address)
        told.add((page.status, re.sub(r'value="[^"]*"', "", page.html)) if "\n" not in address else (200, ""))
    assert logins(office) == []
    page = asks(door.visitor(), " Tina@Desk.Example ")
    told.add((page.status, re.sub(r'value="[^"]*"', "", page.html)))
    # Also by an address that he has elsewhere: the letter goes where he is registered.
    page = asks(door.visitor(), "TT@private.example")
    told.add((page.status, re.sub(r'value="[^"]*"', "", page.html)))
    assert len(told - {(200, "")}) == 1
    assert logins(office) == [TINA.address, TINA.address]


def test_case_53_the_work_is_the_same_whoever_asks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    reception = Reception(office.store, office.house, lambda: office.now, parse)
    entry.ask(reception, "warm@out.example")
    ran = watched(office.store, monkeypatch)
    done = []
    for address in (TINA.address, "nobody@out.example", "x", MAX.address):
        ran.clear()
        entry.ask(reception, address)
        done.append([re.sub(r"savepoint \S+", "savepoint", sql.lower()) for sql, _ in ran])
    known, stranger, nonsense, other = (
        [sql for sql in one if not sql.startswith(("release", "rollback to")) and "savepoint" not in sql] for one in done
    )
    # A stranger's letter is rendered and written as well, and taken back: only the budget of strangers is asked beside.
    assert [sql for sql in stranger if sql in known] == known == other
    assert nonsense == stranger
    assert len(stranger) - len(known) <= 3
    assert logins(office) == [TINA.address, MAX.address]


def test_case_53_no_letter_is_the_first_of_its_language(open_office: Callable[..., Office]) -> None:
    office = open_office(desk=ONLINE, people=everybody_but(MAX, replace(MAX, language="de")))
    house = replace(office.house, templates=Templates([packaged("templates")]))
    reception = Reception(office.store, house, lambda: office.now, parse)
    entry.ask(reception, "nobody@out.example")
    ready = set(house.templates._all._compiled)
    assert {source for source, _, _ in ready} == {"login.j2", "de/login.j2"}
    for address in (MAX.address, TINA.address):
        entry.ask(reception, address)
    assert logins(office) == [MAX.address, TINA.address]
    assert set(house.templates._all._compiled) == ready


def test_case_53_the_time_tells_nothing(office: Office, door: Frontdoor) -> None:
    visitor = door.visitor()
    hidden = visitor.opens("/desk").hidden
    took: dict[str, list[float]] = {"known": [], "stranger": []}
    for number in range(30):
        # Of those who work here as well as of others: after some letters there is none more, and the work is the same.
        for who, address in (("known", TINA.address), ("stranger", f"n{number}@out.example")):
            began = time.perf_counter()
            visitor.sends("/desk", hidden, address=address)
            took[who].append(time.perf_counter() - began)
    known, stranger = (statistics.median(one) for one in took.values())
    assert abs(known - stranger) < 0.25 * max(known, stranger)


def test_after_some_letters_nobody_is_written_to_for_a_while(office: Office, door: Frontdoor) -> None:
    for _ in range(entry.EACH + 3):
        assert "a link is on its way" in asks(door.visitor(), TINA.address).text
    assert logins(office) == [TINA.address] * entry.EACH
    # Others are, and she is again later.
    asks(door.visitor(), TOM.address)
    office.later(minutes=16)
    asks(door.visitor(), TINA.address)
    assert logins(office)[entry.EACH :] == [TOM.address, TINA.address]


def test_there_is_an_end_to_the_letters_of_all_together(office: Office, door: Frontdoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "ALL", 2)
    for address in (TINA.address, TOM.address, OLGA.address):
        asks(door.visitor(), address)
    # Whoever asks in vain takes nobody's turn.
    assert logins(office) == [TINA.address, TOM.address]
    office.later(minutes=16)
    asks(door.visitor(), OLGA.address)
    assert logins(office)[2:] == [OLGA.address]


def test_strangers_leave_nothing_behind(office: Office, door: Frontdoor) -> None:
    for number in range(20):
        asks(door.visitor(), f"n{number}@out.example")
    with office.store.look() as tx:
        counts = [tx.exec_driver_sql(f"select count(*) from {table}").scalar_one() for table in ("secret_links", "outbox", "events")]
        assert facts.get(tx, facts.ASKED) is not None
    assert counts == [0, 0, 0]


def test_without_an_address_of_the_pages_nobody_can_sign_in_and_the_door_says_why(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    office = open_office()
    visitor = frontdoor(office).visitor()
    page = visitor.opens("/desk")
    assert "public_url" in page.text
    assert "<form" not in page.html
    asks(visitor, TINA.address)
    assert logins(office) == []


# --------------------------------------------------------------------------------------------------------- the link


def test_a_scanner_uses_no_link_up(office: Office, door: Frontdoor) -> None:
    asks(door.visitor(), TINA.address)
    path = mailed(office, TINA.address)
    scanner = door.visitor()
    for _ in range(20):
        assert scanner.opens(path).status == 200
        assert scanner.client.head(path).status_code == 200
        assert scanner.client.options(path).status_code == 405
    # Nor does who sends a form without our field, or with that of another page.
    assert scanner.client.post(path, data={"any": "thing"}).status_code == 403
    assert scanner.client.post(path, data=scanner.opens("/desk").hidden).status_code == 403
    assert door.visitor().presses(path).status == 303


def test_a_link_lets_in_once(office: Office, door: Frontdoor) -> None:
    asks(door.visitor(), TINA.address)
    path = mailed(office, TINA.address)
    first, second = door.visitor(), door.visitor()
    forms = [visitor.opens(path).hidden for visitor in (first, second)]
    assert first.sends(path, forms[0]).status == 303
    missing = second.sends(path, forms[1])
    assert missing.status == 404
    assert second.opens(path).html == door.visitor().opens("/desk/login/" + "x" * 43).html
    assert "set-cookie" not in missing.response.headers


def test_of_all_who_press_at_once_one_comes_in(store_url: str, open_office: Callable[..., Office]) -> None:
    office = open_office(desk=ONLINE, url=store_url)
    reception = Reception(office.store, office.house, lambda: office.now, parse)
    entry.ask(reception, TINA.address)
    word = mailed(office, TINA.address).rpartition("/")[2]
    entered = at_once(lambda: entry.enter(reception, Visit("/"), word), 8)
    assert sum(one is not None for one in entered) == 1
    with office.store.look() as tx:
        assert tx.exec_driver_sql("select count(*) from secret_links where purpose = 'session'").scalar_one() == 1


def test_a_link_is_over_after_a_quarter_of_an_hour(office: Office, door: Frontdoor) -> None:
    visitor = door.visitor()
    asks(visitor, TINA.address)
    path = mailed(office, TINA.address)
    form = visitor.opens(path).hidden
    office.later(minutes=15)
    assert visitor.opens(path).status == 404
    assert visitor.sends(path, form).status == 404


def test_only_the_hash_of_a_link_and_of_a_session_is_kept(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    secrets = (mailed(office, TINA.address).rpartition("/")[2], visitor.client.cookies["desk"])
    with office.store.look() as tx:
        rows = tx.exec_driver_sql("select * from secret_links").all()
    assert sorted(row.purpose for row in rows) == ["login", "session"]
    assert not any(secret in str(row) for secret in secrets for row in rows)


def test_a_link_lets_nobody_in_who_does_not_work_here_any_more(office: Office, door: Frontdoor) -> None:
    visitor = door.visitor()
    asks(visitor, TINA.address)
    path = mailed(office, TINA.address)
    form = visitor.opens(path).hidden
    office.change(people=everybody_but(TINA))
    assert visitor.sends(path, form).status == 404


# ------------------------------------------------------------------------------------------------------ the session


def test_without_a_session_every_page_is_the_door_whatever_there_is_behind_it(office: Office, door: Frontdoor) -> None:
    pages = {re.sub(r'value="[^"]*"', "", door.visitor().opens(path).html) for path in PAGES}
    assert len(pages) == 1
    assert "We mail you a link" in pages.pop()


def test_a_session_ends_after_twelve_hours(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    office.later(hours=11, minutes=59)
    assert "What is open" in visitor.opens("/desk").text
    office.later(minutes=1)
    assert "We mail you a link" in visitor.opens("/desk").text


def test_whoever_signs_out_is_out_also_for_who_kept_the_cookie(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    cookie = visitor.client.cookies["desk"]
    left = visitor.presses("/desk/figures", do="leave")
    assert left.status == 303
    assert "Max-Age=0" in left.response.headers["set-cookie"]
    thief = door.visitor()
    thief.client.cookies.set("desk", cookie)
    assert "We mail you a link" in thief.opens("/desk").text


@pytest.mark.parametrize("now", [None, Role.REQUESTER, Role.APPROVER])
def test_a_session_is_worth_nothing_once_the_role_has_ended(office: Office, door: Frontdoor, now: Role | None) -> None:
    visitor = comes_in(door, TINA.address)
    office.change(people=everybody_but(TINA, *([replace(TINA, role=now)] if now else [])))
    with Frontdoor(office) as other:
        visitor.client.base_url = other.url
        for path in PAGES:
            assert "We mail you a link" in visitor.opens(path).text


def test_what_somebody_may_see_follows_his_role_of_now(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    assert visitor.opens("/desk/held").status == 404
    office.change(people=everybody_but(TINA, replace(TINA, role=Role.OWNER)))
    with Frontdoor(office) as other:
        visitor.client.base_url = other.url
        assert visitor.opens("/desk/held").status == 200


def test_made_up_cookies_open_nothing(office: Office, door: Frontdoor) -> None:
    asks(door.visitor(), TINA.address)
    word = mailed(office, TINA.address).rpartition("/")[2]
    # The secret of a link is none of a session.
    for value in ("", "x", word, "0" * 43):
        visitor = door.visitor()
        visitor.client.cookies.set("desk", value)
        assert "We mail you a link" in visitor.opens("/desk").text


@pytest.mark.parametrize(
    ("url", "name", "path"), [("https://desk.example", "__Host-desk", "/"), ("https://desk.example/help", "desk", "/help/")]
)
def test_over_https_the_cookie_is_of_this_host_and_this_path_alone(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor], url: str, name: str, path: str
) -> None:
    office = open_office(desk=replace(ONLINE, public_url=url))
    door = frontdoor(office, Settings(port=0, trusted_proxies=("127.0.0.1",), names=frozenset({"desk.example"})))
    visitor = door.visitor()
    visitor.client.headers.update({"X-Forwarded-Proto": "https", "Host": "desk.example"})

    def sends(path: str, **fields: str) -> str:
        """As a browser does that keeps cookies which only https may have."""
        page = visitor.client.get(path)
        cookie = page.headers["set-cookie"].partition(";")[0]
        field = re.search(r'name="proof" value="(\w+)"', page.text)
        assert field
        answer = visitor.client.post(path, data={"proof": field[1], **fields}, headers={"Cookie": cookie})
        return str(answer.headers.get("set-cookie", ""))

    sends("/desk", address=TINA.address)
    # A proxy takes the path away under which it knows us.
    cookie = sends(mailed(office, TINA.address).removeprefix("/help"))
    assert re.fullmatch(rf"{name}=[\w-]{{43}}; Max-Age=43200; HttpOnly; SameSite=Strict; Path={path}; Secure", cookie)


# ---------------------------------------------------------------------------------------------------------- attacks


def test_case_46_nobody_is_sent_elsewhere(office: Office, door: Frontdoor) -> None:
    visitor = door.visitor()
    asks(visitor, TINA.address)
    path = mailed(office, TINA.address)
    form = visitor.opens(path).hidden
    evil = "?next=https://evil.example&return=//evil.example&url=https:evil.example"
    entered = visitor.client.post(path + evil, data={**form, "next": "https://evil.example"})
    assert entered.headers["location"] == "../../desk"
    for page in ("/desk", "/desk/figures", "/desk/mine"):
        seen = visitor.opens(page + evil)
        assert seen.status == 200
        assert "evil" not in seen.html


def test_case_47_a_form_of_another_site_signs_nobody_in_or_out(office: Office, door: Frontdoor) -> None:
    visitor = comes_in(door, TINA.address)
    assert visitor.client.post("/desk", data={"do": "leave"}).status_code == 403
    assert visitor.client.post("/desk", data={"do": "leave", "proof": "0" * 64}).status_code == 403
    page = visitor.opens("/desk")
    assert "What is open" in page.text
    headers = page.response.headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "form-action 'self'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("path", PAGES)
def test_case_54_a_foreign_host_name_gets_nothing(office: Office, door: Frontdoor, path: str) -> None:
    visitor = comes_in(door, TINA.address)
    assert visitor.client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_secret_stands_in_no_log(office: Office, door: Frontdoor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    visitor = comes_in(door, TINA.address)
    visitor.opens("/desk")
    # What the visitor's own program logs is not ours.
    ours = " ".join(one.getMessage() for one in caplog.records if not one.name.startswith(("http", "asyncio")))
    for secret in (mailed(office, TINA.address).rpartition("/")[2], visitor.client.cookies["desk"]):
        assert secret not in ours
    assert "login_sent" in ours


def test_case_47_a_neighbour_who_plants_a_cookie_signs_nobody_out(office: Office, door: Frontdoor) -> None:
    """A site below the same domain can set cookies for us, and send forms with them; the form that it was shown was that of the door."""
    tina, neighbour = comes_in(door, "tina@desk.example"), door.visitor()
    for path in ("/desk", "/desk/mine"):
        shown = neighbour.opens(path).hidden
        for cookie in neighbour.client.cookies.jar:
            tina.client.cookies.set(cookie.name, cookie.value or "", domain=cookie.domain, path=cookie.path)
        assert tina.sends(path, shown, do="leave").status == 403
        assert "Tina Turner" in tina.opens(path).text


def test_desks_below_one_host_let_their_people_in_below_every_path(
    open_office: Callable[..., Office], frontdoor: Callable[..., Frontdoor]
) -> None:
    """Each desk is known below a path of its own; which of them a visitor came by, the proxy has taken away."""
    hr = Desk("HR", Address("hr@desk.example"), tag="HR", teams=("people",), public_url="https://desk.example/hr")
    hanna = Person(Address("hanna@desk.example"), "Hanna", Role.TECHNICIAN, team="people")
    office = open_office(
        desk=replace(ONLINE, public_url="https://desk.example/it"), further=(hr,),
        people=Directory((TINA, hanna), (Team("first"), Team("people"))),
    )  # fmt: skip
    visitor = frontdoor(office, Settings(port=0, names=frozenset({"desk.example"}))).visitor()
    visitor.client.headers["Host"] = "desk.example"
    asks(visitor, "hanna@desk.example")
    entered = visitor.presses(mailed(office, "hanna@desk.example").removeprefix("/hr"))
    assert "Path=/" in entered.response.headers["set-cookie"].split("; ")
