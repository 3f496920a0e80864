"""Addresses that name a public library, and many that do not: most of these try to get something else fetched."""

LISTED: list[tuple[str, str, bool]] = [
    (
        "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css",
        "cdn.jsdelivr.net/swagger-ui-dist@5/swagger-ui.css",
        False,
    ),
    ("//cdn.jsdelivr.net/npm/vue@3.4.1/dist/vue.js", "cdn.jsdelivr.net/vue@3.4.1/dist/vue.js", True),
    ("HTTP://CDN.jsdelivr.net/npm/vue", "cdn.jsdelivr.net/vue@latest", False),
    ("https://unpkg.com/@popperjs/core@2", "unpkg.com/@popperjs/core@2", False),
    (
        "https://cdn.jsdelivr.net/npm/@anyblades/pico@latest/css/pico.min.css",  # FastHTML's own
        "cdn.jsdelivr.net/@anyblades/pico@latest/css/pico.min.css",
        False,
    ),
    ("https://unpkg.com/htmx.org@^2.0.0/x.js?v=1", "unpkg.com/htmx.org@^2.0.0/x.js", False),
    ("https://unpkg.com/vue@3.5.0-beta.1/a.js", "unpkg.com/vue@3.5.0-beta.1/a.js", True),
    (
        "https://cdn.jsdelivr.net/npm/three@0.160.0/examples/jsm/",
        "cdn.jsdelivr.net/three@0.160.0/examples/jsm/",
        True,
    ),
    (
        "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/4.7.0/fonts/f.svg?v=4.7.0#icon",
        "cdnjs.cloudflare.com/font-awesome@4.7.0/fonts/f.svg",
        True,
    ),
    (
        "https://cdnjs.cloudflare.com/ajax/libs/three.js/r128/three.min.js",
        "cdnjs.cloudflare.com/three.js@r128/three.min.js",
        True,
    ),
    ("https://ajax.googleapis.com/ajax/libs/jquery/1/jquery.js", "ajax.googleapis.com/jquery@1/jquery.js", False),
    (
        "https://code.jquery.com/jquery-3.7.1.slim.min.js",
        "code.jquery.com/jquery@3.7.1/jquery-3.7.1.slim.min.js",
        True,
    ),
    (
        "https://code.jquery.com/jquery-migrate-3.4.1.js",
        "code.jquery.com/jquery-migrate@3.4.1/jquery-migrate-3.4.1.js",
        True,
    ),
    (
        "https://code.jquery.com/ui/1.13.2/themes/base/jquery-ui.css",
        "code.jquery.com/ui@1.13.2/themes/base/jquery-ui.css",
        True,
    ),
    (
        "https://maxcdn.bootstrapcdn.com/bootstrap/3.3.7/css/bootstrap.min.css",
        "maxcdn.bootstrapcdn.com/bootstrap@3.3.7/css/bootstrap.min.css",
        True,
    ),
    (
        "https://use.fontawesome.com/releases/v5.15.4/css/all.css",
        "use.fontawesome.com/fontawesome-free@v5.15.4/css/all.css",
        True,
    ),
    (
        "https://fonts.gstatic.com/s/roboto/v30/KFOmCnqEu92Fr1Mu4mxK.woff2",
        "fonts.gstatic.com/roboto@v30/KFOmCnqEu92Fr1Mu4mxK.woff2",
        True,
    ),
    (
        "https://fonts.googleapis.com/css?family=Montserrat:300,400,700|Open Sans&display=swap",
        "fonts.googleapis.com/css?family=Montserrat:300,400,700%7COpen+Sans&display=swap",
        False,
    ),
    (
        "https://fonts.googleapis.com/css2?family=Inter%3Aital%2Cwght%400%2C400;1,700",
        "fonts.googleapis.com/css2?family=Inter:ital,wght@0,400;1,700",
        False,
    ),
    ('https://unpkg.com/vue@3/a.js?"><script>', "unpkg.com/vue@3/a.js", False),  # of which nothing remains
    (" https://unpkg.com/\nvue@3/a.js\t", "unpkg.com/vue@3/a.js", False),  # as browsers read it
]
"""The address, its path in the mirror, and whether its version is exact."""

