"""Say what each type of document says: its title and the headed paragraphs of its body."""

from __future__ import annotations

from fhir_server.demo.pdf import Section

TITLES = {
    "11369-6": "Historique des vaccinations",
    "11488-4": "Compte rendu de consultation",
    "11490-0": "Lettre de liaison à la sortie d'hospitalisation",
    "11502-2": "Compte rendu d'examens biologiques",
    "11506-3": "Fiche de suivi de soins infirmiers",
    "15507-7": "Compte rendu de passage aux urgences",
    "15508-5": "Compte rendu d'accouchement",
    "18748-4": "Compte rendu d'imagerie médicale",
    "34112-3": "Compte rendu d'hospitalisation",
    "57828-6": "Ordonnance de lunettes",
    "57833-6": "Ordonnance de médicaments",
    "59283-2": "Compte rendu d'examen de l'enfant",
    "60568-3": "Compte rendu d'anatomie pathologique",
    "60591-5": "Volet de synthèse médicale",
    "60593-1": "Dispensation de médicaments",
    "78513-9": "Compte rendu de consultation en ophtalmologie",
    "80565-5": "Traitements administrés pendant le séjour",
    "83836-7": "Schéma dentaire",
    "86531-1": "Attestation de sortie",
    "89601-9": "Certificat médical",
    "EXPPAT_2": "Mon carnet de glycémies",
    "EXPPAT_3": "Mes directives anticipées",
    "PRESC-PEDI": "Prescription d'actes de pédicurie",
    "PROT_ALD": "Protocole de soins ALD",
    "REMB": "Soins remboursés",
}

_BODIES: dict[str, tuple[Section, ...]] = {
    "15508-5": (
        ("Accouchement", "Travail spontané à 39 semaines, voie basse, périnée intact."),
        ("Enfant", "Né à 4 h 12, 3 280 g, Apgar 10 à 5 minutes. Allaitement débuté."),
    ),
    "80565-5": (("Médicaments administrés", "Paracétamol 1 g × 3 par jour ; fer 80 mg le matin."),),
    "34112-3": (
        ("Motif", "Hospitalisation programmée pour surveillance."),
        (
            "Évolution",
            "Suites simples. Douleur contrôlée, constantes stables, reprise de la marche.",
        ),
        ("Conclusion", "Retour à domicile. Contrôle biologique à un mois, suivi en ville."),
    ),
    "86531-1": (("Attestation", "La personne a quitté l'établissement ce jour à 11 h 00."),),
    "11490-0": (
        ("Synthèse du séjour", "Séjour de trois jours sans complication."),
        (
            "Traitement de sortie",
            "Fer 80 mg le matin pendant trois mois. Pas d'arrêt de traitement.",
        ),
        ("Suites", "Infirmier à domicile une semaine, médecin traitant à un mois."),
    ),
    "11506-3": (("Soins", "Pansement refait, plaie propre. Pression artérielle 12/7, pouls 72."),),
    "11488-4": (
        ("Motif", "Consultation demandée par le médecin traitant."),
        (
            "Examen",
            "Examen sans particularité. Échange sur le sommeil, l'effort et les traitements.",
        ),
        ("Conclusion", "Poursuite du suivi, nouveau rendez-vous dans six mois."),
    ),
    "83836-7": (("Schéma", "Dents 18, 28, 38 et 48 absentes. Composite sur 26. Détartrage fait."),),
    "78513-9": (("Réfraction", "Œil droit -1,25 ; œil gauche -1,50. Fond d'œil normal."),),
    "57828-6": (("Prescription", "Verres unifocaux : OD -1,25, OG -1,50. Validité cinq ans."),),
    "PROT_ALD": (("Protocole", "Diabète de type 2 : HbA1c trimestrielle, fond d'œil annuel."),),
    "18748-4": (
        ("Technique", "Examen réalisé sans injection."),
        ("Résultat", "Pas d'anomalie décelée. Aucune lésion suspecte."),
    ),
    "EXPPAT_3": (
        ("Mes volontés", "Je souhaite que mes douleurs soient soulagées et ma famille entourée."),
        ("Maintien artificiel", "Je refuse l'obstination déraisonnable."),
    ),
    "PRESC-PEDI": (
        ("Prescription", "Quatre séances de soins de pédicurie, pied à risque grade 2."),
    ),
    "89601-9": (("Certificat", "Aucune contre-indication décelée à la pratique de la natation."),),
    "11369-6": (
        ("Vaccinations", "Diphtérie-tétanos-polio : à jour. Grippe : faite cet automne."),
        ("À prévoir", "Prochain rappel dans dix ans."),
    ),
    "EXPPAT_2": (
        ("Mes glycémies", "Lundi 1,05 ; mardi 1,12 ; mercredi 0,98 ; jeudi 1,08 g/l à jeun."),
    ),
    "60591-5": (
        ("Pathologies en cours", "Diabète de type 2 équilibré. Allergie à la pénicilline."),
        ("Traitements au long cours", "Metformine 500 mg matin et soir."),
        ("Points de vigilance", "Surveillance des pieds, fond d'œil annuel, vaccination à jour."),
    ),
    "11502-2": (
        ("Hématologie", "Hémoglobine 12,8 g/dl. Leucocytes 6,1 G/l. Plaquettes 245 G/l."),
        ("Biochimie", "HbA1c 6,4 %. Créatinine 62 µmol/l. Débit de filtration 98 ml/min."),
    ),
    "57833-6": (("Prescription", "Metformine 500 mg : 1 comprimé matin et soir, trois mois."),),
    "60593-1": (("Délivré", "Metformine 500 mg, 2 boîtes de 90 comprimés. Conseil : aux repas."),),
    "REMB": (
        ("Pharmacie", "Deux délivrances."),
        ("Hospitalisation", "Aucun séjour."),
        ("Soins médicaux et dentaires", "Trois consultations, un détartrage."),
        ("Radiologie", "Une échographie."),
        ("Biologie", "Deux bilans sanguins."),
    ),
    "60568-3": (
        ("Prélèvement", "Cytoponction d'un nodule."),
        ("Conclusion", "Résultat à remettre au cours d'une consultation d'annonce."),
    ),
    "15507-7": (
        ("Motif", "Malaise sans perte de connaissance, adressée par le SAMU."),
        ("Conclusion", "Hypoglycémie corrigée. Retour à domicile, médecin traitant sous 48 h."),
    ),
    "59283-2": (("Examen", "Croissance régulière : 148 cm, 39 kg. Vue et audition normales."),),
}


def narrative(type_code: str) -> tuple[Section, ...]:
    """Return the headed paragraphs of a document of `type_code`; raise `KeyError` if unknown."""
    return _BODIES[type_code]
