"""Documents in which browsers and parsers are likely to differ: a weighted choice of pieces of markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["EVIL", "Document", "document"]

EVIL = "evil.test"
"""The other host."""
Document = tuple[str, ...]

CARRIERS = (
    f"<img src=//{EVIL}/>", f'<img alt=">" src="//{EVIL}/">', f"<script src=//{EVIL}/></script>",
    f"<iframe src=//{EVIL}/></iframe>", f"<link rel=stylesheet href=//{EVIL}/>", f"<image href=//{EVIL}/ />",
    f"<image xlink:href=//{EVIL}/ src=//{EVIL}/>", f"<use href=//{EVIL}/#a />", f"<feImage href=//{EVIL}/ />",
    f"<embed src=//{EVIL}/>", f"<object data=//{EVIL}/></object>", f"<video poster=//{EVIL}/></video>",
    f"<input type=image src=//{EVIL}/>", f"<meta http-equiv=refresh content='9;url=//{EVIL}/'>",
    f"<frame src=//{EVIL}/>",
    f'<p style="background:url(//{EVIL}/)">', f"<style>a{{background:url(//{EVIL}/)}}</style>",
    f"<style>@import '//{EVIL}/';</style>", f'<g fill="url(//{EVIL}/)">', f"<script href=//{EVIL}/></script>",
    f"<td background=//{EVIL}/>", f"<base href=//{EVIL}/>",
)  # fmt: skip
FOREIGN = (
    "<svg>", "</svg>", "<math>", "</math>", "<g>", "</g>", "<path/>", "</path>", "<desc>", "</desc>",
    "<foreignObject>", "</foreignObject>", "<mi>", "</mi>", "<mtext>", "</mtext>", "<annotation-xml>",
    "<annotation-xml encoding=text/html>", "</annotation-xml>", "<mglyph>", "<malignmark>", "<svg/>", "<font color=x>",
    "<font>", "</font>", "<a>", "</a>",
)  # fmt: skip
TEXTS = (
    "<style>", "</style>", "<title>", "</title>", "<textarea>", "</textarea>", "<script>", "</script>", "<xmp>",
    "</xmp>", "<iframe>", "</iframe>", "<noembed>", "</noembed>", "<noframes>", "</noframes>", "<noscript>",
    "</noscript>", "<plaintext>",
)  # fmt: skip
PHASES = (
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    '<p title="',
    '">',
    '"',
    "'",
    ">",
    "<!",
    "<?x",
    "</",
    "<a b='",
    "'>",
    "<p ",
)
STRUCTURE = (
    "<select>", "</select>", "<option>", "<optgroup>", "<table>", "</table>", "<tr>", "<td>", "</td>", "<caption>",
    "<colgroup>", "<col>", "<template>", "</template>", "<frameset>", "</frameset>", "<body>", "</body>", "</html>",
    "<head>", "</head>", "<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<li>", "</br>", "<button>", "</button>",
    "<object>", "</object>", "<form>", "</form>", "<input>", "<h1>", "</h1>", "<nobr>", "<hr>", "<keygen>", "text", " ",
    "<base href=/>", "<img src=own.png>", "<img src=own.png>",
)  # fmt: skip
_GROUPS = (CARRIERS, FOREIGN, TEXTS, PHASES, STRUCTURE)
_WEIGHTS = (20, 28, 20, 16, 24)
_LONGEST = 14


def document(source: random.Random) -> Document:
    """Return the pieces of one document, with a carrier in it."""
    groups = source.choices(_GROUPS, _WEIGHTS, k=source.randrange(2, _LONGEST))
    pieces = [group[int(source.random() * len(group))] for group in groups]
    if not any(EVIL in piece for piece in pieces):
        pieces.insert(source.randrange(len(pieces) + 1), source.choice(CARRIERS))
    return tuple(pieces)
