"""Who may grant what: R17, R18, R21, R24, R54, R66; L33. With `professional_consents` on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_server.consent.requester import Purpose, Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, breaking_the_glass, the_patient
from tests.support.replies import Reply, differ
from tests.support.world import World
from tests.support.world import world as world

Json = dict[str, Any]


@pytest.fixture(scope="module")
def open_world(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server whose installation lets professionals record consents."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, f"{module_database_name[:30]}_on")
        yield World(store, tmp_path_factory.mktemp("on"), professional_consents="on")
        mongo.drop_database(f"{module_database_name[:30]}_on")


def today(days: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


class Anna:
    """A patient at a consultation: a record with one report, named by INS."""

    def __init__(self, world: World, *attending: Requester, **rest: Any) -> None:
        self.world = world
        patient = make.a_patient(*attending, **rest)
        self.ins: Json = {"identifier": patient["identifier"][0]}
        self.id = world.has(patient)
        self.document = world.document(self.id)

    def says(self, *actors: Requester, **changes: Any) -> Json:
        """Return the Consent that the patient gives now, permitting `actors` to treat."""
        found = make.a_consent(
            self.id, "permit", *actors, purposes=("TREAT",), provision=changes.pop("provision", {})
        )
        found |= {
            "patient": self.ins,
            "performer": [self.ins],
            "dateTime": today(),
            "verification": [{"verified": True, "verifiedWith": self.ins}],
        }
        del found["id"]
        return {name: value for name, value in (found | changes).items() if value is not None}

    def shown(self, who: Requester) -> int:
        """Return how many documents of the record the caller finds."""
        return self.world.as_(who).get(f"DocumentReference?patient={self.id}").total


def places(reply: Reply) -> list[str]:
    return [place for issue in reply.json["issue"] for place in issue.get("expression", [])]


# R17, R21: at a consultation ------------------------------------------------------------------------


def test_a_professional_records_the_consent_of_the_patient_before_them(open_world: World) -> None:
    doctor, anna = a_doctor(), Anna(open_world)
    assert anna.shown(doctor) == 0
    made = open_world.as_(doctor).post("Consent", anna.says(doctor))
    assert made.status == 201, made.body
    assert anna.shown(doctor) == 1


def test_such_a_consent_names_its_author_in_the_record_s_log(open_world: World) -> None:
    """R71."""
    doctor, anna = a_doctor(), Anna(open_world)
    made = open_world.as_(doctor).post("Consent", anna.says(doctor))
    traces = open_world.traces(anna.id)
    said = [one for one in traces if f"Consent/{made.id}" in str(one["entity"])]
    assert [one["action"] for one in said] == ["C"]
    assert doctor.rpps in str(said[0]["agent"])


def test_it_ends_with_the_consultation_when_it_says_so(open_world: World) -> None:
    """R17: outside the care team, at each consultation."""
    doctor, anna = a_doctor(), Anna(open_world)
    until = {"period": {"start": today()[:10], "end": today()[:10]}}
    made = open_world.as_(doctor).post("Consent", anna.says(doctor, provision=until))
    assert made.status == 201, made.body
    assert anna.shown(doctor) == 1
    with open_world.later(days=2):
        assert anna.shown(doctor) == 0


def test_it_lasts_a_year_at_most(open_world: World) -> None:
    """R21."""
    doctor, anna = a_doctor(), Anna(open_world)
    long = {"period": {"end": today(400)}}
    refused = open_world.as_(doctor).post("Consent", anna.says(doctor, provision=long))
    assert (refused.status, places(refused)) == (403, ["Consent.provision.period"])
    assert open_world.as_(doctor).post("Consent", anna.says(doctor)).status == 201
    with open_world.later(days=364):
        assert anna.shown(doctor) == 1
    with open_world.later(days=367):
        assert anna.shown(doctor) == 0


def test_the_holder_withdraws_what_a_professional_recorded(open_world: World) -> None:
    doctor, anna = a_doctor(), Anna(open_world)
    made = open_world.as_(doctor).post("Consent", anna.says(doctor))
    assert anna.shown(doctor) == 1
    holder = open_world.as_(the_patient(anna.id))
    ended = holder.put(made.json | {"status": "inactive"})
    assert ended.status == 200, ended.body
    assert anna.shown(doctor) == 0


def test_an_establishment_is_authorised_by_one_who_works_there(open_world: World) -> None:
    hospital, anna = a_hospital(), Anna(open_world)
    doctor = a_doctor(organization=hospital.organization)
    made = open_world.as_(doctor).post("Consent", anna.says(hospital))
    assert made.status == 201, made.body
    assert anna.shown(doctor) == 1
    assert anna.shown(a_doctor(organization=hospital.organization)) == 1
    assert anna.shown(a_doctor()) == 0


def test_what_is_masked_stays_masked(open_world: World) -> None:
    """R43: masks beat every authorisation."""
    doctor, anna = a_doctor(), Anna(open_world)
    masked = open_world.document(anna.id, "MASQUE_PS")
    open_world.as_(doctor).post("Consent", anna.says(doctor))
    assert open_world.as_(doctor).get(f"DocumentReference/{masked}").status == 404


WRONG: list[tuple[Json, str]] = [
    ({"status": "draft"}, "Consent.status"),
    ({"performer": None}, "Consent.performer"),
    ({"performer": [{"display": "la patiente"}]}, "Consent.performer"),
    ({"dateTime": None}, "Consent.dateTime"),
    ({"dateTime": "2022-01-01"}, "Consent.dateTime"),
    ({"dateTime": "2099-01-01"}, "Consent.dateTime"),
    ({"verification": None}, "Consent.verification"),
    ({"verification": [{"verified": True}]}, "Consent.verification"),
    ({"scope": make.concept("research")}, "Consent.scope"),
    ({"provision": {"purpose": []}}, "Consent.provision.purpose"),
    ({"provision": {"purpose": None}}, "Consent.provision.purpose"),
    (
        {"provision": {"extension": [{"url": "urn:x", "valueBoolean": True}]}},
        "Consent.provision.extension",
    ),
    ({"provision": {"actor": None}}, "Consent.provision.actor"),
]


@pytest.mark.parametrize(("change", "place"), WRONG)
def test_what_is_not_given_by_the_patient_now_is_refused_with_the_reason(
    open_world: World, change: Json, place: str
) -> None:
    doctor, anna = a_doctor(), Anna(open_world)
    body = anna.says(doctor, **{k: v for k, v in change.items() if k != "provision"})
    for name, value in change.get("provision", {}).items():
        body["provision"].pop(name, None)
        if value:
            body["provision"][name] = value
    refused = open_world.as_(doctor).post("Consent", body)
    assert refused.status == 403
    assert place in places(refused)
    assert {issue["code"] for issue in refused.json["issue"]} == {"forbidden"}
    assert anna.shown(doctor) == 0
    assert open_world.trusted.get(f"Consent?patient={anna.id}").total == 0


def test_an_emergency_records_no_consent(open_world: World) -> None:
    anna = Anna(open_world)
    for who in (
        breaking_the_glass(anna.id),
        a_doctor(purpose=Purpose.REGULATION, patient=anna.id),
    ):
        assert open_world.as_(who).post("Consent", anna.says(who)).status == 403


def test_software_records_no_consent(open_world: World) -> None:
    """R22, R101: writers that don't read."""
    hospital, anna = a_hospital(), Anna(open_world)
    assert open_world.as_(hospital).post("Consent", anna.says(hospital)).status == 403


