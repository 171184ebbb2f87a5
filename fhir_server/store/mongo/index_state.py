"""Which indexes a database should have, which it has, and the making of those that are missing.

What should be is what `declarations.py` says, for the collections that there are: a type of which
nothing was ever stored has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from pymongo import IndexModel, MongoClient
from pymongo.database import Database

from fhir_server.store.mongo.declarations import HISTORY, administrative_collections, collections
from fhir_server.store.mongo.errors import translated
from fhir_server.store.mongo.large import large_collections

Document = dict[str, Any]
State = Literal["present", "missing", "different", "unknown"]
_IDENTITY: Final = "_id_"


@dataclass(frozen=True, slots=True)
class IndexState:
    """One index of a collection; `different`: another one stands under its name."""

    collection: str
    name: str
    state: State
    keys: tuple[tuple[str, Any], ...] = ()


class Indexes:
    """The indexes of one database."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        """Look at `database` of `client`; nothing is sent yet."""
        self._db: Database[Document] = client[database]

    @translated
    def states(self) -> list[IndexState]:
        """Return every index that is declared or there, by collection and name."""
        there = set(self._db.list_collection_names())
        found = [
            state for name, models in self._declared(there) for state in self._of(name, models)
        ]
        return sorted(found, key=lambda one: (one.collection, one.name))

    @translated
    def build(self, one: IndexState) -> None:
        """Make a missing index, or make a different one as it is declared; return when it is done.

        MongoDB goes on serving meanwhile.
        """
        collection = self._db[one.collection]
        if one.state == "different":
            collection.drop_index(one.name)
        models = dict(self._declared({one.collection}))[one.collection]
        collection.create_indexes([model for model in models if _name(model) == one.name])

    @translated
    def drop(self, one: IndexState) -> None:
        """Remove an index."""
        self._db[one.collection].drop_index(one.name)

    @translated
    def unused(self) -> list[str]:
        """Return `collection.index` of what no query used since MongoDB started, `_id_` aside."""
        return [
            f"{name}.{one['name']}"
            for name in sorted(self._db.list_collection_names())
            for one in self._db[name].aggregate([{"$indexStats": {}}])
            if one["name"] != _IDENTITY and not one["accesses"]["ops"]
        ]

    def _declared(self, there: set[str]) -> Iterator[tuple[str, list[IndexModel]]]:
        types = {name.removesuffix(HISTORY) for name in there if name[:1].isupper()}
        of_types = (pair for type_ in sorted(types) for pair in collections(type_))
        for name, models in (*of_types, *administrative_collections(), *large_collections()):
            if name in there:
                yield name, models

    def _of(self, name: str, models: list[IndexModel]) -> Iterator[IndexState]:
        there = self._db[name].index_information()
        for model in models:
            own, keys = _name(model), tuple(model.document["key"].items())
            has = there.pop(own, None)
            if has is None:
                yield IndexState(name, own, "missing", keys)
            else:
                same = _told(has) == (list(keys), _options(model.document))
                yield IndexState(name, own, "present" if same else "different", keys)
        for other, has in there.items():
            if other != _IDENTITY:
                yield IndexState(name, other, "unknown", tuple(map(tuple, has["key"])))


def _name(model: IndexModel) -> str:
    return str(model.document["name"])


def _options(one: Any) -> Document:
    names = ("sparse", "unique", "expireAfterSeconds", "partialFilterExpression")
    return {name: one[name] for name in names if one.get(name) not in (None, False)}


def _told(has: Any) -> tuple[list[tuple[str, Any]], Document]:
    return [(path, direction) for path, direction in has["key"]], _options(has)
