"""The FHIR addresses, one view each: https://hl7.org/fhir/R4/http.html#summary.

A view takes the call and the parts of the address, calls one interaction, and returns its answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fhir_server.http.call import Call
from fhir_server.http.compartment_routes import compartment_routes
from fhir_server.http.endpoint import Route
from fhir_server.http.operation_routes import operation_routes
from fhir_server.http.service import Service
from fhir_server.interactions import (
    arriving,
    capabilities,
    create,
    delete,
    history,
    patch,
    read,
    search,
    search_types,
    transaction,
    update,
    vread,
)
from fhir_server.interactions.exchange import Answer
from fhir_server.operations.table import invoke


def capability_statement(base: str, service: Service) -> Answer:
    """Say what the server can do: https://hl7.org/fhir/R4/http.html#capabilities."""
    return capabilities.capabilities(base, update_create=service.update_create != "off")


def bundle(call: Call) -> Answer:
    """Run a batch or a transaction: https://hl7.org/fhir/R4/http.html#transaction."""
    return transaction.transaction(replace(call.exchange, operate=invoke), call.resource())


def search_system(call: Call) -> Answer:
    """Search all types: https://hl7.org/fhir/R4/http.html#search."""
    return search_types.search_system(call.exchange, call.pairs)


def search_system_by_form(call: Call) -> Answer:
    """Search all types by POST: https://hl7.org/fhir/R4/http.html#search."""
    return search_types.search_system(call.exchange, call.form())


def search_type(call: Call, type: str) -> Answer:
    """Search one type: https://hl7.org/fhir/R4/http.html#search."""
    return search.search(call.exchange, type, call.pairs)


def search_type_by_form(call: Call, type: str) -> Answer:
    """Search one type by POST: https://hl7.org/fhir/R4/http.html#search."""
    return search.search(call.exchange, type, call.form())


def create_resource(call: Call, type: str) -> Answer:
    """Create under an id of the server's: https://hl7.org/fhir/R4/http.html#create."""
    exchange = call.alone()
    if (arrival := call.arrival(type)) is not None:
        return arriving.create(exchange, arrival)
    return create.create(exchange, type, call.native(type))


def read_resource(call: Call, type: str, id: str) -> Answer:
    """Read the current version: https://hl7.org/fhir/R4/http.html#read."""
    return read.read(call.exchange, type, id, call.pairs)


def read_version(call: Call, type: str, id: str, vid: str) -> Answer:
    """Read one version: https://hl7.org/fhir/R4/http.html#vread."""
    return vread.vread(call.exchange, type, id, vid, call.pairs)


def history_of_resource(call: Call, type: str, id: str) -> Answer:
    """List the versions of a resource: https://hl7.org/fhir/R4/http.html#history."""
    return history.history_instance(call.exchange, type, id, call.pairs)


def history_of_type(call: Call, type: str) -> Answer:
    """List the versions of a type: https://hl7.org/fhir/R4/http.html#history."""
    return history.history_type(call.exchange, type, call.pairs)


def history_of_all(call: Call) -> Answer:
    """List the versions of everything: https://hl7.org/fhir/R4/http.html#history."""
    return history.history_type(call.exchange, "", call.pairs)


def update_resource(call: Call, type: str, id: str) -> Answer:
    """Replace, or create under an id of the caller's: https://hl7.org/fhir/R4/http.html#update."""
    exchange = call.alone()
    if (arrival := call.arrival(type)) is not None:
        return arriving.update(exchange, id, arrival)
    return update.update(exchange, type, id, call.native(type, id))


def update_what_matches(call: Call, type: str) -> Answer:
    """Replace the one match, or create: https://hl7.org/fhir/R4/http.html#cond-update."""
    return update.update_conditional(call.exchange, type, call.pairs, call.resource())


def delete_what_matches(call: Call, type: str) -> Answer:
    """Delete all that the search finds: https://hl7.org/fhir/R4/http.html#3.1.0.7.1."""
    return delete.delete_conditional(call.exchange, type, call.pairs)


def patch_resource(call: Call, type: str, id: str) -> Answer:
    """Change a part: https://hl7.org/fhir/R4/http.html#patch."""
    return patch.patch(call.alone(), type, id, call.patch())


def patch_what_matches(call: Call, type: str) -> Answer:
    """Change a part of the one resource that the search finds: https://hl7.org/fhir/R4/http.html#patch."""
    return patch.patch_conditional(call.exchange, type, call.pairs, call.patch())


def delete_resource(call: Call, type: str, id: str) -> Answer:
    """Delete: https://hl7.org/fhir/R4/http.html#delete."""
    return delete.delete(call.alone(), type, id)


ROUTES: Final = (
    Route("GET", "/metadata", capability_statement, "Capabilities of the server",
          answer="CapabilityStatement", is_open=True),
    Route("GET", "", search_system, "Search all types", answer="Bundle"),
    Route("POST", "", bundle, "Batch or transaction", body="Bundle", answer="Bundle"),
    Route("POST", "/_search", search_system_by_form, "Search all types by form",
          body="form", answer="Bundle"),
    *operation_routes(),
    *compartment_routes(),
    Route("GET", "/_history", history_of_all, "History of everything", answer="Bundle"),
    Route("GET", "/<type>/_history", history_of_type, "History of a type", answer="Bundle"),
    Route("GET", "/<type>", search_type, "Search", answer="Bundle"),
    Route("POST", "/<type>", create_resource, "Create", body="Resource"),
    Route("PUT", "/<type>", update_what_matches, "Update the one match", body="Resource"),
    Route("DELETE", "/<type>", delete_what_matches, "Delete what matches", answer=""),
    Route("PATCH", "/<type>", patch_what_matches, "Patch the one match", body="patch"),
    Route("POST", "/<type>/_search", search_type_by_form, "Search by form",
          body="form", answer="Bundle"),
    Route("GET", "/<type>/<id>", read_resource, "Read"),
    Route("PUT", "/<type>/<id>", update_resource, "Update", body="Resource"),
    Route("PATCH", "/<type>/<id>", patch_resource, "Patch", body="patch"),
    Route("DELETE", "/<type>/<id>", delete_resource, "Delete", answer=""),
    Route("GET", "/<type>/<id>/_history", history_of_resource, "History of a resource",
          answer="Bundle"),
    Route("GET", "/<type>/<id>/_history/<vid>", read_version, "Read one version"),
)  # fmt: skip