def test_a_professional_changes_no_consent_not_even_their_own(open_world: World) -> None:
    doctor, anna = a_doctor(), Anna(open_world)
    made = open_world.as_(doctor).post("Consent", anna.says(doctor))
    caller = open_world.as_(doctor)
    assert caller.put(made.json | {"dateTime": "2099-01-01"}).status == 403
    assert caller.delete(f"Consent/{made.id}").status == 403


def test_by_default_no_professional_records_a_consent(world: World) -> None:
    """The setting is `off` unless the installation says otherwise."""
    doctor, anna = a_doctor(), Anna(world)
    refused = world.as_(doctor).post("Consent", anna.says(doctor))
    assert refused.status == 403
    assert refused.issue["diagnostics"] == "this caller may not create Consent resources here"


# R24: blocked -----------------------------------------------------------------------------------------


def test_a_block_beats_what_the_blocked_record_and_they_are_told_nothing(
    open_world: World,
) -> None:
    """R24, L33: blocked or not, the answer is the same."""
    doctor = a_doctor()
    free, blocking = Anna(open_world), Anna(open_world)
    open_world.consent(blocking.id, "deny", doctor)
    caller = open_world.as_(doctor)
    replies = [caller.post("Consent", anna.says(doctor)) for anna in (blocking, free)]
    assert [reply.status for reply in replies] == [201, 201]
    numbers = [anna.ins["identifier"]["value"] for anna in (blocking, free)]
    assert len(replies[0].body) == len(replies[1].body)
    assert replies[0].json["patient"]["identifier"]["value"] == numbers[0]
    assert (blocking.shown(doctor), free.shown(doctor)) == (0, 1)


