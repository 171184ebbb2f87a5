"""A cast entry is the entry that the long way makes: same bytes, same index values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.event import ACTIONS, Access
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.fhir.dates import instant_text
from fhir_server.records.entry import entry, the_long_way
from fhir_server.records.trace import actor
from fhir_server.search.types import Locale

LOCALE = Locale("https://server.example.org/fhir")
ID = "0" * 32
ids = st.from_regex(r"[A-Za-z0-9.\-]{1,64}", fullmatch=True)
words = st.text(st.characters(codec="utf-8"), max_size=20)
refs = st.lists(
    st.tuples(st.sampled_from(["DocumentReference", "Patient", "List", "Binary"]), ids).map(
        "/".join
    ),
    max_size=4,
)
requesters = st.builds(
    Requester,
    kind=st.sampled_from(Kind),
    purpose=st.sampled_from(Purpose),
    rpps=st.sampled_from(["", "99790000901"]),
    profession=st.sampled_from(["", "G15_10"]),
    organization=st.sampled_from(["", "750000001"]),
    patient=st.one_of(st.just(""), ids),
    reason=words,
    client=words,
    name=words,
)


@given(
    interaction=st.sampled_from(sorted(ACTIONS)),
    requester=requesters,
    at=st.integers(0, 4_000_000_000_000_000),
    named=refs,
    patient=st.one_of(st.just(""), ids),
    query=words,
    request=ids,
    rules=st.lists(st.sampled_from(["care-team", "holder"]), max_size=2).map(tuple),
    refused=st.booleans(),
    why=st.sampled_from(["", "no right to write"]),
)
def test_a_cast_entry_equals_the_one_made_the_long_way(
    interaction: str,
    requester: Requester,
    at: int,
    named: list[str],
    patient: str,
    query: str,
    request: str,
    rules: tuple[str, ...],
    refused: bool,
    why: str,
) -> None:
    access = Access(
        interaction,
        instant_text(at),
        actor(requester),
        request,
        refs=tuple(named),
        patient=patient,
        query=query,
        rules=rules,
        refused=refused,
        why=why,
    )
    cast = entry(access, ID, at, LOCALE)
    plain = the_long_way(access, ID, LOCALE)
    assert (cast.raw, cast.values, cast.keys) == (plain.raw, plain.values, plain.keys)
