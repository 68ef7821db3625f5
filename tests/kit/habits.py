"""What do people do with what they find in their mailbox, how often, and in which words? Tables of weights and of texts, for `month`.

A third of them write German, technicians their commands as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What no letter to anybody outside may ever contain.
CANARY = "CANARY4711"
ABOUT = ("printer", "toner", "vpn", "wlan", "crm", "payroll", "password", "screen", "phone", "chair")
VENDOR = "support@vendor.example"

Weights = Sequence[tuple[int, str]]

# How a request comes.
ASKS: Weights = ((76, "asks"), (10, "asks unproven"), (5, "asks twice"), (5, "sends a copy"), (3, "asks personnel"), (1, "asks both desks"))
# Somebody writes in the name of another; the border finds out some of them.
FORGES: Weights = ((2, "forges badly"), (1, "forges"))
# What people outside do with a letter, by its name.
REACTIONS: Mapping[str, Weights] = {
    "acknowledgement": ((90, ""), (3, "adds"), (1, "mutes"), (2, "status"), (1, "copies"), (1, "cancels"), (2, "absent")),
    "reply": ((35, "answers"), (25, "thanks"), (30, ""), (3, "status"), (3, "cancels"), (3, "absent"), (1, "bounces")),
    "question": ((70, "answers"), (22, ""), (4, "absent"), (2, "thanks"), (2, "cancels")),
    "reminder": ((40, "answers"), (60, "")),
    "resolved": ((35, "accepts"), (10, "taps accept"), (15, "thanks"), (8, "rejects"), (3, "answers"), (4, "misspells"), (25, "")),
    "closing_soon": ((20, "accepts"), (8, "rejects"), (72, "")),
    "closed": ((90, ""), (5, "thanks"), (3, "answers"), (2, "asks for status")),
    "escalated": ((90, ""), (10, "answers")),
    "approval_request": ((40, "approves"), (15, "taps approve"), (15, "refuses"), (5, "wonders"), (20, ""), (5, "absent")),
    "approval_reminder": ((50, "approves"), (10, "refuses"), (40, "")),
    "decision": ((97, ""), (3, "disowns")),
}  # fmt: skip
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "adds": "It also makes a noise.", "mutes": "mute", "status": "status", "cancels": "cancel", "answers": "It is on the third floor.",
        "thanks": "Thanks a lot!", "accepts": "accept", "misspells": "I do not accept this, it still fails.",
        "copies": "cc add pal@acme.example", "asks for status": "#status", "rejects": "reject it fails again",
        "approves": "approve", "refuses": "reject too dear", "wonders": f"Who pays for that? {CANARY}",
    },
    "de": {
        "adds": "Es macht auch Lärm.", "mutes": "stumm", "status": "status", "cancels": "stornieren", "answers": "Im dritten Stock.",
        "thanks": "Vielen Dank!", "accepts": "annehmen", "misspells": "Ich kann das nicht annehmen, es geht noch nicht.",
        "copies": "kopie add pal@acme.example", "asks for status": "#status", "rejects": "ablehnen es geht schon wieder nicht",
        "approves": "genehmigt", "refuses": "ablehnen zu teuer", "wonders": f"Wer bezahlt das? {CANARY}",
    },
}  # fmt: skip
# What technicians do with a ticket.
ACTS: Weights = (
    (30, "answer"), (34, "resolve"), (12, "ask"), (4, "start"), (4, "set fields"), (4, "note"), (3, "escalate"), (2, "assign"),
    (2, "err"), (1, "misplace"), (1, "spam"), (2, "vendor"), (2, "close"), (1, "confidential"), (1, "copy in"), (1, "take"),
    (3, "merge"), (2, "parent"), (1, "no parent"), (2, "link"), (2, "split"), (2, "move"), (1, "macro which-device"),
    (1, "macro remote-help"), (2, "macro solved-by-restart"), (1, "go away"), (2, "test"), (2, "wait for parts"), (2, "work around"),
)  # fmt: skip
# What is over with a ticket then.
ENDS = frozenset({"resolve", "close", "spam", "merge", "work around", "macro solved-by-restart"})
# After these he has to wait for somebody.
WAITS = frozenset({"ask", "vendor", "answer", "wait for parts", "macro which-device", "macro remote-help"})
# {other} is another ticket, {desk} another desk, {until} a day; {remark} is said once in the world.
ORDERS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "answer": "We look into it, {remark}", "start": "#start", "take": "#take", "resolve": "#resolve It was the cable, {remark}",
        "ask": "#pending Which floor is it on, {remark}?", "note": "#note He calls every week. {canary}", "escalate": "#escalate",
        "set fields": "#priority P2\n#tag seen\n#impact high\n#time 30m\n#due in 2d", "err": "#resolv Done. {canary}", "spam": "#spam",
        "misplace": "It prints.\n#note Not for him. {canary}", "close": "#close", "confidential": "#confidential",
        "vendor": "#escalate {vendor} Which part is it?\n#note Ours is older. {canary}", "copy in": "#cc add boss@acme.example",
        "merge": "#merge {other}\n#note He wrote twice. {canary}", "parent": "#parent {other}\n#note One cause. {canary}",
        "no parent": "#parent off", "link": "#link {other}\n#note Much alike. {canary}", "split": "#split\n#note Two things. {canary}",
        "move": "#desk {desk}\n#note Not ours. {canary}", "go away": "#away until {until}\n#note To the sea. {canary}",
        "test": "#status testing\n#note By hand. {canary}", "wait for parts": "#parts from abroad {canary}",
        "work around": "#workaround Use the other one, {remark}", "macro which-device": "#macro which-device",
        "macro remote-help": "#macro remote-help\n#note He never answers. {canary}", "macro solved-by-restart": "#macro solved-by-restart",
        "assign": "#assign {colleague}", "undo": "#undo", "kb": "#kb", "send": "#send", "back": "#away off",
    },
    "de": {
        "answer": "Wir sehen es uns an, {remark}", "start": "#beginnen", "take": "#übernehmen",
        "resolve": "#gelöst Es war das Kabel, {remark}", "ask": "#rückfrage In welchem Stock, {remark}?",
        "note": "#notiz Er ruft jede Woche an. {canary}", "escalate": "#eskalieren",
        "set fields": "#priorität P2\n#schlagwort gesehen\n#auswirkung hoch\n#zeit 30m\n#fällig in 2d", "err": "#gelöts Fertig. {canary}",
        "spam": "#spam", "misplace": "Er druckt.\n#notiz Nicht für ihn. {canary}", "close": "#schließen", "confidential": "#vertraulich",
        "vendor": "#eskalieren {vendor} Welches Teil ist es?\n#notiz Unseres ist älter. {canary}",
        "copy in": "#kopie boss@acme.example", "merge": "#zusammenführen {other}\n#notiz Zweimal geschrieben. {canary}",
        "parent": "#ursprung {other}\n#notiz Eine Ursache. {canary}", "no parent": "#ursprung off",
        "link": "#verknüpfen {other}\n#notiz Sehr ähnlich. {canary}", "split": "#abtrennen\n#notiz Zwei Dinge. {canary}",
        "move": "#stelle {desk}\n#notiz Nicht unseres. {canary}", "go away": "#abwesend bis {until}\n#notiz Ans Meer. {canary}",
        "test": "#status testing\n#notiz Von Hand. {canary}", "wait for parts": "#parts aus dem Ausland {canary}",
        "work around": "#workaround Nehmen Sie den anderen, {remark}", "macro which-device": "#vorlage which-device",
        "macro remote-help": "#vorlage remote-help\n#notiz Er antwortet nie. {canary}",
        "macro solved-by-restart": "#baustein solved-by-restart", "assign": "#zuweisen {colleague}", "undo": "#rückgängig",
        "kb": "#wissen", "send": "#senden", "back": "#abwesend zurück",
    },
}  # fmt: skip
# What he does whose answer was held back because a colleague's came first, and what the owner does with a mail that is held.
HELD_BACK: Weights = ((50, "sends after all"), (15, "taps send"), (15, "writes anew"), (20, "lets it be"))
DECIDES: Weights = ((30, "release"), (40, "drop"), (15, "attach"), (5, "block"), (10, "leaves"))
