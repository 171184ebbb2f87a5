"""Index anew what was stored under other tables than this server's.

A new version may define a parameter of R4 otherwise, or write its values in another form. When a
process starts, it compares the marks of its tables with those that the database was indexed by.
What differs is declared as a parameter of one's own is: searches by it are refused until every row
is indexed anew in the background (`reindexing.py`), so that none finds less or more than there is
(L55).
"""

from __future__ import annotations

from fhir_server.fhir.errors import Conflict
from fhir_server.search.additions import concrete
from fhir_server.search.marks import body, known, marks
from fhir_server.store.mongo.parameters import TABLES, Declared, Parameters
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit


def upgrade(store: MongoStore) -> None:
    """Declare what the database is not indexed by as now; one that has no marks is taken as it is."""
    before, now = Parameters(store).marks(), dict(marks())
    if before == now:
        return
    stored = set(store.types())
    stale = [url for url in now if before and before.get(url) != now[url]]

    def put(unit: Unit) -> None:
        for url in stale:
            bases = [type_ for type_ in concrete(known()[url].base) if type_ in stored]
            if bases:
                work = body(known()[url]) | {"base": bases}
                unit.declare(Declared(f"{TABLES}{url}", work, "waiting").document())
        unit.indexed_by(now)

    try:
        store.transact(put)
    except Conflict:
        return  # another worker, or another node, was a moment earlier
