"""What the public pages about verdicts say, in English and German."""

# ruff: noqa: E501 - sentences, which read better whole

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Wording:
    """One language."""

    heading: Mapping[str, str]
    """By verdict."""
    sentences: Mapping[str, str]
    """By the code of the reason."""
    shown: str
    real: str
    looks_like: str
    not_kept: str
    """In place of a picture that only a client has sent."""
    agreement: str
    """What the picture of two marks shows."""
    ranked: str
    not_ranked: str
    visitor_title: str
    visitor: str
    owner_title: str
    owner: str
    object_title: str
    object_lead: str
    contact: str
    message: str
    send: str
    details: str
    contact_missing: str
    taken_title: str
    taken: str
    proof_title: str
    proof: str
    check: str
    proven: str
    missing: str
    back: str

    def rank(self, position: int | None) -> str:
        """A site's rank."""
        return self.not_ranked if position is None else self.ranked.format(rank=f"{position:,}")


WORDS: Mapping[Language, Wording] = {
    "en": Wording(
        heading={"lock": "This is not {owner}", "grey": "Be careful with {site}", "other": "About {site}"},
        sentences={
            "looks_like": "{site} shows the icon of {owner}, and we do not know the two to belong together.",
            "same_mark": "{site} shows the mark of {owner} in another drawing and gives itself out for it, and we do not know the two to belong together.",
            "blocklisted": "The operator of this service has blocked {site}.",
            "degenerate": "The icon of {site} is too plain to be told from others.",
            "no_icon": "{site} has no icon by which it could be recognised.",
            "discovery_failed": "We could not visit {site}, so we do not know what it shows.",
            "hashing_failed": "The icons of {site} are damaged, so we do not know what they show.",
            "reported": "Several people have reported {site}.",
            "": "There is something about {site} that you should look at twice.",
        },
        shown="the address you are on",
        real="who is known for this icon",
        looks_like="looks like",
        not_kept="no copy kept",
        agreement="This site's mark, the real one's, and one on the other: green where they agree, red and blue where only one has something.",
        ranked="number {rank} of the best-known sites",
        not_ranked="not among the best-known sites",
        visitor_title="You wanted to go there?",
        visitor="Look at the address. If you expected the other name, close the page and type the address yourself. "
        "Reading does no harm; do not type passwords, card numbers or recovery words.",
        owner_title="Is this your site?",
        owner="Show an icon of your own, and the warning goes away with our next visit. If both sites are yours, or "
        "you may use this icon, tell us below. A redirect from the better known site to yours, or its "
        "/.well-known/assetlinks.json naming yours, proves it without us.",
        object_title="Object",
        object_lead="A person reads it. We use your address for the answer and for nothing else.",
        contact="How can we reach you?",
        message="What is wrong?",
        send="Send",
        details="All reasons",
        contact_missing="Please say how we can reach you.",
        taken_title="We have your objection",
        taken="Somebody will look at {site}. Keep this page's address if you want to come back.",
        proof_title="Are you the owner?",
        proof="Then prove it, and your word counts for more: put a text file at this address, with this line in it.",
        check="Look for the file",
        proven="The file is there: we know that the owner speaks.",
        missing="The file is not there yet, or does not hold the line.",
        back="Back to the verdict",
    ),
    "de": Wording(
        heading={"lock": "Das ist nicht {owner}", "grey": "Vorsicht mit {site}", "other": "Über {site}"},
        sentences={
            "looks_like": "{site} zeigt das Symbol von {owner}, und wir wissen nicht, dass beide zusammengehören.",
            "same_mark": "{site} zeigt das Zeichen von {owner} in anderer Zeichnung und gibt sich dafür aus, und wir wissen nicht, dass beide zusammengehören.",
            "blocklisted": "Der Betreiber dieses Dienstes hat {site} gesperrt.",
            "degenerate": "Das Symbol von {site} ist zu schlicht, um es von anderen zu unterscheiden.",
            "no_icon": "{site} hat kein Symbol, an dem man es erkennen könnte.",
            "discovery_failed": "Wir konnten {site} nicht besuchen und wissen nicht, was dort gezeigt wird.",
            "hashing_failed": "Die Symbole von {site} sind beschädigt; wir wissen nicht, was sie zeigen.",
            "reported": "Mehrere Leute haben {site} gemeldet.",
            "": "An {site} ist etwas, das einen zweiten Blick verdient.",
        },
        shown="die Adresse, auf der Sie sind",
        real="wer für dieses Symbol bekannt ist",
        looks_like="sieht aus wie",
        not_kept="nicht aufbewahrt",
        agreement="Das Zeichen dieser Seite, das echte und eines auf dem anderen: grün, wo sie übereinstimmen, rot und blau, wo nur eines etwas hat.",
        ranked="Nummer {rank} der bekanntesten Seiten",
        not_ranked="nicht unter den bekanntesten Seiten",
        visitor_title="Sie wollten dorthin?",
        visitor="Sehen Sie sich die Adresse an. Haben Sie den anderen Namen erwartet, schließen Sie die Seite und "
        "geben Sie die Adresse selbst ein. Lesen schadet nicht; geben Sie keine Passwörter, Kartennummern "
        "oder Wiederherstellungswörter ein.",
        owner_title="Ist das Ihre Seite?",
        owner="Zeigen Sie ein eigenes Symbol, dann verschwindet die Warnung mit unserem nächsten Besuch. Gehören beide "
        "Seiten Ihnen, oder dürfen Sie das Symbol verwenden, so sagen Sie es uns unten. Eine Weiterleitung von der "
        "bekannteren Seite zu Ihrer, oder deren /.well-known/assetlinks.json, beweist es auch ohne uns.",
        object_title="Widersprechen",
        object_lead="Ein Mensch liest es. Ihre Adresse verwenden wir für die Antwort und für nichts sonst.",
        contact="Wie erreichen wir Sie?",
        message="Was ist falsch?",
        send="Absenden",
        details="Alle Gründe",
        contact_missing="Bitte sagen Sie uns, wie wir Sie erreichen.",
        taken_title="Ihr Widerspruch ist da",
        taken="Jemand wird sich {site} ansehen. Heben Sie die Adresse dieser Seite auf, wenn Sie wiederkommen wollen.",
        proof_title="Gehört Ihnen die Seite?",
        proof="Dann beweisen Sie es, und Ihr Wort zählt mehr: Legen Sie unter dieser Adresse eine Textdatei mit dieser "
        "Zeile ab.",
        check="Nach der Datei sehen",
        proven="Die Datei ist da: Wir wissen, dass der Eigentümer spricht.",
        missing="Die Datei ist noch nicht da, oder die Zeile fehlt darin.",
        back="Zurück zum Urteil",
    ),
}
