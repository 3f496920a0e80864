"""Pages that outlive a choice: kept by the browser, or open in another tab."""

from __future__ import annotations

from tests.leaklab.page import Page

PAGES = (
    Page(
        name="restored",
        does="a page that sends something when the visitor comes back to it",
        body="<script @leak>addEventListener('pageshow',event=>{"
        "if(event.persisted)new Image().src='https://THIRD/back'})</script>",
        act="return",
    ),
    Page(
        name="open-tab",
        does="a page that keeps sending, open while consent is withdrawn in another tab",
        body="<script @leak>setInterval(()=>{new Image().src='https://THIRD/'+Math.random()},200)</script>",
        act="stay",
    ),
)
