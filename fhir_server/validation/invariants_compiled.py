"""What an expression compiles to: a path, whose types are known, or a condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fhir_server.validation.invariants_parse import Expression
from fhir_server.validation.invariants_values import keys, single


@dataclass(slots=True)
class Scope:
    """What `%context`, `%resource` and `%rootResource` stand for at this place.

    `memo` keeps what expressions compute from these alone; it lives as long as `resource` stays.
    """

    resource: dict[str, Any]
    root: dict[str, Any]
    context: Any = None
    memo: dict[Any, Any] = field(default_factory=dict)


# Both are given `$this`; neither changes a list that it was given or returns.
Fetch = Callable[[Any, Scope], list[Any]]
Test = Callable[[Any, Scope], bool | None]

# What is computed of values, and what makes that be done once for all `$this` of a resource.
Compute = Callable[[Any, Scope], Any]
Shared = Callable[[Compute], Compute]


@dataclass(frozen=True, slots=True)
class Branch:
    """The values of one type that a path finds.

    `type` is a type path, or empty where it can't be known before. `members` are the names in
    JSON of which one is there exactly when the branch finds something; empty if no names say so.
    """

    type: str
    fetch: Fetch
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A collection: what its branches find, one after the other."""

    branches: tuple[Branch, ...]

    @property
    def fetch(self) -> Fetch:
        """Return one function for all branches."""
        fetches = [branch.fetch for branch in self.branches]
        if len(fetches) == 1:
            return fetches[0]
        return lambda this, scope: [item for fetch in fetches for item in fetch(this, scope)]

    @property
    def members(self) -> tuple[str, ...]:
        """Return the names of which one is there exactly when the path finds something."""
        if not all(branch.members for branch in self.branches):
            return ()
        return tuple(name for branch in self.branches for name in branch.members)


@dataclass(frozen=True, slots=True)
class Condition:
    """True, false, or None for an empty collection."""

    test: Test


Compiled = Path | Condition


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function, compiled `on` a type of `$this`, None for that of the call.

    `shared` is given where the argument doesn't depend on `$this`.
    """

    tree: Expression
    on: Callable[[str | None], Compiled]
    shared: Shared | None = None


# Given what it is called on and its arguments.
Function = Callable[..., Compiled]


def as_path(compiled: Compiled) -> Path:
    """Return a condition as the collection of its answer."""
    if isinstance(compiled, Path):
        return compiled
    test = compiled.test

    def fetch(this: Any, scope: Scope) -> list[Any]:
        answer = test(this, scope)
        return [] if answer is None else [answer]

    return Path((Branch("boolean", fetch),))


def as_test(compiled: Compiled) -> Test:
    """Return a collection as the test of its only item: a boolean itself, anything else true.

    http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if isinstance(compiled, Condition):
        return compiled.test
    fetch = compiled.fetch

    def test(this: Any, scope: Scope) -> bool | None:
        value = single(fetch(this, scope))
        return value if value is None or isinstance(value, bool) else True

    return test


def present(names: tuple[str, ...]) -> Test:
    """Test whether the object has one of the members `names`, which structure has made non-empty."""
    if len(names) == 1:
        (name,) = names
        return lambda this, scope: name in this
    if len(names) == 2:
        one, other = names
        return lambda this, scope: one in this or other in this
    return lambda this, scope: not this.keys().isdisjoint(names)


def absent(names: tuple[str, ...]) -> Test:
    """Test the opposite of `present`."""
    if len(names) == 1:
        (name,) = names
        return lambda this, scope: name not in this
    if len(names) == 2:
        one, other = names
        return lambda this, scope: one not in this and other not in this
    return lambda this, scope: this.keys().isdisjoint(names)


def keys_of(fetch: Fetch, shared: Shared | None) -> Compute:
    """Return the keys of what `fetch` finds, computed once if `shared`."""

    def found(this: Any, scope: Scope) -> Any:
        return keys(fetch(this, scope))

    return shared(found) if shared else found
