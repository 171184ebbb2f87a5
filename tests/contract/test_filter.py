"""`_filter`, `_text` and `_content` over HTTP, under consent (L57)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Caller, Json, Reply
from tests.support.world import World


def ask(caller: Caller, type_: str, text: str, *more: str) -> Reply:
    return caller.get("&".join([f"{type_}?_filter={quote(text)}", *more]))


def words(caller: Caller, of: str, text: str, code: str = "_content") -> Reply:
    return caller.get(f"DocumentReference?patient={of}&{code}={quote(text)}")


def narrated(of: str, story: str, **rest: str) -> Json:
    text = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{story}</div>',
    }
    return make.a_document(of).but(**rest).json() | {"text": text}


@pytest.fixture
def record(world: World) -> tuple[str, dict[str, str]]:
    """A record of three documents, by what they are."""
    patient = world.patient()
    return patient, {
        "old": world.document(patient, date="2020-01-01", description="Fracture du tibia"),
        "new": world.document(patient, date="2024-01-01", description="Angine"),
        "letter": world.document(patient, date="2024-02-01", type=make.HOSPITAL),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("date lt 2021", {"old"}),
        ("date lt 2021 or type eq {letter}", {"old", "letter"}),
        ("not (date lt 2021)", {"new", "letter"}),
        ("date ge 2021 and not (type eq {letter})", {"new"}),
        ("description sw frac or description ew angine", {"old", "new"}),
        ("type ne {letter}", {"old", "new"}),
        ('description co "TIBIA" and status eq current', {"old"}),
        ("subject.active eq true and date po 2024-02", {"letter"}),
        ("subject[active eq true].birthdate eq 1988", {"old", "new", "letter"}),
        ("subject[active eq false].birthdate eq 1988", set()),
        ("_content co fractures", {"old"}),
    ],
)
def test_a_filter_finds_what_it_says(
    world: World, record: tuple[str, dict[str, str]], text: str, found: set[str]
) -> None:
    patient, ids = record
    whole = f"subject eq Patient/{patient} and ({text.format(letter=make.HOSPITAL)})"
    reply = ask(world.trusted, "DocumentReference", whole)
    assert reply.status == 200, reply.body
    assert (set(reply.ids), reply.total) == ({ids[name] for name in found}, len(found))


def test_a_filter_and_parameters_must_both_hold(
    world: World, record: tuple[str, dict[str, str]]
) -> None:
    patient, ids = record
    reply = ask(
        world.trusted, "DocumentReference", "date ge 2024", f"patient={patient}", "_sort=date"
    )
    assert reply.ids == [ids["new"], ids["letter"]]
    turned = ask(
        world.trusted,
        "DocumentReference",
        "date ge 2024",
        f"patient={patient}",
        "_sort=date",
        "_count=1",
    )
    assert world.trusted.get(turned.next).ids == [ids["letter"]]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("date ge", "value", "`_filter`, column 8: a value is missing"),
        ("date ge soon", "value", "`_filter`, column 1: search parameter `date`: `soon` is not"),
        ("dat ge 2024", "not-supported", "`_filter`, column 1: DocumentReference has no search"),
        ("(date ge 2024", "value", "`_filter`, column 14: `)` is missing"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused_whatever_is_preferred(
    world: World, text: str, code: str, said: str
) -> None:
    for prefer in ("handling=strict", "handling=lenient"):
        reply = world.trusted.get(f"DocumentReference?_filter={quote(text)}", Prefer=prefer)
        assert (reply.status, reply.issue["code"]) == (400, code)
        assert reply.issue["diagnostics"].startswith(said)


# consent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "description co secret",
        "not (description co nothing) and description pr true and description sw secret",
        "description ne angine",
        "_content co secret",
        "description co secret or _content co secret",
    ],
)
def test_l57_a_masked_document_is_found_by_no_filter(world: World, text: str) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    world.document(patient, description="Angine")
    masked = world.document(patient, "MASQUE_PS", description="Secret")
    whole = f"subject eq Patient/{patient} and ({text})"
    known, seen = (
        ask(who, "DocumentReference", whole) for who in (world.trusted, world.as_(doctor))
    )
    assert known.ids == [masked]
    assert (seen.status, seen.ids, seen.total) == (200, [], 0)


def test_l57_a_path_leads_through_nothing_that_is_masked(world: World) -> None:
    """Neither a filter nor its denial tells of what the target of a path holds."""
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    hidden = world.document(patient, "MASQUE_PS", description="Secret")
    absent = make.new_id()
    for target in (hidden, absent):
        relates = [{"code": "appends", "target": make.reference(f"DocumentReference/{target}")}]
        world.has(make.a_document(patient).json() | {"relatesTo": relates})
    inside = f"subject eq Patient/{patient}"
    for text, total in [
        (f"{inside} and relatesto.description co secret", 0),
        (f"{inside} and relatesto[status eq current].description co secret", 0),
        (f"{inside} and not (relatesto.description co secret)", 2),
    ]:
        reply = ask(world.as_(doctor), "DocumentReference", text)
        assert (reply.status, reply.total) == (200, total), text
    assert (
        ask(
            world.trusted, "DocumentReference", f"{inside} and relatesto.description co secret"
        ).total
        == 1
    )


def test_l57_what_else_a_pointer_points_to_counts_when_it_is_known(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    shown, hidden = world.document(patient), world.document(patient, "MASQUE_PS")
    items = [{"item": make.reference(f"DocumentReference/{id_}")} for id_ in (shown, hidden)]
    subject = make.reference(f"Patient/{patient}")
    body = {"resourceType": "List", "id": make.new_id(), "status": "current", "mode": "working"}
    world.has(body | {"subject": subject, "entry": items})
    inside = f"subject re Patient/{patient}"
    for text, known, seen in [
        (f"{inside} and item re DocumentReference/{shown}", 1, 1),
        (f"{inside} and item re DocumentReference/{hidden}", 1, 0),
        (f"{inside} and item ne DocumentReference/{shown}", 1, 0),
        (f"{inside} and item ne DocumentReference/{make.new_id()}", 1, 1),
        (f"{inside} and not (item re DocumentReference/{hidden})", 0, 1),
    ]:
        totals = [ask(who, "List", text).total for who in (world.trusted, world.as_(doctor))]
        assert totals == [known, seen], text


# words ---------------------------------------------------------------------------------------------


def test_text_is_the_narrative_and_content_the_whole(world: World) -> None:
    patient = world.patient()
    told = world.has(narrated(patient, "Fractures &amp; luxations", description="Bilan"))
    held = world.document(patient, description="Fracture")
    assert words(world.trusted, patient, "FRACTURE", "_text").ids == [told]
    assert set(words(world.trusted, patient, "fracture").ids) == {told, held}
    assert words(world.trusted, patient, "bilan fracture").ids == [told]
    assert words(world.trusted, patient, "(bilan OR toux) and not luxation").ids == []
    assert words(world.trusted, patient, "bilan", "_text").ids == []


def test_l57_masked_words_are_found_by_nobody_who_may_not_know_them(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    shown = world.document(patient, description="Angine")
    world.document(patient, "MASQUE_PS", description="Angine")
    reply = words(world.as_(doctor), patient, "angine")
    assert (reply.ids, reply.total) == ([shown], 1)
    assert "score" not in reply.body.decode()
    assert words(world.as_(doctor), patient, "not angine").total == 0


def test_words_follow_a_change(world: World) -> None:
    patient = world.patient()
    document = make.a_document(patient).but(description="Angine")
    world.has(document)
    world.has(document.but(description="Rougeole"))
    assert words(world.trusted, patient, "angine").total == 0
    assert words(world.trusted, patient, "rougeole").ids == [document.id]


def test_types_that_point_are_not_searched_by_words(world: World) -> None:
    reply = world.trusted.get("List?_content=angine")
    assert (reply.status, reply.issue["code"]) == (400, "not-supported")
    assert "`_content` of List is defined by R4 but not supported" in reply.issue["diagnostics"]


def test_words_that_are_none_are_refused(world: World) -> None:
    reply = world.trusted.get("DocumentReference?_content=de+la")
    assert (reply.status, reply.issue["code"]) == (400, "value")
    assert reply.issue["diagnostics"] == (
        "search parameter `_content`: `de la` holds no word to look for"
    )
