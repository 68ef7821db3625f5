"""The rules as values: what holds where the operator said nothing."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from mailgate.desk.clock import Step
from mailgate.desk.model import Level, Priority
from mailgate.desk.plans import METRICS, ROUND_THE_CLOCK, Calendar, Sla
from mailgate.desk.policy import SYNONYMS, WORDS, Policy, PriorityMatrix, Security
from mailgate.desk.workflow import VERBS


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [
        (Level.HIGH, Level.HIGH, Priority.P1),
        (Level.HIGH, Level.MEDIUM, Priority.P2),
        (Level.MEDIUM, Level.HIGH, Priority.P2),
        (Level.MEDIUM, Level.MEDIUM, Priority.P3),
        (Level.LOW, Level.LOW, Priority.P4),
    ],
)
def test_priority_follows_from_impact_and_urgency(impact: Level, urgency: Level, priority: Priority) -> None:
    assert Policy().priority.of(impact, urgency) is priority


def test_the_built_in_matrix_has_an_answer_for_each_pair() -> None:
    assert len(PriorityMatrix().cells) == len(Level) ** 2


def test_a_cell_that_is_missing_has_the_default_priority() -> None:
    assert PriorityMatrix({}, Priority.P4).of(Level.HIGH, Level.HIGH) is Priority.P4


def test_nobody_is_closed_unwarned_by_default() -> None:
    ladder = Policy().autoclose
    assert max(ladder.remind) < ladder.warn < ladder.after
    assert max(Policy().pending.remind) < Policy().pending.resolve_after


def test_every_verb_of_the_workflow_can_be_spoken_about() -> None:
    assert {verb.word for verb in VERBS} <= WORDS


def test_each_synonym_is_one_lower_case_word_for_one_known_verb() -> None:
    words = [word for verbs in SYNONYMS.values() for verb_words in verbs.values() for word in verb_words]
    assert len(words) == len(set(words))
    assert all(word == word.lower() and word.isalpha() and word not in WORDS for word in words)
    assert {verb for verbs in SYNONYMS.values() for verb in verbs} <= WORDS


def test_a_synonym_leads_to_its_verb() -> None:
    assert Policy().verbs_by_word["annehmen"] == "accept"


def test_a_calendar_is_found_by_its_name_and_no_name_is_round_the_clock() -> None:
    office = Calendar("office", hours=((),) * 7)
    policy = Policy(calendars=(office,))
    assert policy.calendar("office") is office
    assert policy.calendar(None).hours == ROUND_THE_CLOCK


def test_an_sla_knows_its_target_for_each_metric() -> None:
    sla = Sla("x", targets=(("first_response", timedelta(minutes=15)), ("resolution", timedelta(hours=4))))
    assert [sla.target(metric.name) for metric in METRICS] == [timedelta(minutes=15), None, timedelta(hours=4)]


def test_steps_are_ordered_by_their_time() -> None:
    steps = [Step(100, timedelta(hours=2)), Step(100), Step(80)]
    assert sorted(steps) == [Step(80), Step(100), Step(100, timedelta(hours=2))]


def test_rules_can_be_handed_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Policy())) == Policy()
    assert copy.deepcopy(Security()) == Security()
