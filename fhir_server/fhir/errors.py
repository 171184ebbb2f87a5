"""The one tree of errors: each knows its HTTP status, its issue code and where the fault is.

    FhirError
    ├── BadRequest            400  structure | invalid | value | too-costly
    ├── Unauthenticated       401  login
    ├── Forbidden             403  forbidden
    ├── NotFound              404  not-found
    ├── MethodNotAllowed      405  not-supported
    ├── NotAcceptable         406  not-supported
    ├── Conflict              409  conflict
    ├── Gone                  410  deleted
    ├── LengthRequired        411  required
    ├── PreconditionFailed    412  conflict | multiple-matches
    ├── TooLarge              413  too-long
    ├── UriTooLong            414  too-long
    ├── UnsupportedMediaType  415  not-supported
    ├── Unprocessable         422  processing | invariant | business-rule
    ├── PreconditionRequired  428  required
    ├── TooManyRequests       429  throttled
    └── Unavailable           503  transient

https://hl7.org/fhir/R4/http.html#status-codes and https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One line of an OperationOutcome.

    `code` is of value set issue-type; `expression` a FHIRPath such as `Patient.name[0].given`,
    or empty when the fault has no place inside a resource.
    """

    code: str
    diagnostics: str
    expression: str = ""
    severity: str = "error"


class FhirError(Exception):
    """An answer that is not a success. Never carries what the caller may not know."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(
        self,
        diagnostics: str = "",
        *,
        expression: str = "",
        code: str | None = None,
        issues: Sequence[Issue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep `issues` as they are, or make one of `diagnostics`, `expression` and `code`."""
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue(code or self.code, diagnostics, expression),
        )
        self.headers: Mapping[str, str] = headers or {}
        super().__init__("; ".join(issue.diagnostics for issue in self.issues))


class BadRequest(FhirError):
    """The request is not well formed, or names what the server does not know."""

    status, code = 400, "invalid"


class Unauthenticated(FhirError):
    """No token, or one that can't be believed."""

    status, code = 401, "login"


class Forbidden(FhirError):
    """Refused whatever the record holds, so that the refusal tells nothing about the record."""

    status, code = 403, "forbidden"


class NotFound(FhirError):
    """Absent, or not to be known by this caller: the same answer for both."""

    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    """The address exists, the verb does not."""

    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    """The form asked for is not one the server writes."""

    status, code = 406, "not-supported"


class Conflict(FhirError):
    """Two writes met, or an identity is taken."""

    status, code = 409, "conflict"


class Gone(FhirError):
    """Deleted, and the caller might have seen it before."""

    status, code = 410, "deleted"


class LengthRequired(FhirError):
    """A body whose end can't be told from a cut must say its length (RFC 9110, 15.5.12)."""

    status, code = 411, "required"


class PreconditionFailed(FhirError):
    """If-Match, or a condition that must match one resource, did not hold."""

    status, code = 412, "conflict"


class TooLarge(FhirError):
    """The body is over the limit."""

    status, code = 413, "too-long"


class UriTooLong(FhirError):
    """The address is over the limit."""

    status, code = 414, "too-long"


class UnsupportedMediaType(FhirError):
    """The body is of a type that the server does not read."""

    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    """Well formed, but against the rules of FHIR, of a profile, or of the record."""

    status, code = 422, "processing"


class PreconditionRequired(FhirError):
    """This server wants every change to say which version it changes (RFC 6585, section 3)."""

    status, code = 428, "required"


class TooManyRequests(FhirError):
    """The caller asked more often than it may (RFC 6585, section 4)."""

    status, code = 429, "throttled"

    def __init__(self, seconds: int) -> None:
        """Say to retry in `seconds`."""
        super().__init__(
            f"too many requests; try again in {seconds} s", headers={"Retry-After": str(seconds)}
        )


class Unavailable(FhirError):
    """MongoDB is away, or the server is full; try again."""

    status, code = 503, "transient"

    def __init__(
        self, diagnostics: str = "the database is not reachable; try again shortly"
    ) -> None:
        """Say to retry in two seconds."""
        super().__init__(diagnostics, headers={"Retry-After": "2"})
