"""Print the Debian packages that the embedded MongoDB still needs; `make` installs them."""

from __future__ import annotations

import shutil

from fhir_server.store.mongo.embedded_program import missing_packages

if __name__ == "__main__":
    # A mongod of the machine's own came with its libraries.
    print("" if shutil.which("mongod") else " ".join(missing_packages()))
