"""The parameters of a call, from its query and its body, judged by the definition.

https://hl7.org/fhir/R4/operations.html#request: a Parameters, or the one resource that the
operation takes as `resource`, the rest then standing in the query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.dates import interval
from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.exact import Exact
from fhir_server.fhir.json import parse
from fhir_server.interactions.exchange import Invocation
from fhir_server.operations.definitions import Definition, Parameter
from fhir_server.search.escape import escape
from fhir_server.validation.primitives import TESTS

MOST: Final = 256
"""Parameters of one call."""
_HOW_TO_ANSWER: Final = frozenset({"_format", "_pretty"})
_WHOLE: Final = frozenset({"Resource", "Meta", *RESOURCE_TYPES})
"""Types of parameters that are no text, and so only come in a body."""
_DATES: Final = frozenset({"date", "dateTime", "instant"})


@dataclass(frozen=True, slots=True)
class Given:
    """What a call holds: `pairs` are its simple parameters as text, `parts` the others by name.

    `parts` has the first resource of a name, `resources` all of them; `groups` are parameters made
    of others, each with its own. `cursor` is that of a page link, which stands alone.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    cursor: str = ""
    resources: tuple[tuple[str, Any], ...] = ()
    groups: tuple[tuple[str, Given], ...] = ()

    def text(self, name: str, default: str = "") -> str:
        """Return the one value of `name`, or `default`."""
        return next(iter(self.texts(name)), default)

    def texts(self, name: str) -> list[str]:
        """Return every value of `name`."""
        return [value for given, value in self.pairs if given == name]

    def group(self, name: str) -> list[Given]:
        """Return every group of that name."""
        return [group for given, group in self.groups if given == name]


def read(definition: Definition, call: Invocation) -> Given:
    """Return the parameters of `call`; raise `BadRequest` for what `definition` does not say."""
    pairs = [pair for pair in call.pairs if pair[0] not in _HOW_TO_ANSWER]
    if "_count" in definition.takes and any(name == "_cursor" for name, _ in pairs):
        if len(pairs) > 1 or call.body:
            raise BadRequest("a page link takes no other parameter", code="invalid")
        return Given(cursor=pairs[0][1])
    sent = [*_sent(definition, call), *((name, value, "") for name, value in pairs)]
    return _gathered(definition.code, definition.takes, sent)


def _gathered(
    code: str, takes: Mapping[str, Parameter], sent: Iterable[tuple[str, Any, str]]
) -> Given:
    """Return what was sent (name, value, place) as the parameters that may be there."""
    resources: list[tuple[str, Any]] = []
    texts: list[tuple[str, str]] = []
    groups: list[tuple[str, Given]] = []
    for name, value, place in sent:
        parameter = takes.get(name)
        if parameter is None:
            what = f"${code} does not take `{name[:64]}`"
            raise BadRequest(what, code="not-supported", expression=place)
        if parameter.parts:
            groups.append((name, _group(code, parameter, value, place)))
        elif parameter.type in _WHOLE:
            _keep(resources, code, parameter, value, place)
        else:
            texts.append((name, _text(parameter, value, place)))
    parts = dict(reversed(resources))
    given = Given(tuple(texts), parts, "", tuple(resources), tuple(groups))
    for parameter in sorted(takes.values(), key=lambda one: one.least):
        _count(code, parameter, given)
    return given


def _group(code: str, parameter: Parameter, value: Any, place: str) -> Given:
    if not isinstance(value, list) or len(value) > MOST:
        what = f"`{parameter.name}` is made of parts: send it in a Parameters, by POST"
        raise BadRequest(what, code="structure", expression=place)
    return _gathered(code, parameter.parts, _members(value, f"{place}.part"))


def _sent(definition: Definition, call: Invocation) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value and place of each parameter of the body."""
    resource = parse(call.body).resource if call.body else {}
    alone = "resource" in definition.takes
    if resource.get("resourceType") != "Parameters" or (alone and call.type == "Parameters"):
        if resource and not alone:
            raise BadRequest("the body of an operation is a Parameters resource", code="structure")
        if resource:
            yield "resource", resource, ""
        return
    found = resource.get("parameter", [])
    if not isinstance(found, list) or len(found) > MOST:
        raise BadRequest(f"a Parameters holds at most {MOST} parameters", code="structure")
    yield from _members(found, "Parameters.parameter")


def _members(found: list[Any], where: str) -> Iterator[tuple[str, Any, str]]:
    for index, one in enumerate(found):
        place = f"{where}[{index}]"
        values = [] if not isinstance(one, dict) else [v for k, v in one.items() if _holds(k)]
        if len(values) != 1 or not isinstance(one.get("name"), str):
            what = "a parameter has a name, and one value, resource or list of parts"
            raise BadRequest(what, code="structure", expression=place)
        yield one["name"], values[0], place


def _holds(member: str) -> bool:
    return member in ("resource", "part") or member.startswith("value")


def _keep(
    resources: list[tuple[str, Any]], code: str, parameter: Parameter, value: Any, place: str
) -> None:
    if not isinstance(value, dict):
        what = f"`{parameter.name}` is a {parameter.type}: send it in a Parameters, by POST"
        raise BadRequest(what, code="structure", expression=place)
    if parameter.most == 1 and any(name == parameter.name for name, _ in resources):
        raise _times(code, parameter)
    resources.append((parameter.name, value))


def _text(parameter: Parameter, value: Any, place: str) -> str:
    text = _written(parameter.type, value)
    if text is None or not _is_a(parameter.type, text):
        what = f"`{parameter.name}` takes one value of type {parameter.type}"
        raise BadRequest(what, code="value", expression=place)
    return text


def _written(type_: str, value: Any) -> str | None:
    """Return a value as a query would write it: an Identifier or a code as `system|value`."""
    match value:
        case bool():
            return "true" if value else "false"
        case Exact():
            return value.text
        case str() | int():
            return str(value)
        case {"value": str(number)} if type_ == "string":
            return f"{value.get('system', '')}|{number}"
        case {"coding": [*codings]} if type_ == "CodeableConcept":
            return ",".join(filter(None, map(_token, codings))) or None
        case {"code": str()} if type_ == "CodeableConcept":
            return _token(value)
    return None


def _token(coding: Any) -> str:
    match coding:
        case {"system": str(system), "code": str(code)}:
            return f"{escape(system)}|{escape(code)}"
        case {"code": str(code)}:
            return escape(code)
    return ""


def _is_a(type_: str, text: str) -> bool:
    """Tell whether `text` is a `type_`; of dates, any precision is read."""
    if type_ == "boolean":
        return text in ("true", "false")
    if type_ == "integer":
        return text.isascii() and text.isdigit() and len(text) < 9
    if type_ in _DATES:
        try:
            interval(text)
        except ValueError:
            return False
        return True
    return TESTS["string" if type_ == "CodeableConcept" else type_](text) is None


def _count(code: str, parameter: Parameter, given: Given) -> None:
    named = [name for name, _ in (*given.pairs, *given.resources, *given.groups)]
    times = named.count(parameter.name)
    if times < parameter.least or (parameter.most is not None and times > parameter.most):
        raise _times(code, parameter)


def _times(code: str, parameter: Parameter) -> BadRequest:
    least = "exactly" if parameter.least else "at most"
    what = f"${code} takes {least} one `{parameter.name}`"
    return BadRequest(what, code="required" if parameter.least else "invalid")
