"""Find the declarative data that is shipped with the server: `mappings/` and `profiles/`.

In a checkout `fhir_server/_data/` holds links to the two top-level folders; in an installed wheel
it holds their files. Both are read the same way.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def mappings_dir() -> Traversable:
    """Return the folder of the declarative maps (habilitation matrix, code systems, …)."""
    return files("fhir_server") / "_data" / "mappings"


def profiles_dir() -> Traversable:
    """Return the folder of the FHIR conformance resources."""
    return files("fhir_server") / "_data" / "profiles"
