"""What `$meta` and `$validate` do, in every form they are asked in; and parts of resources."""

from __future__ import annotations

import pytest

from tests.contract.operating import BASE_PROFILE, TAG, Json, both, meta_of
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    a_podiatrist,
    an_administrator,
    the_patient,
)
from tests.support.replies import Reply
from tests.support.world import World

# $meta -------------------------------------------------------------------------------------------


def test_meta_of_a_version_is_that_of_the_version(world: World) -> None:
    body = make.a_patient(meta={"tag": [TAG]})
    path = f"Patient/{world.has(body)}"
    world.has(body | {"meta": {"tag": [{"code": "other"}]}})
    assert meta_of(both(world.trusted, f"{path}/$meta"))["tag"] == [{"code": "other"}]
    assert meta_of(both(world.trusted, f"{path}/_history/1/$meta"))["tag"] == [TAG]
    assert world.trusted.get(f"{path}/_history/9/$meta").status == 404


def test_a_version_is_not_relabelled(world: World) -> None:
    path = f"Patient/{world.patient()}/_history/1"
    for name in ("$meta-add", "$meta-delete"):
        reply = world.trusted.post(f"{path}/{name}", make.parameters(meta={"valueMeta": {}}))
        assert (reply.status, reply.issue["code"]) == (404, "not-supported")
    assert world.trusted.get(f"{path}").headers["etag"] == 'W/"1"'


def test_meta_of_a_type_and_of_everything_are_the_labels_in_use_each_once(world: World) -> None:
    profile, code = f"urn:profile:{make.new_hex()}", make.new_hex()
    labels = {"tag": [{"code": code}], "profile": [profile]}
    doctor = a_doctor()
    anna = world.patient(doctor)
    for _ in range(2):
        world.has(make.an_observation(anna, meta=labels))
    for caller in (world.trusted, world.as_(doctor)):
        of_type = meta_of(both(caller, "Observation/$meta"))
        of_all = meta_of(both(caller, "$meta"))
        for found in (of_type, of_all):
            assert found["profile"].count(profile) == 1
            assert found["tag"].count({"code": code}) == 1
        assert code not in str(meta_of(caller.get("Patient/$meta")))


def test_labels_in_use_are_those_of_what_the_caller_may_know(world: World) -> None:
    """L68, L69: a label of what is hidden, or of another record, is not told."""
    podiatrist = a_podiatrist()
    anna, other = world.patient(), world.patient()
    world.team(anna, podiatrist)
    shown, hidden, foreign = (make.new_hex() for _ in range(3))
    world.has(make.an_observation(anna, meta={"tag": [{"code": shown}]}, laboratory=True))
    world.has(make.a_document(anna).typed("34112-3").json() | {"meta": {"tag": [{"code": hidden}]}})
    world.has(make.an_observation(other, meta={"tag": [{"code": foreign}]}))
    told = str(meta_of(world.as_(podiatrist).get("$meta")))
    everything = str(meta_of(world.trusted.get("$meta")))
    assert all(code in everything for code in (shown, hidden, foreign))
    assert not any(code in told for code in (hidden, foreign))
    assert shown in str(meta_of(world.as_(the_patient(anna)).get("$meta")))


def test_the_labels_in_use_are_asked_for_in_the_log(world: World) -> None:
    reply = world.trusted.get("Patient/$meta", X_Request_Id="labels-in-use")
    assert reply.status == 200
    assert len(world.traces(request_id="labels-in-use")) == 1


def test_labels_are_added_and_removed_as_sets(world: World) -> None:
    path = f"Patient/{world.patient()}"
    twice = {"tag": [TAG, TAG | {"display": "again"}], "profile": ["urn:p", "urn:p"]}
    added = world.trusted.post(f"{path}/$meta-add", make.parameters(meta={"valueMeta": twice}))
    assert (meta_of(added)["tag"], meta_of(added)["profile"]) == ([TAG], ["urn:p"])
    absent = {"tag": [{"code": "never"}]}
    left = world.trusted.post(f"{path}/$meta-delete", make.parameters(meta={"valueMeta": absent}))
    assert meta_of(left)["tag"] == [TAG]


@pytest.mark.parametrize(
    "wrong", [{"tag": "x"}, {"tag": [1]}, {"nothing": 1, "tag": [{"code": 1}]}]
)
def test_a_meta_that_is_none_is_refused(world: World, wrong: Json) -> None:
    path = f"Patient/{world.patient()}/$meta-add"
    reply = world.trusted.post(path, make.parameters(meta={"valueMeta": wrong}))
    assert (reply.status in (400, 422), reply.json["resourceType"]) == (True, "OperationOutcome")
    assert world.trusted.get(path.partition("/$")[0]).headers["etag"] == 'W/"1"'


# $validate ---------------------------------------------------------------------------------------


