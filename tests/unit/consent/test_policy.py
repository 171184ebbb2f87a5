"""A record's policy as JSON, and back."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.consent.policy import Period, as_json, from_json
from tests.oracle.records import a_record as record
from tests.oracle.worlds import a_record


@given(st.integers(0, 2**32))
def test_a_policy_comes_back_from_json_as_it_was(seed: int) -> None:
    policy = a_record(Random(seed), "anna")
    body = json.loads(json.dumps(as_json(policy)))
    assert from_json("anna", policy.version, body) == policy


def test_the_patient_and_the_version_stand_beside_the_policy() -> None:
    assert from_json("bruno", "7", as_json(record())) == record(patient="bruno", version="7")


@pytest.mark.parametrize("body", [{}, {"closed": False}, {"closed": False, "links": [["a"]]}])
def test_a_policy_that_can_not_be_read_is_an_error(body: dict[str, object]) -> None:
    """Fail closed: no policy is better than half of one."""
    with pytest.raises((KeyError, ValueError)):
        from_json("anna", "1", body)


def test_a_policy_from_before_majority_was_looked_at_is_that_of_an_adult() -> None:
    """R57, fail closed: it represents nobody under a rule set that asks, until compiled anew."""
    body = as_json(record())
    del body["of_age"]
    assert from_json("anna", "1", body).of_age < -(2**61)


def test_a_period_includes_its_start_and_not_its_end() -> None:
    assert [Period(1, 3).covers(at) for at in range(5)] == [False, True, True, False, False]
    assert Period().covers(0)
