"""Pages whose answers do it: headers, and cookies that no script sees."""

from __future__ import annotations

from tests.leaklab.page import File, Page

YEAR = "Max-Age=31536000"

PAGES = (
    Page(
        name="link-preload",
        does="`Link` header: preload",
        headers=(("link", "<https://THIRD/a.css>; rel=preload; as=style"),),
    ),
    Page(
        name="link-preconnect",
        does="`Link` header: preconnect",
        headers=(("link", "<https://THIRD>; rel=preconnect"),),
        regular=True,
    ),
    Page(
        next_time=True,
        name="speculation-file",
        does="`Speculation-Rules` header: an own file of rules that prefetch another site",
        headers=(("speculation-rules", '"OWN/rules.json?port=PORT"'),),
        files={
            "rules.json": File(
                body='{"prefetch":[{"source":"list","urls":["https://THIRD:PORT/next.html"],"eagerness":"immediate"}]}',
                content_type="application/speculationrules+json",
            )
        },
    ),
    Page(
        windows=True,
        name="refresh",
        does="`Refresh` header: the visitor is led away",
        headers=(("refresh", "0; url=https://THIRD/a.html"),),
    ),
    Page(
        name="coding-of-browsers",
        does="a page in a coding that only browsers read (`Content-Encoding: dcz`)",
        headers=(("content-encoding", "dcz"),),
        # Without a dictionary Chromium takes it as it is, mark and all.
        document="^*M\x18 \0\0\0<!doctype html><html lang=en><head><meta charset=utf-8><title>a</title></head>"
        "<body><img src=https://THIRD/a.png @leak></body></html>",
    ),
    Page(
        name="coding-of-nobody",
        does="a page with the name of no coding (`Content-Encoding: none`)",
        headers=(("content-encoding", "none"),),
        body="<img src=https://THIRD/a.png @leak>",
    ),
    Page(
        name="lenient-type",
        does="a page whose type is not well-formed (`text/html charset=utf-8`)",
        content_type="text/html charset=utf-8",
        body="<img src=https://THIRD/a.png @leak>",
    ),
    Page(
        name="csp-report",
        does="a policy of the site's own whose violations are reported to another host",
        headers=(("content-security-policy-report-only", "img-src 'none'; report-uri https://THIRD/report"),),
        body="<img src=/own.png>",
    ),
    Page(
        name="http-only-cookie",
        does="an HttpOnly cookie set with the page",
        headers=(("set-cookie", f"_gid=1; {YEAR}; Path=/; HttpOnly; Secure"),),
        hosts=(),
        cookies=("_gid",),
    ),
    Page(
        name="parent-cookie",
        does="a cookie on the parent domain",
        headers=(("set-cookie", f"_fbp=1; {YEAR}; Path=/; Domain=site.test"),),
        hosts=(),
        cookies=("_fbp",),
    ),
    Page(
        next_time=True,
        name="image-cookie",
        does="a cookie set with an own pixel",
        body="<img src=OWN/pixel>",
        files={"pixel": File(content_type="image/png", headers=(("set-cookie", f"lab_pixel=1; {YEAR}; Path=/"),))},
        hosts=(),
        cookies=("lab_pixel",),
    ),
    Page(
        next_time=True,
        name="redirect-cookie",
        does="a cookie set with a redirect",
        body="<img src=OWN/go>",
        files={
            "go": File(
                status=302, headers=(("location", "/own.png"), ("set-cookie", f"lab_redirect=1; {YEAR}; Path=/"))
            )
        },
        hosts=(),
        cookies=("lab_redirect",),
    ),
    Page(
        next_time=True,
        name="fetch-cookie",
        does="a cookie set with the answer to a fetch, on an error",
        body="<script>fetch('OWN/collect',{method:'POST'})</script>",
        files={
            "collect": File(
                status=202, content_type="application/json", headers=(("set-cookie", f"lab_fetch=1; {YEAR}; Path=/"),)
            )
        },
        hosts=(),
        cookies=("lab_fetch",),
    ),
    Page(
        name="lasting-cookie",
        does="an undeclared cookie that is to last for a year",
        headers=(("set-cookie", f"mystery=1; {YEAR}; Path=/"),),
        hosts=(),
        lasting=("mystery",),
    ),
)