def errors(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [one["code"] for one in reply.json["issue"] if one["severity"] in ("error", "fatal")]


def test_a_resource_comes_alone_or_in_a_parameters_with_the_rest_beside_it(world: World) -> None:
    body = {"resourceType": "Patient", "gender": "tree"}
    inside = make.parameters(resource={"resource": body}, mode={"valueCode": "create"})
    path = "Patient/$validate"
    for reply in (
        world.trusted.post(path, body),
        world.trusted.post(f"{path}?mode=create", body),
        world.trusted.post(path, inside),
        world.trusted.post(f"{path}?profile={BASE_PROFILE}Patient", body),
    ):
        assert errors(reply) == ["value"] or errors(reply) == ["code-invalid"], reply.body


def test_a_mode_of_one_resource_is_not_asked_of_a_type(world: World) -> None:
    for mode in ("update", "delete", "profile"):
        reply = world.trusted.post(f"Patient/$validate?mode={mode}", {"resourceType": "Patient"})
        assert (reply.status, f"`{mode}`" in reply.issue["diagnostics"]) == (400, True)


def test_what_is_stored_is_judged_by_a_profile_of_r4_and_by_no_other(world: World) -> None:
    """R4: a profile that can't be judged by shall be an error."""
    path = f"Patient/{world.patient()}/$validate"
    known = both(world.trusted, path, mode="profile", profile=f"{BASE_PROFILE}Patient")
    assert errors(known) == []
    for profile in ("urn:other", f"{BASE_PROFILE}Observation"):
        reply = both(world.trusted, path, mode="profile", profile=profile)
        assert (reply.status, reply.issue["code"]) == (422, "not-supported")


def test_a_rehearsed_creation_is_told_what_the_record_would_say(world: World) -> None:
    doctor, closed = a_doctor(), world.patient(active=False)
    anna = world.patient()
    world.team(anna, doctor)
    path = "DocumentReference/$validate?mode=create"
    body = make.a_document(anna).json()
    assert errors(world.as_(doctor).post(path, body)) == []
    both_labels = make.a_document(anna).labelled("MASQUE_PS", "INVISIBLE_PATIENT").json()
    assert errors(world.as_(doctor).post(path, both_labels)) == ["business-rule"]
    assert errors(world.as_(an_administrator()).post(path, body)) == ["forbidden"]
    nobody = body | {"subject": {"reference": f"Patient?identifier={make.INS}|000"}}
    assert errors(world.as_(doctor).post(path, nobody)) == ["business-rule"]
    assert closed not in str(world.trusted.get(f"DocumentReference?patient={closed}").ids)


def test_a_rehearsal_leaves_nothing_but_its_trace(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    mine = world.as_(doctor).post("DocumentReference", make.a_document(anna).json())
    before = world.counts(), world.trusted.get(f"DocumentReference/{mine.id}").body
    path = f"DocumentReference/{mine.id}/$validate"
    sent = {"X_Request_Id": "rehearsed"}
    changed = mine.json | {"description": "Relu"}
    assert errors(world.as_(doctor).post(f"{path}?mode=update", changed, **sent)) == []
    assert errors(world.as_(doctor).get(f"{path}?mode=delete", **sent)) == []
    new = make.a_document(anna).json()
    assert errors(world.as_(doctor).post("DocumentReference/$validate?mode=create", new)) == []
    assert before == (world.counts(), world.trusted.get(f"DocumentReference/{mine.id}").body)
    traced = world.traces(of=anna, request_id="rehearsed")
    assert len(traced) == 2
    assert all("update" not in str(one["subtype"]) for one in traced)


def test_a_rehearsed_change_that_would_be_refused_says_why(world: World) -> None:
    author, colleague = a_doctor(), a_doctor()
    anna = world.patient()
    world.team(anna, author, colleague)
    mine = world.as_(author).post("DocumentReference", make.a_document(anna).json())
    path = f"DocumentReference/{mine.id}/$validate"
    reply = world.as_(colleague).get(f"{path}?mode=delete", X_Request_Id="refused-rehearsal")
    assert errors(reply) == ["forbidden"]
    stale = world.as_(author).post(f"{path}?mode=update", mine.json, If_Match='W/"9"')
    assert errors(stale) == ["conflict"]
    [trace] = world.traces(of=anna, request_id="refused-rehearsal")
    assert trace["outcome"] != "0"


def test_who_may_not_read_may_rehearse_a_change_of_their_own(world: World) -> None:
    """R22."""
    hospital, anna = a_hospital(), world.patient()
    document = make.a_document(anna)
    made = world.as_(hospital).post("DocumentReference", document.json())
    path = f"DocumentReference/{made.id}/$validate?mode=update"
    assert errors(world.as_(hospital).post(path, document.json() | {"id": made.id})) == []


# parts of resources ------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["_summary=true", "_elements=code"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_part_is_marked_and_whole_in_what_is_mandatory_wherever_it_is_asked(
    world: World, asked: str, form: str
) -> None:
    """https://hl7.org/fhir/R4/search.html#elements."""
    anna = world.patient()
    id_ = world.has(make.an_observation(anna, note=[{"text": "left out"}]))
    for path in (
        f"Observation/{id_}?{asked}",
        f"Observation/{id_}/_history/1?{asked}",
        f"Observation?_id={id_}&{asked}",
        f"Observation/{id_}/_history?{asked}",
        f"Observation/_history?{asked}",
        f"Patient/{anna}/$everything?_type=Observation&{asked}",
    ):
        reply = world.trusted.get(f"{path}&_format={form}")
        assert reply.status == 200, reply.body
        text = reply.body.decode()
        assert "SUBSETTED" in text, path
        assert "left out" not in text, path
        assert "final" in text, path
        assert "718-7" in text, path
