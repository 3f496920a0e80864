"""Rows beside law: what privacy policies promise, and what the standards for records and notices ask, in our words."""

from __future__ import annotations

from tests.law.row import Row, by, met, unmet

__all__ = ["MORE"]

_PROMISES = (
    Row(
        108,
        "Session cookies",
        "session cookies end with the browser",
        met("their lifetime is taken off"),
    ),
    Row(
        109,
        "Staying signed in",
        "a login is remembered only by choice",
        met("*login* waits for consent; until then it ends with the browser"),
    ),
    Row(
        110,
        "Card numbers",
        "no cookie holds the number of a payment card",
        met("such a cookie is dropped and reported"),
    ),
    Row(
        111,
        "Blocking cookies",
        "people are told how to block cookies in their browser",
        met("the declaration tells it for six browsers"),
    ),
    Row(
        112,
        "Web beacons",
        "beacons only count people together",
        unmet("beacons of others wait for consent, but what the site's own count is not seen; not planned yet"),
    ),
    Row(
        113,
        "Opting out of ads",
        "people can opt out of ads, also in the industry's lists",
        met("*advertising*, and the declaration's links to NAI, DAA and EDAA"),
    ),
    Row(
        114,
        "Preferences",
        "people see and change their preferences, and read what a withdrawal means",
        met("preferences page"),
    ),
    Row(
        115,
        "Retention",
        "data is kept no longer than needed",
        by("`retention` and `log prune`"),
    ),
    Row(
        116,
        "Social features",
        "social features load by consent, with something in their place until then",
        met("a placeholder, which works without scripts"),
    ),
    Row(
        117,
        "Consent by phone",
        "consent can be given in writing, by word of mouth and by phone",
        met("`cookie-consent log record --channel`"),
    ),
    Row(
        118,
        "Access",
        "people get what was recorded about them in the past year",
        met("`/_consent/receipt`"),
    ),
    Row(
        119,
        "Revisions",
        "a revision is announced before it takes effect",
        met("`consent.next.toml`, announced in the declaration, the banner and a line until its `effective`"),
    ),
    Row(
        120,
        "Contact",
        "people can reach whoever is responsible",
        by("`controller.contact`"),
    ),
)
_STANDARDS = (
    Row(
        121,
        "ISO/IEC TS 27560 6.3.3",
        "a record has a schema, an id and the id of the person",
        met("the export by the Data Privacy Vocabulary"),
    ),
    Row(
        122,
        "ISO/IEC TS 27560 6.3.4.1",
        "it names the notice by an address that can be opened",
        met("`schema:url`, which is `/_consent/notice/HASH`"),
    ),
    Row(
        123,
        "ISO/IEC TS 27560 6.3.4.2",
        "language, purposes and lawful basis",
        met("the export has them"),
    ),
    Row(
        124,
        "ISO/IEC TS 27560 6.3.4.7",
        "which kinds of personal data, by category",
        unmet("it names cookies, and no kinds such as addresses or behaviour; belongs to the work on vendors"),
    ),
    Row(
        125,
        "ISO/IEC TS 27560 6.3.4.8",
        "the controller with address and country",
        by("`controller.address` and `controller.country`"),
    ),
    Row(
        126,
        "ISO/IEC TS 27560 6.3.4.12",
        "how long recipients keep the data",
        unmet("the longest cookie is told, the recipients' time is not; belongs to the work on vendors"),
    ),
    Row(
        127,
        "ISO/IEC TS 27560 6.3.4.16",
        "the jurisdiction",
        by("`controller.country`"),
    ),
    Row(
        128,
        "ISO/IEC TS 27560 6.3.4.17",
        "the recipients",
        met("with their country, as far as it is known"),
    ),
    Row(
        129,
        "ISO/IEC TS 27560 6.3.4.18",
        "how to withdraw, and the rights",
        met("the export has both"),
    ),
    Row(
        130,
        "ISO/IEC TS 27560 6.3.7",
        "each event with time, validity, kind and state",
        met("a status for what was given, refused or withdrawn"),
    ),
    Row(
        131,
        "ISO/IEC 29184 5.2.4",
        "the notice is in the languages of those who read it",
        met("as row 73; the record names the language that was shown"),
    ),
    Row(
        132,
        "ISO/IEC 29184 5.2.8",
        "a notice can be read again later",
        met("`/_consent/notice/HASH`"),
    ),
    Row(
        133,
        "ISO/IEC 29184 5.3.2",
        "the notice presents the purposes",
        met("in its first sentence"),
    ),
    Row(
        134,
        "ISO/IEC 29184 5.3.5",
        "what is collected, how, when and where",
        unmet("cookies are listed, what services read is not; belongs to the work on vendors"),
    ),
    Row(
        135,
        "ISO/IEC 29184 5.3.10",
        "third parties and how long they keep data",
        by("`services.NAME.retention`"),
    ),
    Row(
        136,
        "ISO/IEC 29184 5.3.12",
        "how to take part, complain, and see one's choices",
        met("declaration and receipt"),
    ),
    Row(
        137,
        "ISO/IEC 29184 5.3.16",
        "the risks",
        unmet("consequences of a refusal are told, risks of consent are not; not planned yet"),
    ),
    Row(
        138,
        "ISO/IEC 29184 5.5.2",
        "consent is renewed when conditions change",
        met("as row 21"),
    ),
    Row(
        139,
        "Kantara 1.1.0",
        "a receipt has an id, and the controller's postal address",
        by("`controller.address`"),
    ),
    Row(
        140,
        "Kantara 1.1.0",
        "purposes are named by the specification's list",
        unmet("the policy's own names stand there; belongs to the work on vendors"),
    ),
)

MORE = {
    "What privacy policies promise": _PROMISES,
    "Standards for records, notices and receipts": _STANDARDS,
}