def test_a_block_that_is_lifted_leaves_nothing_of_what_was_recorded_under_it(
    open_world: World,
) -> None:
    """R24."""
    doctor, anna = a_doctor(), Anna(open_world)
    block = open_world.consent(anna.id, "deny", doctor)
    assert open_world.as_(doctor).post("Consent", anna.says(doctor)).status == 201
    open_world.lacks(f"Consent/{block}")
    assert anna.shown(doctor) == 0
    assert open_world.as_(doctor).post("Consent", anna.says(doctor)).status == 201
    assert anna.shown(doctor) == 1


def test_who_hid_everything_from_everybody_is_not_opened(open_world: World) -> None:
    """R26."""
    doctor, anna = a_doctor(), Anna(open_world)
    open_world.consent(anna.id, "deny")
    assert open_world.as_(doctor).post("Consent", anna.says(doctor)).status == 201
    assert anna.shown(doctor) == 0


def test_a_closed_record_and_none_are_told_by_their_ins_as_its_status_is(
    open_world: World,
) -> None:
    """Conventions 4: what `$record-status` tells anyway, and no more."""
    doctor, closed = a_doctor(), Anna(open_world, active=False)
    caller = open_world.as_(doctor)
    refused = caller.post("Consent", closed.says(doctor))
    assert (refused.status, refused.issue["code"]) == (422, "business-rule")
    closed.ins["identifier"] = {"system": make.INS, "value": make.an_ins()}
    none = caller.post("Consent", closed.says(doctor))
    assert (none.status, none.issue["expression"]) == (422, ["Consent.patient"])


def test_a_record_named_by_id_is_refused_alike_hidden_and_absent(open_world: World) -> None:
    """Conventions 9: a stranger who has only an id has no patient before them."""
    doctor, anna = a_doctor(), Anna(open_world)
    ids = [anna.id, make.new_id()]
    replies = []
    for id_ in ids:
        here = make.reference(f"Patient/{id_}")
        verified = [{"verified": True, "verifiedWith": here}]
        body = anna.says(doctor, patient=here, performer=[here], verification=verified)
        replies.append(open_world.as_(doctor).post("Consent", body))
    assert (replies[0].status, places(replies[0])) == (403, ["Consent.patient"])
    assert differ(replies, *ids) == ""


# R18, R66: who is authorised ----------------------------------------------------------------------------


