"""The corpus under two script-based consent managers, set up and annotated as their documentation asks.

Every tag that their documentation has a way for is annotated, inline scripts too: as nobody but the corpus marks them.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
MARKED = re.compile(r"<([\w:]+) @leak((?:[^>'\"]|'[^']*'|\"[^\"]*\")*)>")
COOKIES = "/^(_ga|_gid|_fbp|_gcl|lab_)/"
VANILLA_CONFIG = f"""
import 'https://www.site.test/peer/cookieconsent.umd.js';
const manager = iframemanager();
CookieConsent.run({{
  categories: {{
    necessary: {{ enabled: true, readOnly: true }},
    analytics: {{
      autoClear: {{ cookies: [{{ name: {COOKIES} }}] }},
      services: {{ lab: {{
        onAccept: () => manager.acceptService('lab'), onReject: () => manager.rejectService('lab'),
      }} }},
    }},
  }},
  language: {{ default: 'en', translations: {{ en: {{
    consentModal: {{
      title: 'Cookies', description: 'We use cookies', acceptAllBtn: 'Accept', acceptNecessaryBtn: 'Reject',
    }},
    preferencesModal: {{ title: 'Cookies', acceptAllBtn: 'Accept', savePreferencesBtn: 'Save', sections: [] }},
  }} }} }},
}});
manager.run({{ currLang: 'en', services: {{ lab: {{ embedUrl: '{{data-id}}', languages: {{ en: {{ notice: 'A film',
  loadBtn: 'Load', loadAllBtn: 'Always' }} }} }} }} }});
"""
KLARO_CONFIG = f"""
var klaroConfig = {{
  version: 1, elementID: 'klaro', storageMethod: 'cookie', cookieName: 'klaro', default: false, mustConsent: false,
  acceptAll: true, hideDeclineAll: false,
  translations: {{ en: {{ purposes: {{ analytics: 'Analytics' }} }} }},
  services: [{{ name: 'lab', title: 'Lab', purposes: ['analytics'], cookies: [{COOKIES}], default: false }}],
}};
"""


class VanillaCookieConsent:
    """vanilla-cookieconsent 3 with the iframemanager that its documentation recommends for frames.

    Scripts: ``type="text/plain" data-category``. Frames: ``<div data-service data-id>``. It has no way for other tags.
    """

    name = "vanilla-cookieconsent"
    head = (
        "<link rel=stylesheet href=/peer/cookieconsent.css><link rel=stylesheet href=/peer/iframemanager.css>"
        "<script defer src=/peer/iframemanager.js></script><script type=module src=/peer/config.js></script>"
    )
    accept = "CookieConsent.acceptCategory('all')"

    @cached_property
    def files(self) -> Mapping[str, tuple[str, bytes]]:
        consent = NODE_MODULES / "vanilla-cookieconsent" / "dist"
        frames = NODE_MODULES / "@orestbida" / "iframemanager" / "dist"
        return {
            "/peer/config.js": ("text/javascript", VANILLA_CONFIG.encode()),
            "/peer/cookieconsent.umd.js": ("text/javascript", (consent / "cookieconsent.umd.js").read_bytes()),
            "/peer/cookieconsent.css": ("text/css", (consent / "cookieconsent.css").read_bytes()),
            "/peer/iframemanager.js": ("text/javascript", (frames / "iframemanager.js").read_bytes()),
            "/peer/iframemanager.css": ("text/css", (frames / "iframemanager.css").read_bytes()),
        }

    def annotate(self, html: str) -> str:
        return MARKED.sub(self._tag, html)

    def _tag(self, tag: re.Match[str]) -> str:
        name, attributes = tag[1], tag[2]
        if name == "script":
            attributes = attributes.replace(" type=module", " data-type=module")
            return f"<script type=text/plain data-category=analytics{attributes}>"
        if name == "iframe":
            source = re.sub(r" src=(?=['\"\w/])", " data-id=", attributes)
            return f"<div data-service=lab{source}></div><iframe hidden>"
        return f"<{name}{attributes}>"


class Klaro:
    """klaro: ``data-name``, and ``data-src``, ``data-href``, ``data-type`` in place of the attributes, on any tag."""

    name = "klaro"
    head = "<script defer src=/peer/config.js></script><script defer src=/peer/klaro.js></script>"
    accept = "(manager => { manager.changeAll(true); manager.saveAndApplyConsents() })(klaro.getManager())"

    @cached_property
    def files(self) -> Mapping[str, tuple[str, bytes]]:
        return {
            "/peer/config.js": ("text/javascript", KLARO_CONFIG.encode()),
            "/peer/klaro.js": ("text/javascript", (NODE_MODULES / "klaro" / "dist" / "klaro.js").read_bytes()),
        }

    def annotate(self, html: str) -> str:
        return MARKED.sub(self._tag, html)

    def _tag(self, tag: re.Match[str]) -> str:
        name = tag[1]
        attributes = re.sub(r" (src|href)=", r" data-\1=", tag[2])
        if name == "script":
            kind = "module" if " type=module" in attributes else "application/javascript"
            attributes = attributes.replace(" type=module", "")
            return f"<script type=text/plain data-type={kind} data-name=lab{attributes}>"
        return f"<{name} data-name=lab{attributes}>"


Peer = VanillaCookieConsent | Klaro
PEERS: tuple[Peer, ...] = (VanillaCookieConsent(), Klaro())
