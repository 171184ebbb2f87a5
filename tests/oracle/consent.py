"""Who may know a document, said a second time, as plainly as possible.

Written from the rule list (R numbers) and the contract's consent conventions (C numbers), one
document at a time; it knows nothing of predicates. The engine must agree with it, always.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fhir_server.consent.policy import ConsentPolicy, Period, Provision, RecordPolicy
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.consent.ruleset import RuleSet

Document = Mapping[str, Any]

NEVER_READ = {
    Kind.INSURER,  # R33
    Kind.BANK,  # R33
    Kind.SECRETARY,  # R34
    Kind.HEALTH_INSURANCE_FEED,  # R35
}
NEED_A_LINK = {
    Kind.PROFESSIONAL,
    Kind.SAMU_REGULATOR,
    Kind.ESTABLISHMENT_SOFTWARE,  # C8
    Kind.REFERENCED_SERVICE,  # C8, R101
}
LEVELS = "ULMNRV"
ONE_DAY = 24 * 60 * 60 * 1_000_000
REASON_CODE = {
    Purpose.TREATMENT: "TREAT",
    Purpose.BREAK_GLASS: "BTG",
    Purpose.REGULATION: "ETREAT",
    Purpose.PATIENT_REQUEST: "PATRQT",
}


class Oracle:
    """One caller, at one instant, facing some records."""

    def __init__(
        self,
        requester: Requester,
        records: Sequence[RecordPolicy],
        readable: Mapping[str, Collection[str]],
        rows: Collection[str],
        at: int,
        law: RuleSet | None = None,
    ) -> None:
        self.who = requester
        self.law = law or RuleSet()
        self.records = {record.patient: record for record in records}
        self.readable = readable
        self.rows = frozenset(rows)
        self.at = at
        self.names = set(requester.keys)

    def may_know(self, document: Document) -> bool:
        if self.who.kind is Kind.TRUSTED_SYSTEM:
            return True
        if self.who.kind in NEVER_READ:
            return False
        if self._occupational() and self.law.occupational_medicine == "never":  # R32
            return False
        return self._inside(document, steps=2) or self._outside(document)

    def _outside(self, document: Document) -> bool:
        """What belongs to no record: directories, knowledge, one's own deposits and traces."""
        if document.keys() == {"ref"}:
            return False  # deleted
        trace = document["governance"] == "trace"
        if trace and self.who.kind is Kind.AUDITOR:
            return True
        if "patient" in document or "shared" in document:
            return False
        wrote = bool(self.names & set(document["authors"]))
        if "MASQUE_PS" in document["labels"] and not wrote:
            return False
        if document["governance"] in ("directory", "knowledge"):
            return True
        myself = self._myself()
        return document["owner"] in myself or (trace and bool(myself & set(document["authors"])))

    def _myself(self) -> set[str]:
        """The caller as one person or, for software alone, one structure: not their colleagues."""
        if self.who.rpps:
            return {f"rpps:{self.who.rpps}"}
        if self.who.kind in (Kind.PATIENT, Kind.REPRESENTATIVE):
            return {f"{self.who.kind}:{self.who.patient}"} if self.who.patient else set()
        return {f"finess:{self.who.organization}"} if self.who.organization else set()

    def _inside(self, document: Document, steps: int) -> bool:
        record = self.records.get(document.get("patient", ""))
        if record is None or not self._entitled(record, document):
            return False
        if document["governance"] not in ("pointer", "binary"):
            return True
        if steps == 0:
            return False  # C7: what points to pointers that point to pointers stays unknown
        for points in ("targets", "context"):
            to = document.get(points, [])
            if to and not any(self._inside(t, steps - 1) or self._outside(t) for t in to):
                return False
        return True

    def _entitled(self, record: RecordPolicy, document: Document) -> bool:
        names = self.names | self._teams(record)
        labels = document["labels"]
        if self.who.kind is Kind.PATIENT:
            return self._is_about(record) and not self._to_be_announced(document)
        if self.who.kind is Kind.REPRESENTATIVE:
            return self._represents(record, names, document)
        if self.who.kind not in NEED_A_LINK and not self._occupational():
            return False
        if record.closed:  # C3
            return False
        treats = self._linked(record, names, "attending") and not self._occupational()
        shielded = treats and not self.law.attending_blockable
        blocks = [consent for consent in record.consents if not consent.masks]
        taken = any(self._takes(consent, names, document) for consent in blocks)
        if taken and not shielded:  # R24, R65
            return False
        wrote = bool(self.names & set(document["authors"]))
        masks = [consent for consent in record.consents if consent.masks]
        masked = any(self._takes(consent, names, document) for consent in masks)
        if (masked or "MASQUE_PS" in labels) and not self._sees_masked(wrote, treats):
            return False
        judged = document["governance"] == "record" and not treats and not wrote
        if judged and not self._habilitated(document):
            return False
        return self._let_in(record, names, document)

    def _represents(self, record: RecordPolicy, names: set[str], document: Document) -> bool:
        """R54, less what the minor hides (R58), and whoever a Consent denies by name."""
        if "INVISIBLE_REPRESENTANTS_LEGAUX" in document["labels"]:
            return False
        if not self._still_represents(record):
            return False
        if any(self._shuts_out(consent, names, document) for consent in record.consents):
            return False
        return self._is_about(record) and not self._to_be_announced(document)

    def _sees_masked(self, wrote: bool, treats: bool) -> bool:
        """R43, R44: author and attending doctor, where the law spares them."""
        as_author = wrote and "author" in self.law.masked_spares
        return as_author or (treats and "attending-doctor" in self.law.masked_spares)

    def _let_in(self, record: RecordPolicy, names: set[str], document: Document) -> bool:
        if document["governance"] == "trace":  # R72
            acted = bool(self._myself() & set(document["authors"]))
            treats = self._linked(record, names, "attending") and not self._occupational()
            return acted or treats
        if document["governance"] in ("directory", "knowledge", "restricted"):
            return False
        if self._occupational():  # R32: express consent, to the person and to nobody else
            person = self._myself() if self.who.rpps else set()
            return any(self._gives(c, person, document) for c in record.consents)
        if self._linked(record, names, "attending"):  # R20
            return True
        if self._linked(record, names, "care-team"):  # R16
            return True
        if any(self._gives(consent, names, document) for consent in record.consents):  # R15
            return True
        return self._emergency(record) or self._opened(record, names, document)

    def _opened(self, record: RecordPolicy, names: set[str], document: Document) -> bool:
        """R63: they broke the glass themselves, in this software, and the time is not over.

        R65: whoever opposes break-glass takes from it what they oppose.
        """
        if self.who.kind is not Kind.PROFESSIONAL:
            return False
        broken = any(
            session.key == f"rpps:{self.who.rpps}"
            and session.client in ("", self.who.client)
            and session.period.start <= self.at < session.period.end
            for session in record.sessions
        )
        if not broken:
            return False
        asking = replace(self.who, purpose=Purpose.BREAK_GLASS)
        breaking = Oracle(asking, [record], self.readable, self.rows, self.at)
        opposed = [consent for consent in record.consents if not consent.masks]
        return not any(breaking._takes(c, names, document) for c in opposed)

    def _emergency(self, record: RecordPolicy) -> bool:
        if not self._is_about(record):
            return False
        if self.who.purpose is Purpose.BREAK_GLASS:  # R63
            return self.who.kind is Kind.PROFESSIONAL and self.who.reason != ""
        if self.who.purpose is Purpose.REGULATION:  # R64
            doctor = self.who.kind is Kind.PROFESSIONAL and self.who.profession == "G15_10"
            return doctor or self.who.kind is Kind.SAMU_REGULATOR
        return False

    # small questions ---------------------------------------------------------------------------

    def _is_about(self, record: RecordPolicy) -> bool:
        return self.who.patient == record.patient

    def _to_be_announced(self, document: Document) -> bool:
        """R49, R51: hidden from the patient until one month after the deposit."""
        if "INVISIBLE_PATIENT" not in document["labels"]:
            return False
        return bool(self.at < document["deposited"] + self.law.announcement_days * ONE_DAY)

    def _occupational(self) -> bool:
        return self.who.kind is Kind.OCCUPATIONAL_MEDICINE

    def _still_represents(self, record: RecordPolicy) -> bool:
        """R57: of a minor, or of an adult whom a measure protects today."""
        if self.law.representation == "token" or self.at < record.of_age:
            return True
        return any(
            link.via == "protection"
            and link.key == f"representative:{self.who.patient}"
            and link.period.start <= self.at < link.period.end
            for link in record.links
        )

    def _habilitated(self, document: Document) -> bool:
        """R37: one of its types is readable, and none that the matrix knows is not."""
        column = self.who.profession
        if self.who.kind is Kind.ESTABLISHMENT_SOFTWARE:
            column = "ESTABLISHMENT_SOFTWARE"
        if self.who.kind is Kind.REFERENCED_SERVICE:
            column = "REFERENCED_SERVICE"
        if self.who.kind is Kind.SAMU_REGULATOR:
            column = "G15_10"  # R64: a doctor
        if self._occupational():
            column = "G15_10"  # R32: a doctor
        readable = self.readable.get(column, ())
        if column.startswith(("R94", "R95")) and not self.law.role_professions:  # R27
            readable = ()
        types = document.get("types", ())
        shut = any(type_ in self.rows and type_ not in readable for type_ in types)
        return not shut and any(type_ in readable for type_ in types)

    def _linked(self, record: RecordPolicy, names: set[str], via: str) -> bool:
        for link in record.links:
            now = link.period.start <= self.at < link.period.end
            if now and link.via == via and link.key in names:
                return True
        return False

    def _teams(self, record: RecordPolicy) -> set[str]:
        found = set()
        for link in record.links:
            now = link.period.start <= self.at < link.period.end
            team = link.source.split("/")[0] in ("CareTeam", "Group", "PractitionerRole")
            if now and link.key in self.names and team:
                found.add("team:" + link.source)
        return found

    # Consents ----------------------------------------------------------------------------------

    def _gives(self, consent: ConsentPolicy, names: set[str], document: Document) -> bool:
        """C1: an authorisation is a Consent in force whose root permits the caller by name."""
        if not consent.in_force.start <= self.at < consent.in_force.end:
            return False
        if not consent.root.permits or not consent.root.names_actor:
            return False
        return self._permits(consent.root, names, document)

    def _shuts_out(self, consent: ConsentPolicy, names: set[str], document: Document) -> bool:
        """A representative is denied by name only: blocks of everybody are for professionals."""
        if consent.masks:
            return False
        return consent.root.names_actor and self._takes(consent, names, document)

    def _takes(self, consent: ConsentPolicy, names: set[str], document: Document) -> bool:
        if not consent.in_force.start <= self.at < consent.in_force.end:
            return False
        root = consent.root
        if not root.permits:
            return self._denies(root, names, document)
        if root.names_actor or not self._speaks(root, names):
            return False
        return any(not i.permits and self._denies(i, names, document) for i in root.nested)

    def _permits(self, provision: Provision, names: set[str], document: Document) -> bool:
        if not provision.exact or not self._now(provision) or not self._mine(provision, names):
            return False
        code = REASON_CODE.get(self.who.purpose)
        if provision.purposes and code not in provision.purposes:
            return False
        for inner in provision.nested:
            if not inner.permits and self._denies(inner, names, document):
                return False
        if self._about_data(provision, document, permit=True):
            return True
        return any(i.permits and self._permits(i, names, document) for i in provision.nested)

    def _speaks(self, provision: Provision, names: set[str]) -> bool:
        """Whether a deny is for this caller, now and for this purpose; in doubt it is."""
        if not self._mine(provision, names):
            return False
        if provision.exact and not self._now(provision):
            return False
        return not provision.purposes or self._denied_purpose(provision)

    def _denies(self, provision: Provision, names: set[str], document: Document) -> bool:
        if not self._speaks(provision, names):
            return False
        for inner in provision.nested:
            if not inner.permits and self._denies(inner, names, document):
                return True
        if provision.exact and not self._about_data(provision, document, permit=False):
            return False
        return not any(i.permits and self._permits(i, names, document) for i in provision.nested)

    def _in_time(self, span: Period, dated: Sequence[Document], permit: bool) -> bool:
        """A permit covers what lies inside; a deny, what may reach inside, the undated included."""
        if permit:
            return any(span.start <= at["lo"] and at["hi"] <= span.end for at in dated)
        return not dated or any(span.start < at["hi"] and at["lo"] < span.end for at in dated)

    def _denied_purpose(self, provision: Provision) -> bool:
        """Who denies treatment denies emergencies and every purpose that isn't the patient's."""
        if REASON_CODE.get(self.who.purpose) in provision.purposes:
            return True
        return self.who.purpose is not Purpose.PATIENT_REQUEST and "TREAT" in provision.purposes

    def _now(self, provision: Provision) -> bool:
        return provision.period.start <= self.at < provision.period.end

    def _mine(self, provision: Provision, names: set[str]) -> bool:
        if provision.names_actor and not names & set(provision.actors):
            return False
        reading = {"access", "use", "disclose"}
        return not provision.actions or bool(reading & set(provision.actions))

    def _about_data(self, provision: Provision, document: Document, *, permit: bool) -> bool:
        coded = [*document.get("types", ()), *document.get("codes", ())]
        for wanted, found in (
            (provision.classes, document["classes"]),
            (provision.codes, coded),
        ):
            if wanted and not set(wanted) & set(found):
                return False
        if provision.labels and not self._labelled(provision.labels, document["labels"], permit):
            return False
        span = provision.data_period
        if span is not None and not self._in_time(span, document.get("dated", ()), permit):
            return False
        if provision.instances or provision.authored_by or provision.referring:
            by = bool(set(provision.authored_by) & set(document["authors"]))
            refers = bool(set(provision.referring) & set(document.get("refers", ())))
            return by or refers or document["ref"] in provision.instances
        return True

    def _labelled(self, wanted: Collection[str], borne: Collection[str], permit: bool) -> bool:
        """A permit stops at the highest level it lists; a deny starts at the lowest."""
        broader = {"ETHUD": "ETH", "OPIOIDUD": "ETH", "PSYTHPN": "PSY"}
        for label in borne:
            if label not in LEVELS and (label in wanted or broader.get(label) in wanted):
                return True
        listed = [LEVELS.index(label) for label in wanted if label in LEVELS]
        found = [LEVELS.index(label) for label in borne if label in LEVELS]
        if not listed or not found:
            return False
        if permit:
            return max(found) <= max(listed) and bool(set(found) & set(listed))
        return max(found) >= min(listed)