def test_who_is_authorised_entrusts_a_part_of_the_care_to_another(open_world: World) -> None:
    """R18."""
    doctor, colleague, anna = a_doctor(), a_doctor(), Anna(open_world)
    open_world.team(anna.id, doctor)
    made = open_world.as_(doctor).post("Consent", anna.says(colleague))
    assert made.status == 201, made.body
    assert anna.shown(colleague) == 1


def test_who_is_not_authorised_entrusts_nothing(open_world: World) -> None:
    """R18, L33: the record may be open to the other already, or unknown: the answer is the same."""
    doctor, colleague, anna = a_doctor(), a_doctor(), Anna(open_world)
    refused = open_world.as_(doctor).post("Consent", anna.says(colleague))
    assert (refused.status, places(refused)) == (403, ["Consent.provision.actor"])
    open_world.consent(anna.id, "deny", doctor)
    open_world.team(anna.id, doctor)
    blocked = open_world.as_(doctor).post("Consent", anna.says(colleague))
    assert blocked.body == refused.body
    assert anna.shown(colleague) == 0


def test_who_is_authorised_for_a_part_entrusts_nothing(open_world: World) -> None:
    """R18: nobody gives more than they have."""
    doctor, colleague, anna = a_doctor(), a_doctor(), Anna(open_world)
    part = {"code": [make.concept(make.BIOLOGY)]}
    open_world.consent(anna.id, "permit", doctor, provision=part, dateTime=today())
    assert anna.shown(doctor) == 1
    refused = open_world.as_(doctor).post("Consent", anna.says(colleague))
    assert (refused.status, places(refused)) == (403, ["Consent.provision.actor"])


def test_another_who_is_blocked_stays_out_and_who_entrusts_is_told_nothing(
    open_world: World,
) -> None:
    """R24."""
    doctor, colleague, anna = a_doctor(), a_doctor(), Anna(open_world)
    open_world.team(anna.id, doctor)
    block = open_world.consent(anna.id, "deny", colleague)
    assert open_world.as_(doctor).post("Consent", anna.says(colleague)).status == 201
    assert anna.shown(colleague) == 0
    open_world.lacks(f"Consent/{block}")
    assert anna.shown(colleague) == 0


def opposing(anna: Anna, code: str) -> Json:
    body = anna.says()
    body["provision"] = {
        "type": "deny",
        "purpose": make.a_consent("x", "deny", purposes=(code,))["provision"]["purpose"],
    }
    return body


@pytest.mark.parametrize("code", ["BTG", "ETREAT"])
def test_who_is_authorised_records_an_opposition_to_emergency_access(
    open_world: World, code: str
) -> None:
    """R65, R66."""
    doctor, anna = a_doctor(), Anna(open_world)
    rescuer = (
        breaking_the_glass(anna.id)
        if code == "BTG"
        else a_doctor(purpose=Purpose.REGULATION, patient=anna.id)
    )
    assert anna.shown(rescuer) == 1
    stranger = open_world.as_(doctor).post("Consent", opposing(anna, code))
    assert (stranger.status, places(stranger)) == (403, ["Consent.provision"])
    open_world.team(anna.id, doctor)
    made = open_world.as_(doctor).post("Consent", opposing(anna, code))
    assert made.status == 201, made.body
    assert anna.shown(rescuer) == 0


def test_only_the_holder_and_the_attending_doctor_block(open_world: World) -> None:
    """R24: directly, or via the attending doctor."""
    attending, doctor, other = a_doctor(), a_doctor(), a_doctor()
    anna = Anna(open_world, attending)
    open_world.team(anna.id, doctor, other)
    block = make.a_consent(anna.id, "deny", other)
    assert open_world.as_(doctor).post("Consent", block).status == 403
    given = anna.says(other) | {"provision": block["provision"]}
    refused = open_world.as_(doctor).post("Consent", given)
    assert (refused.status, places(refused)) == (403, ["Consent.provision"])
    assert anna.shown(other) == 1
    assert open_world.as_(attending).post("Consent", block).status == 201
    assert anna.shown(other) == 0
