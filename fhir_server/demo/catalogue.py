"""List the documents of the demonstration: one line each, and the text of each type.

Types and their class are rows of `mappings/nos/types.csv`; a test checks every one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.demo.narratives import TITLES


@dataclass(frozen=True, slots=True)
class Entry:
    """A document to write: `author` is a professional's key, `patient` or `health-insurance`.

    `day` is ISO, or empty for three days before the world's `now`; `form` is `pdf`, `cda` (a
    structured body) or `cda-pdf` (a PDF inside a CDA); `labels` are codes of JDV_J08.
    """

    key: str
    type: str
    category: str
    author: str
    day: str
    form: str
    labels: tuple[str, ...]

    @property
    def title(self) -> str:
        """Return the French title of its type."""
        return TITLES[self.type]


# Columns: key, type, class, author, day, form, labels.
_MAIN = """
delivery | 15508-5 | 10 | midwife | 2022-05-18 | pdf | N
treatment-given | 80565-5 | 45 | hospital-doctor | 2022-05-20 | pdf | N
hospital-report | 34112-3 | 10 | hospital-doctor | 2022-05-21 | cda-pdf | N
discharge-attestation | 86531-1 | 95 | hospital-doctor | 2022-05-21 | pdf | N
discharge-letter | 11490-0 | 10 | hospital-doctor | 2022-05-21 | cda | N
nursing-follow-up | 11506-3 | 10 | nurse | 2022-06-02 | pdf | N
masked-consultation | 11488-4 | 10 | psychiatrist | 2022-09-12 | pdf | N MASQUE_PS
dental-chart | 83836-7 | 11 | dentist | 2023-01-16 | pdf | N
ophthalmology | 78513-9 | 10 | ophthalmologist | 2023-03-22 | pdf | N
other-prescription | 57828-6 | 42 | ophthalmologist | 2023-03-22 | pdf | N
care-protocol | PROT_ALD | 44 | attending-doctor | 2023-06-05 | pdf | N
imaging | 18748-4 | 31 | radiologist | 2023-10-10 | pdf | N
cardiology | 11488-4 | 10 | care-team-doctor | 2024-01-23 | pdf | N
advance-directives | EXPPAT_3 | 90 | patient | 2024-02-29 | pdf | N
foot-care | PRESC-PEDI | 42 | attending-doctor | 2024-04-15 | pdf | N
certificate | 89601-9 | 52 | attending-doctor | 2024-09-02 | pdf | N
vaccination | 11369-6 | 52 | attending-doctor | 2024-10-21 | cda | N
own-document | EXPPAT_2 | 90 | patient | 2024-11-30 | pdf | N
summary | 60591-5 | 11 | attending-doctor | 2025-03-10 | cda | N
biology-first | 11502-2 | 10 | biologist | 2025-05-05 | cda | N
biology | 11502-2 | 10 | biologist | 2025-05-06 | cda | N
prescription | 57833-6 | 42 | attending-doctor | 2025-05-12 | pdf | N
dispensation | 60593-1 | 43 | pharmacist | 2025-05-13 | pdf | N
reimbursement | REMB | 60 | health-insurance | 2025-06-01 | pdf | N
awaited-pathology | 60568-3 | 10 | pathologist |  | pdf | N INVISIBLE_PATIENT
"""

_MINOR = """
child-check-up | 59283-2 | 10 | attending-doctor | 2022-09-05 | pdf | N
vaccination | 11369-6 | 52 | attending-doctor | 2023-09-11 | cda | N
secret-consultation | 11488-4 | 10 | midwife | 2025-04-09 | pdf | N INVISIBLE_REPRESENTANTS_LEGAUX
nursing-follow-up | 11506-3 | 10 | nurse | 2025-05-14 | pdf | N
"""

_OTHERS = """
summary | 60591-5 | 11 | other-doctor | 2021-09-14 | cda | N
biology | 11502-2 | 10 | biologist | 2022-02-08 | cda | N
imaging | 18748-4 | 31 | radiologist | 2022-11-17 | pdf | N
prescription | 57833-6 | 42 | other-doctor | 2023-04-03 | pdf | N
hospital-report | 34112-3 | 10 | hospital-doctor | 2023-12-19 | cda-pdf | N
vaccination | 11369-6 | 52 | other-doctor | 2024-10-07 | cda | N
reimbursement | REMB | 60 | health-insurance | 2025-06-01 | pdf | N
"""


def _entries(table: str) -> tuple[Entry, ...]:
    found = []
    for row in table.strip().splitlines():
        key, type_, category, author, day, form, labels = map(str.strip, row.split("|"))
        found.append(Entry(key, type_, category, author, day, form, tuple(labels.split())))
    return tuple(found)


MAIN_ENTRIES = _entries(_MAIN)
MINOR_ENTRIES = _entries(_MINOR)
OTHER_ENTRIES = _entries(_OTHERS)

# The document that replaces another one on the same record (R86): newer key -> older key.
REPLACES = {"biology": "biology-first"}

# On records other than the main one, the hospital report has left the default search (R85).
ARCHIVED = "hospital-report"
