"""Two servers, one of which lacks what a caller may not know, that are asked the same.

`design/consent.md` section 5: whatever the caller asks, the answers are the same, but for the
server's instants, the ids that it generates and its sealed page links. What logic forces is left
out: the status of a record by its INS (contract, Consent conventions 4) is asked of known records
alone, and what a caller uncovers by their own right is not uncovered (`random_writes.uncovers`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from fhir_server.consent.requester import Requester
from tests.support.model import Model
from tests.support.model_known import facts, known, needed, readable
from tests.support.model_resources import loads, restricted
from tests.support.random_requests import CLOSING, Ask, Words, send
from tests.support.replies import Json, Reply, entry, told_apart
from tests.support.world import World

_GENERATED = re.compile(rb"\b[0-9a-f]{32}\b")
_INSTANT = re.compile(
    rb'("(?:recorded|timestamp|lastUpdated|lastModified|authoredOn|start|end)": ?")[^"]+'
)
_MADE = re.compile(r"/([0-9a-f]{32})(?:/_history/1)?$")
Both = tuple[Reply, Reply]


class Pair:
    """The two servers; each round gives them a world of its own."""

    def __init__(self, whole: World, lesser: World) -> None:
        """Stand before two servers that share the key of their tokens and nothing else."""
        self._worlds = whole, lesser
        self.sequences = self.requests = 0

    def play(
        self,
        model: Model,
        who: Requester,
        played: Sequence[Sequence[Ask]],
        *,
        lost: frozenset[str] = frozenset(),
    ) -> None:
        """Load `model`, send each sequence to both worlds, and compare every answer.

        `lost` (`Type/id`) is left out of the world without, though the caller may know it: a leak.
        Raises `AssertionError` that tells the world, what was asked, and the first difference.
        """
        shown = known(model, who)
        _fill(self._worlds[0], model, None)
        _fill(self._worlds[1], model, needed(model, who) - lost)
        game = _Game(self._worlds, model, who, shown)
        game.reads(readable(model, who))
        for sequence in (*played, CLOSING):
            game.play(sequence)
        self.sequences += len(played)
        self.requests += game.asked


class _Game:
    """One caller in one world and in the world without what they may not know."""

    def __init__(
        self, worlds: tuple[World, World], model: Model, who: Requester, shown: frozenset[str]
    ) -> None:
        self._callers = [world.as_(who) for world in worlds]
        self._model, self._who, self._shown = model, who, shown
        self._made: tuple[list[bytes], list[bytes]] = [], []
        self._told: list[str] = []
        self.asked = 0

    def reads(self, wanted: frozenset[str]) -> None:
        """Check that of the whole world the caller reads what the oracle says, and no more."""
        refs = sorted(facts(self._model))
        gets = [entry("GET", ref) for ref in refs]
        # Both are asked, because both keep a trace of it.
        reply, _ = (caller.transact(*gets, kind="batch") for caller in self._callers)
        found = (one["response"]["status"][:3] for one in reply.entries)
        read = {ref for ref, status in zip(refs, found, strict=True) if status in ("200", "410")}
        if read != wanted:
            closed, opened = sorted(wanted - read), sorted(read - wanted)
            raise AssertionError(
                self._story(f"the oracle opens {closed} besides, the server {opened}")
            )

    def play(self, sequence: Sequence[Ask]) -> None:
        last: tuple[Reply | None, Reply | None] = (None, None)
        self._told.append("")
        for ask in sequence:
            self.asked += 1
            words = Words(self._model, self._shown, ask, self.asked)
            first, second = (
                send(caller, ask, words, before)
                for caller, before in zip(self._callers, last, strict=True)
            )
            last = (first, second)
            self._told.append(f"  {self.asked}. {ask.kind} {words.target} {words.fill(ask.text)}")
            if difference := self._difference(first, second):
                raise AssertionError(self._story(difference))

    def _difference(self, first: Reply, second: Reply) -> str:
        """Return what tells two answers apart, each put in the words that both worlds share."""
        for reply, made in zip((first, second), self._made, strict=True):
            made += [id_ for id_ in _made(reply) if id_ not in made]
        one, other = map(_plain, (first, second), self._made)
        if not told_apart(one, other):
            return ""
        if first.body.count(b'"resource"') > 1 and len(self._made[0]) > 1:
            # What was created at one instant is in the order of ids that each world chose.
            one, other = _unordered(one), _unordered(other)
        return _shortened(one, other) if told_apart(one, other) else ""

    def _story(self, difference: str) -> str:
        return "\n".join(
            (
                "A caller could tell two worlds apart that differ only in what they may not know, or "
                "reads what the rules do not say.",
                f"Caller: {self._who}",
                f"World {self._model.name}:",
                self._model.told(),
                "They know: " + ", ".join(sorted(self._shown)),
                "Asked:",
                *self._told,
                "Difference (with everything, against without what is hidden):",
                difference,
            )
        )


def _fill(world: World, model: Model, kept: frozenset[str] | None) -> None:
    if kept is None:
        hidden = restricted(model)
        assert world.trusted.put(hidden).status == 201
    for load in loads(model, kept):
        if load:
            loaded = world.trusted.transact(*load)
            assert loaded.status == 200, loaded.body[:600]


def _made(reply: Reply) -> list[bytes]:
    """Return the ids of what a request created, in their order."""
    if reply.status == 201 and "location" in reply.headers:
        return [id_.encode() for id_ in _MADE.findall(reply.headers["location"])]
    if b'"location"' not in reply.body[:200_000] or b"-response" not in reply.body[:200]:
        return []
    answers = (one.get("response", {}).get("location", "") for one in reply.entries)
    return [id_.encode() for place in answers for id_ in _MADE.findall(place)]


def _plain(reply: Reply, made: Sequence[bytes]) -> Reply:
    """Return an answer with the ids that the server made numbered in the order of their coming."""
    numbers = {id_: f"{at:032d}".encode() for at, id_ in enumerate(made)}

    def number(found: re.Match[bytes]) -> bytes:
        return numbers.setdefault(found[0], f"{len(numbers):032d}".encode())

    headers = {
        name: _GENERATED.sub(number, value.encode()).decode()
        for name, value in reply.headers.items()
        if name != "x-request-id"
    }
    body = _INSTANT.sub(lambda found: found[1], reply.body)
    return Reply(reply.status, headers, _GENERATED.sub(number, body))


def _shortened(first: Reply, second: Reply) -> str:
    """Return where two answers part, with what stands around it."""
    if first.body == second.body:
        return f"{first.status} {first.headers}\n{second.status} {second.headers}"
    pairs = enumerate(zip(first.body, second.body, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), 0)
    around = slice(max(0, same - 300), same + 500)
    return f"{first.status} …{first.body[around]!r}…\n{second.status} …{second.body[around]!r}…"


def _unordered(reply: Reply) -> Reply:
    """Return a Bundle with its entries sorted by what they say."""
    if not reply.body.startswith(b"{"):
        return reply
    return Reply(reply.status, reply.headers, json.dumps(_sorted(json.loads(reply.body))).encode())


def _sorted(body: Json) -> Json:
    entries = body.get("entry")
    if body.get("resourceType") != "Bundle" or not entries:
        return body
    inner = [
        one | ({"resource": _sorted(one["resource"])} if "resource" in one else {})
        for one in entries
    ]
    links = [link for link in body.get("link", ()) if "_cursor=" not in link["url"]]
    return body | {"entry": sorted(inner, key=json.dumps), "link": links}