OTHERS = [
    "https://cdn.jsdelivr.net/npm/not-a-listed-package@1/x.js",
    "https://cdn.jsdelivr.net/gh/jquery/jquery@3/dist/jquery.js",  # any repository
    "https://cdn.jsdelivr.net/wp/plugins/x/trunk/x.js",
    "https://cdn.jsdelivr.net/combine/npm/vue@3,npm/evil@1",
    "https://cdn.jsdelivr.net/npm/vue@3,npm/evil@1",
    "https://cdn.jsdelivr.net/npm/vue@3/+esm",  # its imports are paths of the host
    "https://cdn.jsdelivr.net/npm/vue@3/../evil@1/x.js",
    "https://cdn.jsdelivr.net/npm/vue@3/..",
    "https://cdn.jsdelivr.net/npm/vue@3/./x.js",
    "https://cdn.jsdelivr.net/npm/vue@3//x.js",
    "https://cdn.jsdelivr.net/npm/vue@3/%2e%2e/evil@1/x.js",
    "https://cdn.jsdelivr.net/npm/vue@3/%252e%252e/x.js",
    "https://cdn.jsdelivr.net/npm/vue%2F..%2Fevil/x.js",
    "https://cdn.jsdelivr.net/npm/vue@3/a%2fb.js",
    "https://cdn.jsdelivr.net/npm/vue@3/\\..\\evil/x.js",
    "https://cdn.jsdelivr.net/npm/vue@https://evil.example/x.js",
    "https://cdn.jsdelivr.net/npm/vue@/x.js",
    "https://cdn.jsdelivr.net/npm/vue@3@4/x.js",
    "https://cdn.jsdelivr.net/npm/@vue/x.js",
    "https://cdn.jsdelivr.net/npm/@/vue@3/x.js",
    "https://cdn.jsdelivr.net/npm/@popperjs@2/core/x.js",
    "https://cdn.jsdelivr.net/npm/Vue@3/x.js",
    "https://cdn.jsdelivr.net/npm/v\u0443e@3/x.js",  # Cyrillic
    "https://cdn.jsdelivr.net/npm/vue@3/x.js#');@import url(//evil.example)",
    "https://cdn.jsdelivr.net/npm/vue@3/x).css",
    f"https://cdn.jsdelivr.net/npm/vue@3/{'a' * 200}.js",
    f"https://cdn.jsdelivr.net/npm/vue@3/{'a/' * 700}x.js",
    f"https://cdn.jsdelivr.net/npm/vue@{'9' * 80}/x.js",
    f"https://cdn.jsdelivr.net/npm/{'a' * 5000}",
    "https://cdn.jsdelivr.net:8443/npm/vue@3/x.js",  # another server
    "https://user@cdn.jsdelivr.net/npm/vue@3/x.js",
    "https://cdn.jsdelivr.net@evil.example/npm/vue@3/x.js",
    "https://cdn.jsdelivr.net.evil.example/npm/vue@3/x.js",
    "https://cdn.jsdelivr.net./npm/vue@3/x.js",
    "ws://cdn.jsdelivr.net/npm/vue@3/x.js",
    "/npm/vue@3/x.js",
    "https:cdn.jsdelivr.net/npm/vue@3/x.js",
    "https://unpkg.com/vue@3?module",
    "https://unpkg.com/vue@3?x&meta",
    "https://unpkg.com/",
    "https://unpkg.com/@popperjs",
    "https://cdnjs.cloudflare.com/ajax/libs/angular.js/1.0.8/angular.js",  # its templates run code
    "https://unpkg.com/@hotwired/turbo@8.0.0/dist/turbo.es2017-umd.js",  # it gives scripts in markup the page's nonce
    "https://cdn.jsdelivr.net/npm/es-module-shims@1.5.0/dist/es-module-shims.js",  # so does this
    "https://cdnjs.cloudflare.com/ajax/libs/vue/3.0.0",
    "https://cdnjs.cloudflare.com/cdn-cgi/trace",
    "https://cdnjs.cloudflare.com/ajax/libs/vue/../x/y.js",
    "https://code.jquery.com/",
    "https://code.jquery.com/jquery-3.7.1.min.js/../x",
    "https://code.jquery.com/ui/latest/x.js",
    "https://code.jquery.com/jquery/3.7.1/x.js",
    "https://use.fontawesome.com/0123456789.js",  # a kit
    "https://kit.fontawesome.com/0123456789.js",
    "https://pro.fontawesome.com/releases/v5.15.4/css/all.css",
    "https://use.fontawesome.com/releases/latest/css/all.css",
    "https://fonts.gstatic.com/l/font?kit=abc&skey=1&v=v30",
    "https://fonts.gstatic.com/s/roboto/v30/x.js",
    "https://fonts.gstatic.com/s/roboto/v30/a/x.woff2",
    "https://fonts.googleapis.com/css2",
    "https://fonts.googleapis.com/css2?family=Roboto&text=Hello",
    "https://fonts.googleapis.com/css2?family=Roboto&callback=x",
    "https://fonts.googleapis.com/css2?family=Roboto%0d%0aX:1",
    "https://fonts.googleapis.com/css2?family=Roboto)",
    "https://fonts.googleapis.com/other?family=Roboto",
    f"https://fonts.googleapis.com/css2?family={'a' * 3000}",
    "https://evil.example/npm/vue@3/x.js",
    "",
]
