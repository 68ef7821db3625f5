"""How much of a collection of real mails is understood, where that collection is at hand. Without it these tests are skipped."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mailgate.mail.parse import parse
from mailgate.mail.parsed import Kind

ROOT = Path(os.environ.get("MAILGATE_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus")

pytestmark = pytest.mark.skipif(
    not (ROOT / "score.py").is_file(), reason="set MAILGATE_CORPUS to a folder with mails/, expected/ and score.py"
)


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_score", ROOT / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(raw: bytes) -> dict[str, Any]:
    mail = parse(raw)
    lists = ("from_", "reply_to", "to", "cc")
    boxes = {name: [{"name": box.name, "address": box.address} for box in getattr(mail, name)] for name in lists}
    shown = ("filename", "content_type", "size", "sha256", "inline", "content_id")
    bounce = mail.bounce
    return {
        **boxes,
        "from": boxes["from_"][0] if mail.from_ else None,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "text": mail.text,
        "html": mail.html,
        "reply_text": mail.reply_text,
        "attachments": [{name: getattr(one, name) for name in shown} for one in mail.attachments],
        "kind": str(mail.kind),
        "is_auto": mail.verdict.machine or mail.verdict.foreign_list,
        "is_bounce": mail.kind is Kind.BOUNCE,
        "bounce": {"recipient": bounce.recipient, "status": bounce.status, "action": bounce.action} if bounce else None,
    }


def test_nearly_all_facts_about_real_mails_are_found(score: ModuleType) -> None:
    good: dict[str, int] = {}
    facts: dict[str, int] = {}
    for corpus, rows in score.load_expected():
        for row in rows:
            path = ROOT / "mails" / corpus / row["file"]
            for _, right, _ in score.run_checks(record(path.read_bytes()), row["checks"]):
                facts[corpus] = facts.get(corpus, 0) + 1
                good[corpus] = good.get(corpus, 0) + bool(right)
    assert sum(good.values()) >= 0.97 * sum(facts.values())
    assert {corpus for corpus in facts if good[corpus] < 0.88 * facts[corpus]} == set()
