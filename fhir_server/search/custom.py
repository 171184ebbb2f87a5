"""Whether a SearchParameter that was declared can be searched here, and by what.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from fhir_server.fhir.errors import Unprocessable
from fhir_server.search.additions import read_definition
from fhir_server.search.index import indexer
from fhir_server.search.paths import ExpressionError, compile_composite, ways
from fhir_server.search.registry import PARAMETER_TYPES

MOST: Final = 256
"""Parameters that one installation adds: each is compiled in every worker, and read at each change."""
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_WHOLE: Final = frozenset({"Resource", "DomainResource"})


def is_active(resource: Mapping[str, Any]) -> bool:
    """Tell whether what `resource` defines is to be searched, and not a draft or retired."""
    return resource.get("status") == "active"


def custom(resource: Mapping[str, Any], others: Iterable[SearchParameter]) -> SearchParameter:
    """Return the parameter that an active SearchParameter defines, beside `others`.

    Raise Unprocessable with the element that keeps it from being searched.
    """
    code, kind = str(resource["code"]), str(resource["type"])
    if not _CODE.fullmatch(code):
        raise _refused(
            "code", f"`{code[:64]}` can't be a parameter: letters, digits, `-` and `_`, 64 at most"
        )
    if kind not in PARAMETER_TYPES or kind == "special":
        raise _refused("type", f"parameters of type `{kind}` can't be declared here")
    bases = set(resource["base"])
    if unknown := bases - RESOURCE_TYPES - _WHOLE:
        raise _refused("base", f"`{min(unknown)}` is no resource type")
    if "AuditEvent" in bases:
        raise _refused("base", "the access log takes no parameters beside those of R4")
    if not resource.get("expression"):
        raise _refused("expression", "a parameter without an expression finds nothing")
    found = read_definition(resource)
    _alone(found, others)
    _compiled(found)
    return found


def _alone(found: SearchParameter, others: Iterable[SearchParameter]) -> None:
    """Refuse a code that a base has already, of R4 or declared: a query has one meaning."""
    for type_ in found.base:
        if found.code in search_parameters(type_):
            raise _refused(
                "code", f"`{found.code}` of {type_} is defined by R4 and can't be another"
            )
    known = list(others)
    for other in known:
        if other.url == found.url:
            raise _refused("url", f"`{found.url[:200]}` is defined already")
        if other.code == found.code and (shared := {*found.base}.intersection(other.base)):
            raise _refused(
                "code", f"`{found.code}` of {min(shared)} is defined by `{other.url[:200]}`"
            )
    if len(known) >= MOST:
        raise _refused("", f"there are {MOST} parameters beside those of R4, no more are taken")


def _compiled(found: SearchParameter) -> None:
    """Refuse an expression that can't be compiled for one of its bases."""
    for type_ in found.base:
        try:
            if found.type == "composite":
                if not found.component:
                    raise _refused("component", "a composite has components")
                compile_composite(found, type_)
            elif found.component:
                raise _refused("component", "a composite alone has components")
            if not ways(found.expression, type_):
                raise _refused("expression", f"for {type_} it leads nowhere")
            indexer(type_, [found])
        except ExpressionError as error:
            raise _refused("expression", f"for {type_}: {error}") from None


def _refused(element: str, why: str) -> Unprocessable:
    place = f"SearchParameter.{element}" if element else "SearchParameter"
    return Unprocessable(why, code="not-supported", expression=place)
