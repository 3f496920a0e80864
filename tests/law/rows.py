"""The rows by section. What they ask is in our own words: the source itself counts."""

from __future__ import annotations

from tests.law.row import Row, by, met, unmet

__all__ = ["ROWS", "SECTIONS"]

_BEFORE = (
    Row(
        1,
        "ePrivacy 5(3)",
        "before any choice, no host but the site's own is contacted",
        met("tags of others leave the server inert, and a Content-Security-Policy holds what scripts add"),
    ),
    Row(
        2,
        "ePrivacy 5(3)",
        "before any choice, no cookie that nobody has shown to be exempt",
        by(
            '`unknown_cookies = "ask"`; the default keeps an undeclared cookie until the browser closes '
            "([why](decisions/0031-undeclared-cookies.md))"
        ),
    ),
    Row(
        3,
        "ePrivacy 5(3)",
        "before any choice, nothing is put into the browser's storage but the state of the choice",
        by('`unknown_cookies = "ask"`, which counts for storage keys too'),
    ),
    Row(
        4,
        "EDPB 2/2023",
        "pixels of others, in `noscript` and by `ping` too, do nothing",
        met("they are held"),
    ),
    Row(
        5,
        "EDPB 2/2023",
        "a measuring pixel on the site's own host can be held to a category",
        met('the registry knows Matomo and the like by path and query; `hosts = ["/stats/"]` and `own` say the rest'),
    ),
    Row(
        6,
        "EDPB 2/2023",
        "ids of clicks in links are neither handed on nor kept without consent",
        unmet("links are sent as they are; belongs to the work on vendors"),
    ),
    Row(
        7,
        "EDPB 2/2023",
        "reads that tell a device by canvas, sound or fonts wait for consent, or are reported",
        unmet("scripts of others are held, but what a script of the site reads is not seen; not planned yet"),
    ),
    Row(
        8,
        "ePrivacy 5(3)",
        "the same after *Refuse all*, also on the next page",
        met("a refusal allows nothing more"),
    ),
    Row(
        9,
        "ePrivacy 5(3)",
        "cookies that the server sets, HttpOnly ones too, wait for consent",
        met("`Set-Cookie` passes the cookie gate"),
    ),
    Row(
        10,
        "Cookie Banner Taskforce; Garante 231/2021",
        "for each cookie that needs no consent there is a reason to show",
        met("the declaration gives it: `exempt`, else that it carries out what was asked for"),
    ),
    Row(
        11,
        "Cookie Banner Taskforce",
        "nothing is placed on the ground of a legitimate interest",
        met("a category is always on or waits for consent; no switch is about anything else"),
    ),
    Row(
        12,
        "EDPB 05/2020; Garante 231/2021",
        "the page can be used while the banner is open",
        met("it is no dialog, covers a part of the window and can be minimised"),
    ),
    Row(
        13,
        "GDPR 5(1)(c)",
        "the cookie of a refusal holds no id",
        met("all who refuse on a day have the same one"),
    ),
)
_CONSENT = (
    Row(
        14,
        "GDPR recital 32; CJEU C-673/17",
        "no box is ticked beforehand",
        met("none but what is always on"),
    ),
    Row(
        15,
        "EDPB 05/2020; Garante 231/2021; ANPD",
        "scrolling, Escape and going on are no choice",
        met("only the buttons of a form make one"),
    ),
    Row(
        16,
        "GDPR 7; EDPB 05/2020",
        "there is a choice for each purpose, and for each service",
        met("settings and preferences page"),
    ),
    Row(
        17,
        "EDPB 05/2020; CNIL 2020-092; PDPA 20; AEPD",
        "the first layer names each purpose",
        met("the banner's text lists them"),
    ),
    Row(
        18,
        "EDPB 05/2020; GDPR 13(1)(a)",
        "the first layer says who is responsible",
        by("`[controller]`; `check` asks for it"),
    ),
    Row(
        19,
        "EDPB 05/2020; GDPR 13(1)(e); CNIL 2020-091",
        "whoever receives data by a click was named in the text that is on record",
        met("known services and undeclared hosts are named or held, and *Accept all* grants no undeclared host"),
    ),
    Row(
        20,
        "CJEU C-673/17",
        "how long cookies last and whether others have access is told",
        met("preferences page and declaration list each cookie"),
    ),
    Row(
        21,
        "GDPR 7(1)",
        "an older consent does not cover a service that came later",
        met("it is held, and asked for by name"),
    ),
    Row(
        22,
        "GDPR 7(3); EDPB 05/2020; Cookie Banner Taskforce",
        "to take consent back takes no more steps than to give it",
        unmet(
            "two clicks on the page that is open, where consent takes one; the taskforce accepts a link (paragraph 35)"
        ),
    ),
    Row(
        23,
        "GDPR 7(3)",
        "before they agree, people read that they can withdraw",
        met("the banner says so, and where"),
    ),
    Row(
        24,
        "GDPR 7(3)",
        "it is said that what was done before a withdrawal stays lawful",
        met("declaration and preferences page, one click from the banner"),
    ),
    Row(
        25,
        "GDPR 7(1)",
        "there is one record for each decision: who, when, which text, language and version, what was "
        "granted and refused, how",
        met("the log"),
    ),
    Row(
        26,
        "CNIL 2020-092",
        "the record tells which build of the interface was shown",
        met("`build`, a digest of templates, style and script"),
    ),
    Row(
        27,
        "EDPB 05/2020",
        "the record tells which control was used",
        met("`control`"),
    ),
    Row(
        28,
        "GDPR 5(1)(e)",
        "records have an end",
        by("`retention` and `log prune`; `check` asks for it"),
    ),
    Row(
        29,
        "EDPB 05/2020; AEPD; Colorado 7.08",
        "a consent lapses",
        met("after six months: `cookie.max_age`"),
    ),
    Row(
        30,
        "GDPR 8; 11 CCR",
        "children are asked for their age, or refused for",
        unmet("there is no age gate; not planned yet"),
    ),
    Row(
        31,
        "DPV consent guide",
        "the lapse of a consent can be seen in the records",
        met(
            "receipts say `expired`, and exports give each consent its end; nobody sees a lapse happen, so no"
            " record is written for it"
        ),
    ),
)
_DESIGN = (
    Row(
        32,
        "Cookie Banner Taskforce; CNIL; DSK; AEPD; ICO",
        "where there is a button to accept there is one to refuse",
        met("side by side"),
    ),
    Row(
        33,
        "Cookie Banner Taskforce; OLG Köln 6 U 80/23",
        "refusing is a button, and no mere link or X",
        met("both are buttons of forms"),
    ),
    Row(
        34,
        "Cookie Banner Taskforce; CNIL 2020-092",
        "both have the same size, font and colours, with enough contrast",
        met("one style for both, 4.5:1 or more in light and dark"),
    ),
    Row(
        35,
        "EDPB 03/2022",
        "phones and computers show the same options",
        met("one markup, and no rule that hides an option"),
    ),
    Row(
        36,
        "EDPB 03/2022; Law 25; AEPD",
        "the banner speaks the language of the page",
        met("the page's `lang`, else `Content-Language`, else the browser's language"),
    ),
    Row(
        37,
        "EDPB 03/2022",
        "a refusal is not followed by another question for its time",
        met("six months"),
    ),
    Row(
        38,
        "EDPB 03/2022",
        "no link of the banner leads nowhere",
        met("its own pages answer; what `banner.privacy_url` leads to is the site's"),
    ),
    Row(
        39,
        "EDPB 03/2022",
        "refusing takes no more clicks than accepting",
        met("one each"),
    ),
    Row(
        40,
        "EDPB 03/2022",
        "saving settings without a tick refuses",
        met("what is not granted is refused"),
    ),
    Row(
        41,
        "Cookie Banner Taskforce; Garante 231/2021; CNIL",
        "each page has a lasting, visible way to the settings",
        met("a link in the corner"),
    ),
    Row(
        42,
        "EDPB 03/2022",
        "settings that are opened again show what was chosen",
        met("panel and preferences page do"),
    ),
    Row(
        43,
        "Garante 231/2021; ANPD; CNIL",
        "a site with nothing but necessary cookies shows no banner",
        met("categories in which nothing is declared or met are not offered; without any there is no panel"),
    ),
)
_FRANCE = (
    Row(
        44,
        "CNIL 2020-092",
        "each purpose is named and described before the choice",
        met("named in the text, described in the settings"),
    ),
    Row(
        45,
        "CNIL 2020-091; CNIL 2020-092",
        "who they are and how many is one step from the first layer, and kept current",
        met("*Partners*, with their number, leads to the declaration"),
    ),
    Row(
        46,
        "CNIL 2020-092",
        "a refusal is kept as long as a consent",
        met("one lifetime for both"),
    ),
    Row(
        47,
        "CNIL 2020-091",
        "measuring may be on until somebody objects, who is heard",
        unmet("every category is always on or opt-in; belongs to the work on regions"),
    ),
    Row(
        48,
        "CNIL 2020-091",
        "a measuring cookie lasts 13 months at most, and visits do not prolong it",
        unmet(
            "the limit is enforced, but a server that sets the cookie on each visit prolongs it; belongs to "
            "the work on regions"
        ),
    ),
    Row(
        49,
        "CNIL 2020-091",
        "how long measurements are kept is declared",
        by("`services.NAME.retention`; `check` asks for it"),
    ),
    Row(
        50,
        "CNIL 2020-091",
        "shortened addresses, one site, no other use: the exemption's terms are declared and checked",
        unmet("a service has no such keys; belongs to the work on regions"),
    ),
    Row(
        51,
        "CNIL 2020-091",
        "cookies of choice, sign-in, basket, load balancing and language need no consent",
        met("the registry knows the frameworks' as strictly necessary"),
    ),
)
_COUNTRIES = (
    Row(
        52,
        "PECR Schedule A1",
        "statistics may be on, with information and a free and simple objection",
        unmet("as row 47; belongs to the work on regions"),
    ),
    Row(
        53,
        "PECR Schedule A1",
        "the same for appearance",
        unmet("*preferences* is opt-in everywhere; belongs to the work on regions"),
    ),
    Row(
        54,
        "ICO",
        "no tags before a choice, a refusal on the first layer, and nobody agrees by going on",
        met("as rows 1, 15 and 32"),
    ),
    Row(
        55,
        "DSK; OLG Köln 6 U 80/23",
        "a refusal is as visible as consent, and closing does not consent",
        met("minimising is no answer"),
    ),
    Row(
        56,
        "EinwV",
        "the signal of a recognised consent service can be read",
        unmet("sites need not, and no service is read; not planned yet"),
        is_read=False,
    ),
    Row(
        57,
        "Garante 231/2021",
        "an X at the top right keeps the defaults",
        unmet("the banner can be minimised, which is no answer; belongs to the work on regions"),
    ),
    Row(
        58,
        "Garante 231/2021",
        "it is said what the X does",
        unmet("as row 57"),
    ),
    Row(
        59,
        "Garante 231/2021",
        "a refusal is not asked about again for six months",
        met("six calendar months by default"),
    ),
    Row(
        60,
        "Garante 231/2021",
        "the detailed settings list functions, third parties and cookies",
        met("preferences page"),
    ),
    Row(
        61,
        "Garante 231/2021",
        "consent and refusal are both on record",
        met("the log"),
    ),
    Row(
        62,
        "AEPD",
        "the settings are offered as visibly as the two buttons",
        met("a third button of the same look, on the first layer"),
    ),
    Row(
        63,
        "AEPD",
        "a preference that people set themselves can be kept without consent",
        by("a category of the site's own with `required = true`, whose cookies keep their lifetime"),
    ),
    Row(
        64,
        "AEPD",
        "the second layer tells what cookies are, which and what for, whose, transfers, profiles, "
        "retention, how to withdraw",
        met("the declaration has a place for each; what a company does is told as far as it is declared"),
    ),
    Row(
        65,
        "AEPD",
        "a consent counts for 24 months at most",
        met("six months"),
    ),
)
_GDPR = (
    Row(
        66,
        "GDPR 13(1)(a)",
        "name, postal address, contact and representative",
        by("`[controller]`; `check` asks for it"),
    ),
    Row(
        67,
        "GDPR 13(1)(b)",
        "how to reach the data-protection officer",
        by("`controller.data_protection_officer`"),
    ),
    Row(
        68,
        "GDPR 13(1)(c)",
        "the legal basis of each category",
        met("the declaration gives it"),
    ),
    Row(
        69,
        "GDPR 13(1)(e)",
        "the recipients by category",
        met("the declaration lists them"),
    ),
    Row(
        70,
        "GDPR 13(1)(f)",
        "third countries and safeguards by service",
        by("`transfers` and `safeguard`; the registry knows the company's country"),
    ),
    Row(
        71,
        "GDPR 13(2)(a)",
        "how long data is kept, by cookie and by service",
        by("`services.NAME.retention`; cookies' lifetimes are told anyhow"),
    ),
    Row(
        72,
        "GDPR 13(2)(b); GDPR 13(2)(d)",
        "rights, withdrawal, and where to complain",
        met("the declaration; `controller.authority` names the authority"),
    ),
    Row(
        73,
        "GDPR 12(1)",
        "the text is in the visitor's language",
        met("fifty languages are built in, among them all official ones of the European Union; sites can add others"),
    ),
    Row(
        74,
        "GDPR 12(3); GDPR 15",
        "people get their own records at once, also for machines",
        met("`/_consent/receipt`"),
    ),
    Row(
        75,
        "GDPR 30(1)",
        "the entry for the register of processing can be exported",
        met("`cookie-consent export register`"),
    ),
    Row(
        76,
        "GDPR 32",
        "the log only grows, and changes to it are found",
        met("triggers, and with a key a signed Merkle tree"),
    ),
)
_SINGAPORE = (
    Row(
        77,
        "PDPA 20; PDPA 14(1)",
        "purposes are told before data is collected",
        met("the first layer lists them"),
    ),
    Row(
        78,
        "PDPA 14(2)",
        "consent is no condition of the service, and nobody is misled",
        met("as row 12"),
    ),
    Row(
        79,
        "PDPA 15",
        "what people ask for needs no consent; advertising by behaviour does",
        met("*session* without, *advertising* with consent"),
    ),
    Row(
        80,
        "PDPA 16",
        "the likely consequences of a withdrawal are told where it is made",
        met("for each category, in panel and preferences page"),
    ),
    Row(
        81,
        "PDPA 16(4)",
        "whoever processes data for the site is told of a withdrawal",
        unmet("what comes later is stopped, but nobody is told; belongs to the work on vendors"),
    ),
    Row(
        82,
        "PDPA 21(1)",
        "people can learn to whom their data went in the past year",
        met("receipts name the recipients of each choice"),
    ),
    Row(
        83,
        "PDPA 22",
        "a choice can be corrected",
        met("settings and preferences page"),
    ),
    Row(
        84,
        "PDPA 25",
        "records end when they are no longer needed",
        by("as row 28"),
    ),
    Row(
        85,
        "PDPA 26",
        "the countries to which data goes are told",
        by("`services.NAME.transfers`; the registry knows the company's country"),
    ),
)
_AMERICAS = (
    Row(
        86,
        "Law 25 8.1",
        "what identifies, locates or profiles is off until switched on, and how is told",
        met("as rows 14 and 17"),
    ),
    Row(
        87,
        "Law 25 14",
        "consent is asked for apart from other things, by purpose, for a time",
        met("banner, categories, `cookie.max_age`"),
    ),
    Row(
        88,
        "ANPD",
        "the first layer has a plain button that refuses all, and nothing is on beforehand",
        met("as rows 14 and 32"),
    ),
    Row(
        89,
        "ANPD",
        "the information is in Portuguese",
        met("Portuguese as in Brazil is built in"),
    ),
    Row(
        90,
        "ANPD",
        "the second layer gives the legal basis of each category",
        met("the declaration, one click from the banner"),
    ),
)
_SIGNALS = (
    Row(
        91,
        "11 CCR 7004(a)(2)",
        "refusing takes no more steps than accepting",
        met("as row 39"),
    ),
    Row(
        92,
        "11 CCR 7013; 11 CCR 7015; Cal. Civ. 1798.135(a)",
        "a link *Do Not Sell or Share My Personal Information*, or *Your Privacy Choices* with its icon",
        unmet("the site can link to the preferences page; belongs to the work on regions"),
    ),
    Row(
        93,
        "11 CCR 7026(a)(4)",
        "the way to opt out speaks of sale and sharing, and is more than a cookie banner",
        unmet("the preferences page speaks of categories; belongs to the work on regions"),
    ),
    Row(
        94,
        "11 CCR 7025(c)(1)",
        "the signal counts for a known person too, also elsewhere",
        unmet("consent ids are never tied to accounts; belongs to the work on regions"),
    ),
    Row(
        95,
        "11 CCR 7025(c)(3)",
        "the signal prevails over an earlier consent",
        met("at once, and on record"),
    ),
    Row(
        96,
        "11 CCR 7025(c)(6)",
        "it is shown that the signal is honoured",
        met("the link to the settings says so on every page"),
    ),
    Row(
        97,
        "11 CCR 7026(g)",
        "people can see that their opt-out was processed",
        met("the same link, and the receipt"),
    ),
    Row(
        98,
        "Cal. Civ. 1798.135(c)(4)",
        "after an opt-out nobody is asked to opt in for twelve months",
        met("a cookie of its own; settings stay open"),
    ),
    Row(
        99,
        "11 CCR 7101",
        "opt-outs stay on record for 24 months",
        met("nothing is deleted unless the site says when"),
    ),
    Row(
        100,
        "Cal. Civ. 1798.140",
        "the signal takes back everything by which others get data",
        met("advertising, social media, and what nobody has classified"),
        is_read=False,
    ),
    Row(
        101,
        "Colorado 5.08; Colorado 5.09",
        "an opt-out stays when the signal is gone",
        met("it is in the cookie and the log"),
    ),
    Row(
        102,
        "Global Privacy Control",
        "nothing but `1` counts",
        met("`true` and `0` are ignored"),
    ),
    Row(
        103,
        "Global Privacy Control",
        "of several headers one `1` is enough",
        met("all of them are read"),
    ),
    Row(
        104,
        "Global Privacy Control",
        "`/.well-known/gpc.json` says since when, and never a day to come",
        met("today at the latest"),
    ),
    Row(
        105,
        "Global Privacy Control",
        "where a proxy takes the header off, the script reads `navigator.globalPrivacyControl`",
        met("the guard tells the server, which then holds the page to it"),
    ),
    Row(
        106,
        "Global Privacy Control",
        "rules differ by region: opt-in, opt-out, notice",
        unmet("the strictest rules count for everybody; belongs to the work on regions"),
    ),
    Row(
        107,
        "DNT",
        "nothing: it was given up",
        met("it is ignored"),
    ),
)

SECTIONS = {
    "Nothing before consent": _BEFORE,
    "Valid consent": _CONSENT,
    "Design of the banner": _DESIGN,
    "France": _FRANCE,
    "United Kingdom, Germany, Italy, Spain": _COUNTRIES,
    "What the GDPR asks to be told, kept and shown": _GDPR,
    "Singapore": _SINGAPORE,
    "Quebec, Brazil": _AMERICAS,
    "California, Colorado, and Global Privacy Control": _SIGNALS,
}
ROWS = {row.number: row for rows in SECTIONS.values() for row in rows}
