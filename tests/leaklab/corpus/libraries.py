"""Pages with public libraries, which the mirror serves in place of their hosts."""

from __future__ import annotations

from tests.leaklab.page import Page

VUE = "https://cdn.jsdelivr.net/npm/vue@3.4.1/dist/vue.js"
VUE_MODULE = "https://unpkg.com/vue@3.4.1/dist/vue.esm-browser.js"
BULMA = "https://cdn.jsdelivr.net/npm/bulma@1.0.0/css/bulma.css"
JQUERY = "https://code.jquery.com/jquery-3.7.1.min.js"
JQUERY_OF_GOOGLE = "https://ajax.googleapis.com/ajax/libs/jquery/3.7.1/jquery.min.js"
MODULE = "https://stackpath.bootstrapcdn.com/bootstrap/5.0.0/js/bootstrap.esm.js"
SHEET = "https://maxcdn.bootstrapcdn.com/bootstrap/4.5.2/css/bootstrap.min.css"
ICONS = "https://use.fontawesome.com/releases/v6.0.0/css/all.css"

PAGES = (
    Page(
        name="library",
        does="a script and a style sheet of public libraries",
        head=f"<link @leak rel=stylesheet href={BULMA}>",
        body=f"<script @leak src={VUE}></script>",
        hosts=("cdn.jsdelivr.net",),
        mirrored=(VUE, BULMA),
    ),
    Page(
        name="library-unlisted",
        does="a file that is in no list, of a host of public libraries",
        body="<script @leak src=https://cdnjs.cloudflare.com/ajax/libs/angular.js/1.0.8/angular.js></script>",
        hosts=("cdnjs.cloudflare.com",),
    ),
    Page(
        name="library-missing",
        does="a version of a public library that the mirror cannot get",
        body="<script @leak src=https://netdna.bootstrapcdn.com/bootstrap/9.9.9/js/bootstrap.min.js></script>",
        hosts=("netdna.bootstrapcdn.com",),
    ),
    Page(
        name="library-integrity",
        does="a public library whose `integrity` is that of something else",
        body=f"<script @leak src={JQUERY} crossorigin integrity=sha256-{'A' * 43}=></script>",
        hosts=("code.jquery.com",),
        mirrored=(JQUERY,),
    ),
    Page(
        name="library-by-script",
        does="a public library that a script loads",
        body="<script @leak>document.head.append(Object.assign(document.createElement('script'),"
        f"{{src:'{JQUERY_OF_GOOGLE}'}}))</script>",
        hosts=("ajax.googleapis.com",),
        mirrored=(JQUERY_OF_GOOGLE,),
    ),
    Page(
        name="library-import-map",
        does="a public library in an import map",
        head=f'<script type=importmap>{{"imports":{{"lib":"{MODULE}"}}}}</script>',
        body="<script @leak type=module>import 'lib'</script>",
        hosts=("stackpath.bootstrapcdn.com",),
        mirrored=(MODULE,),
    ),
    Page(
        name="library-link-header",
        does="`Link` header: preload of a public library",
        headers=(("link", f"<{SHEET}>; rel=preload; as=style"),),
        hosts=("maxcdn.bootstrapcdn.com",),
        mirrored=(SHEET,),
    ),
    Page(
        name="library-preconnect",
        does="a preconnect to a host of public libraries, in the HTML and by script, which sets the address first",
        head="<link @leak rel=preconnect href=https://use.fontawesome.com>",
        body="<script @leak>const l=document.createElement('link');l.href='https://use.fontawesome.com';"
        "l.rel='preconnect';document.head.append(l)</script>",
        hosts=("use.fontawesome.com",),
        mirrored=(ICONS,),
        regular=True,
    ),
    Page(
        name="library-import",
        does="`import()` of a public library in a classic script",
        body=f"<script @leak>import('{VUE_MODULE}').catch(()=>{{}})</script>",
        hosts=("unpkg.com",),
        mirrored=(VUE_MODULE,),
    ),
)
