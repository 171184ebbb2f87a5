"""Random writes: how each kind is sent to one of the worlds.

A caller may, by a right of their own, uncover what they did not know: an author who unmasks the
newest version of a document uncovers the versions before it. Then the two worlds differ, and
rightly. `uncovers` tells those requests; they are not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tests.contract.patch_bodies import FORMS, Patch, archiving, labelling, unlabelling
from tests.support import resources as make
from tests.support.model_resources import a_pointer
from tests.support.replies import JSON_PATCH, Caller, Json, Reply, entry

if TYPE_CHECKING:
    from tests.support.random_requests import Ask, Words

Sender = Callable[[Caller, "Ask", "Words"], Reply]
URN = "urn:uuid:aaaaaaaa-0000-4000-8000-bbbbbbbbbbbb"
TAG = make.parameters(meta={"valueMeta": {"tag": [{"system": "urn:t", "code": "x"}]}})
_UNCOVERING = frozenset({"put", "update", "delete", "remove", "unmask", "create", "bundle"})
_LAW = ("Patient", "CareTeam", "Consent")


def uncovers(ask: Ask, words: Words) -> bool:
    """Tell whether a request may show its caller what they did not know."""
    if ask.kind not in _UNCOVERING:
        return False
    if ask.kind == "delete" and words.target.split("/")[0] in _LAW:
        return words.knows_in_part
    model = words.model
    place = words.other_place if ask.kind == "create" else words.place
    older = model.replaced(place) if place < len(model.papers) else set()
    return any(model.ref(at) not in words.known for at in older)


def _tag(ask: Ask) -> dict[str, str]:
    return {"If_Match": ask.text} if ask.text.startswith("W/") else {}


def _put(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.put(words.new_document(id=words.document).json(), **_tag(ask))


def _update(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(identifier=words.number).json()
    kept = {name: value for name, value in body.items() if name != "id"}
    return caller.send("PUT", words.by_identifier, kept)


def _delete(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.delete(words.target, **_tag(ask))


def _remove(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.delete(words.by_identifier)


def _create(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(replaces=f"DocumentReference/{words.other}")
    return caller.post("DocumentReference", body.json())


def _attach(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.post("DocumentReference", words.new_document(url=f"Binary/{words.binary}").json())


def _binary(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = make.a_binary(securityContext=make.reference(words.target))
    return caller.post("Binary", {name: value for name, value in body.items() if name != "id"})


def _once(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(identifier=words.number).json()
    condition = words.by_identifier.partition("?")[2]
    return caller.post("DocumentReference", body, If_None_Exist=condition)


def _pointer(caller: Caller, ask: Ask, words: Words) -> Reply:
    refs = [words.ref, f"DocumentReference/{words.other}", words.target]
    return caller.post("List", a_pointer("List", words.patient, refs) | {"date": words.instant})


def _grant(caller: Caller, ask: Ask, words: Words) -> Reply:
    staff = words.model.professionals
    who = staff[ask.second % len(staff)]
    body = make.a_consent(words.patient, "permit", who, id="new", dateTime=words.instant)
    return caller.post("Consent", body)


def _patch(patch: Patch) -> Sender:
    def send(caller: Caller, ask: Ask, words: Words) -> Reply:
        path = words.by_identifier if ask.text == "conditional" else words.ref
        form = list(FORMS)[ask.second % len(FORMS)]
        return patch.send(caller, path, form)

    return send


def _test(caller: Caller, ask: Ask, words: Words) -> Reply:
    operation = {"op": "test", "path": "/status", "value": "current"}
    return caller.send("PATCH", words.target, [operation], JSON_PATCH, **_tag(ask))


def _label(caller: Caller, ask: Ask, words: Words) -> Reply:
    return caller.post(f"{words.ref}/$meta-add", TAG)


def _validate(caller: Caller, ask: Ask, words: Words) -> Reply:
    body = words.new_document(replaces=words.ref).json()
    mode = "update" if ask.second % 2 else "create"
    where = (
        f"{words.ref}/$validate?mode={mode}" if ask.second % 3 else "DocumentReference/$validate"
    )
    return caller.post(where, body)


def _bundle(caller: Caller, ask: Ask, words: Words) -> Reply:
    kind = "batch" if ask.second % 2 else "transaction"
    return caller.transact(*_entries(words), kind=kind)


def _entries(words: Words) -> Iterator[Json]:
    document = words.new_document(replaces=words.ref).json()
    yield entry("POST", "DocumentReference", document, fullUrl=URN)
    yield entry("GET", words.target)
    yield entry("GET", f"DocumentReference?patient={words.patient}&_summary=count")
    yield entry("DELETE", "DocumentReference?identifier=urn:ietf:rfc:3986|urn:never")


WRITERS: dict[str, Sender] = {
    "put": _put,
    "update": _update,
    "delete": _delete,
    "remove": _remove,
    "create": _create,
    "attach": _attach,
    "binary": _binary,
    "once": _once,
    "pointer": _pointer,
    "grant": _grant,
    "test": _test,
    "mask": _patch(labelling("MASQUE_PS")),
    "unmask": _patch(unlabelling()),
    "archive": _patch(archiving()),
    "label": _label,
    "validate": _validate,
    "bundle": _bundle,
}
