"""The facts about one document or resource that a rule may rest on: their names, nothing else.

They stand in the stored document under `acl`, computed once when it is written. The kernel names
them bare; `predicate.under("acl", …)` moves a finished predicate to where the store keeps them.

| fact        | holds |
|---|---|
| `patient`   | logical id of the one record that the resource belongs to |
| `governance`| what kind of thing it is to consent: `record`, `pointer`, `binary`, `patient`, `careteam`, `policy`, `trace`, `directory`, `knowledge`, `restricted` (`mappings/governance.json`) |
| `shared`    | true when it belongs to several records: it is then in none, and no one but a trusted system knows it (L63) |
| `ref`       | `Type/id` |
| `types`     | document type codes: the rows of the habilitation matrix (R37) |
| `classes`   | resource type, document class codes and profiles, for `Consent.provision.class` |
| `codes`     | the resource's own codes, as `system|code` and `*|code`, for `Consent.provision.code` |
| `refers`    | `Type/id` of everything in a record that it refers to, for `data.meaning` `dependents` |
| `labels`    | confidentiality and visibility labels in force, the newest version's included (R43, L38) |
| `authors`   | keys of the authors and of who deposited it (R44) |
| `owner`     | key of who deposited it |
| `deposited` | microseconds since the epoch of the first version (R50, R51) |
| `dated`     | the resource's own date as `{lo, hi}` microseconds, for `provision.dataPeriod` |
| `context`   | for a Binary with a `securityContext`: the facts of that resource (contract, conventions 7) |
| `targets`   | for pointers and binaries: the same facts of what they point to |
"""

from __future__ import annotations

from typing import Final

PATIENT: Final = "patient"
GOVERNANCE: Final = "governance"
SHARED: Final = "shared"
REF: Final = "ref"
TYPES: Final = "types"
CLASSES: Final = "classes"
CODES: Final = "codes"
REFERS: Final = "refers"
LABELS: Final = "labels"
AUTHORS: Final = "authors"
OWNER: Final = "owner"
DEPOSITED: Final = "deposited"
DATED: Final = "dated"
CONTEXT: Final = "context"
TARGETS: Final = "targets"

MASQUE_PS: Final = "MASQUE_PS"
INVISIBLE_PATIENT: Final = "INVISIBLE_PATIENT"
INVISIBLE_REPRESENTANTS_LEGAUX: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"
CONFIDENTIALITY_LEVELS: Final = ("U", "L", "M", "N", "R", "V")
"""v3-Confidentiality, from the least to the most confidential."""
CONFIDENTIALITY_LABELS: Final = frozenset(CONFIDENTIALITY_LEVELS)
