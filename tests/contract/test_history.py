"""history at its three levels: https://hl7.org/fhir/R4/http.html#history."""

from __future__ import annotations

from tests.support import resources as make
from tests.support.people import a_doctor, a_podiatrist, the_patient
from tests.support.world import World


def walked(world: World, path: str) -> list[tuple[str, str]]:
    """Return `Type/id` and ETag of every version, over all pages."""
    return [
        (one["fullUrl"].rpartition("/fhir/")[2], one["response"]["etag"])
        for reply in world.trusted.walk(path)
        for one in reply.entries
    ]


def test_a_history_lists_every_version_once_newest_first_over_its_pages(world: World) -> None:
    body = make.a_patient()
    for _ in range(5):
        world.has(body)
    world.lacks(f"Patient/{body['id']}")
    path = f"Patient/{body['id']}/_history?_count=2"
    assert [tag for _, tag in walked(world, path)] == [f'W/"{n}"' for n in (6, 5, 4, 3, 2, 1)]


def test_the_histories_of_a_type_and_of_all_agree_with_the_versions(world: World) -> None:
    before = len(walked(world, "Basic/_history?_count=50"))
    for _ in range(3):
        body = {"resourceType": "Basic", "id": make.new_id(), "code": {"text": "x"}}
        for _ in range(2):
            world.has(body)
    of_type = walked(world, "Basic/_history?_count=4")
    assert len(of_type) == len(set(of_type)) == before + 6
    of_all = walked(world, "_history?_count=100")
    assert len(of_all) == len(set(of_all))
    assert [one for one in of_all if one[0].startswith("Basic/")] == of_type


def test_a_history_tells_who_was_created_changed_and_deleted(world: World) -> None:
    made = world.trusted.post("Patient", {"resourceType": "Patient"})
    world.trusted.delete(f"Patient/{made.id}")
    deleted, created = world.trusted.get(f"Patient/{made.id}/_history").entries
    assert created["request"] == {"method": "POST", "url": "Patient"}
    assert deleted["request"] == {"method": "DELETE", "url": f"Patient/{made.id}"}
    assert "resource" not in deleted
    assert (created["response"]["status"], deleted["response"]["status"]) == ("201", "204")


def test_since_and_at_bound_a_history(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    early = world.trusted.get(f"Patient/{body['id']}").json["meta"]["lastUpdated"]
    with world.later(days=2):
        world.has(body)
        late = world.trusted.get(f"Patient/{body['id']}").json["meta"]["lastUpdated"]
    path = f"Patient/{body['id']}/_history"
    assert world.trusted.get(f"{path}?_since={late}").total == 1
    assert world.trusted.get(f"{path}?_since={early}").total == 2
    assert world.trusted.get(f"{path}?_at={early}").total == 1
    one_day = world.trusted.get(f"{path}?_at=2999-01-01")
    assert [one["response"]["etag"] for one in one_day.entries] == ['W/"2"']
    assert world.trusted.get(f"{path}?_since=1999&_count=0").total == 2


def test_a_history_refuses_what_it_does_not_take(world: World) -> None:
    for query in ("family=x", "_sort=name", "_since=yesterday", "_count=-1", "_cursor=x"):
        reply = world.trusted.get(f"Patient/_history?{query}")
        assert reply.status == 400, query


def test_a_history_shows_only_what_its_caller_may_know(world: World) -> None:
    """L20: hidden resources and versions are in no history, and count for nothing."""
    podiatrist, attending = a_podiatrist(), a_doctor()
    anna = world.patient(attending)
    world.team(anna, podiatrist)
    hidden = make.a_document(anna).typed("34112-3")
    shown = make.a_document(anna).typed("PRESC-PEDI")
    for document in (hidden, shown, hidden, shown):
        world.has(document)
    bruno = world.patient()
    world.document(bruno)
    found = world.as_(podiatrist).get("DocumentReference/_history")
    assert found.total == 2
    assert found.refs == {shown.ref}
    assert world.as_(attending).get("DocumentReference/_history").total == 4
    everything = world.as_(the_patient(anna)).get("_history?_count=100")
    assert all(bruno not in str(one) for one in everything.entries)


def test_masking_today_hides_the_past_of_a_document_in_every_history(world: World) -> None:
    """L19, L20."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    document = make.a_document(anna)
    world.has(document)
    world.has(document)
    assert world.as_(doctor).get("DocumentReference/_history").total == 2
    world.has(document.masked())
    assert world.as_(doctor).get("DocumentReference/_history").total == 0
    assert world.as_(doctor).get(f"{document.ref}/_history").status == 404


def test_a_page_link_of_a_history_is_worth_nothing_to_another_caller(world: World) -> None:
    """L07."""
    body = make.a_patient()
    for _ in range(3):
        world.has(body)
    link = world.trusted.get(f"Patient/{body['id']}/_history?_count=1").next
    other = world.as_(the_patient(body["id"])).get(link)
    assert (other.status, other.issue["code"]) == (400, "invalid")
