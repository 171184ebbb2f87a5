"""What MongoDB's failures mean to a caller: one place, no detail of the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)

from fhir_server.fhir.errors import Conflict, TooLarge, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_TRANSIENT = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")


def translated(call: Callable[P, T]) -> Callable[P, T]:
    """Raise the error tree's exceptions instead of pymongo's.

    Transient errors of a transaction pass unchanged, because the transaction retries on them.
    """

    @wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (PyMongoError, DocumentTooLarge) as error:
            raise translate(error) from error

    return guarded


def translate(error: PyMongoError | DocumentTooLarge) -> Exception:
    """Return what `error` means; fail closed as `Unavailable` when it is not known."""
    match error:
        case PyMongoError() if error.has_error_label(_TRANSIENT[0]):
            return error
        case DuplicateKeyError():
            return _written_twice()
        case BulkWriteError(details={"writeErrors": [{"code": 11000}, *_]}):  # DuplicateKey
            return _written_twice()
        case DocumentTooLarge() | OperationFailure(code=10334):  # BSONObjectTooLarge
            return TooLarge("the resource is over the 16 MB that a stored resource may have")
        case ExecutionTimeout() | ConnectionFailure() | OperationFailure():
            return Unavailable()
        case _:
            return Unavailable()


def _written_twice() -> Conflict:
    return Conflict("the resource was written by someone else at the same time; try again")
