"""``Renderer``: everything that visitors see, ready to send."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from markupsafe import Markup, escape

from cookie_consent.banner.declaration import declaration, history, last_revised, revision, since_choice
from cookie_consent.banner.locale import load_locales
from cookie_consent.banner.negotiate import choose_language, same_language
from cookie_consent.banner.notice import notice_text, placeholder_texts
from cookie_consent.banner.receipt import notice_facts, receipt_view
from cookie_consent.banner.templating import interface_build, template_environment
from cookie_consent.banner.view import ahead_text, category_views, purposes_of, safe_link, with_consent
from cookie_consent.consent.local_path import local_path
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import DEFAULT_PREFIX, History, Inventory, home_of
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cookie_consent.banner.declaration import Declaration
    from cookie_consent.banner.declaration.structure import PastRevision, RevisionChange
    from cookie_consent.banner.locale import Locale
    from cookie_consent.banner.notice import NoticeText
    from cookie_consent.banner.view import CategoryView
    from cookie_consent.consent import Consent
    from cookie_consent.consent.record import Notice
    from cookie_consent.policy import Policy
    from cookie_consent.policy.model import BannerOptions

__all__ = ["Renderer"]


_LONGEST_VALUE = 100
_NO_SUCH_PAGE = frozenset({"not-found", "method-not-allowed"})
"""The errors of an address, which change nothing and answer no choice."""


class _Variant(NamedTuple):
    """Everything on which a banner depends, except for the path to return to."""

    language: str
    names: str
    decided: bool
    framed: bool
    gpc: bool
    opted_out: bool
    granted: frozenset[str]
    services: tuple[tuple[str, bool], ...]
    root_path: str
    posted: bool
    unsure: bool
    named: tuple[str, ...] | None
    pending: tuple[str, ...]
    reopened: bool
    in_flow: bool


class _Offer(NamedTuple):
    """What a notice offers in one language: the policy with all the services that it names."""

    policy: Policy
    names: str
    views: tuple[CategoryView, ...]
    notice: NoticeText


class DeclarationState(NamedTuple):
    """What a declaration depends on, beside policy and language."""

    names: str
    """What notices name."""
    libraries: tuple[str, ...]
    """The public libraries that the site was found to use."""
    history: int
    """Stands for the policies until now."""
    chosen: int | None
    """Which of them was in force when the visitor chose; None for a visitor who has not."""
    met: tuple[str, ...]
    """The services that notices name now beside the declared ones, and that of the visitor's choice did not."""


class Renderer:
    """Renders the banner and the pages for one policy. Safe to share between threads.

    ``prefix`` is the path of the endpoints, and ``assets`` maps ``banner.js``, ``banner.css``, ``frame.css`` and
    ``page.css`` to their URLs. ``history`` has the policies until now; without it there is this one alone. ``mirrored``
    are the hosts whose public libraries the site serves itself. Notices name what ``inventory`` says, without it what
    the policy declares, and carry that as ``sign`` signs it. The site's own templates and texts, in the policy's
    folders ``banner.templates`` and ``banner.locales``, replace the built-in ones. Raises ``ConfigurationError`` if a
    template, a text or a language is missing or wrong.

    Values from the request are untrusted and escaped. ``return_to`` becomes ``/`` unless it is a path on this site, and
    an unknown ``language`` becomes the fallback.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        prefix: str = DEFAULT_PREFIX,
        assets: Mapping[str, str],
        mirrored: Iterable[str] = (),
        inventory: Inventory | None = None,
        history: History | None = None,
        sign: Callable[[str], str] | None = None,
    ) -> None:
        missing = sorted({"banner.js", "banner.css", "frame.css", "page.css"} - set(assets))
        if missing:
            raise ConfigurationError(f"assets: no address for {', '.join(missing)}")
        self.policy = policy
        self.prefix = prefix
        self._assets = dict(assets)
        self._mirrored = tuple(mirrored)
        self._environment = template_environment(policy.banner.templates)
        available = load_locales(policy.banner.locales)
        self._locales = _offered(policy, available)
        self._english = available["en"]
        self._inventory = inventory if inventory is not None else Inventory(policy)
        self._history = history if history is not None else History(policy, since=datetime.now(UTC))
        self._sign = sign
        shown = (assets[name].rpartition("/")[2] for name in ("banner.css", "banner.js"))
        self.build = interface_build(policy.banner.templates, (*shown, *_looks(policy.banner)))
        """The digest of templates, style and script, which records name."""
        self._offer = lru_cache(maxsize=64)(self._make_offer)
        self._offer(self.languages[0], self._inventory.names)  # others are read when a visitor has them
        # Placeholders for the path to return to, which differs on each page, so that the rest can be cached.
        self._path_slot = secrets.token_hex(16)
        self._query_slot = secrets.token_hex(16)
        self._category_names = lru_cache(maxsize=64)(self._name_categories)
        self._negotiated = lru_cache(maxsize=256)(self._negotiate)
        self._cached_banner = lru_cache(maxsize=256)(self._render_banner)
        self._asked_alone = lru_cache(maxsize=256)(self._ask_alone)
        self._declared = lru_cache(maxsize=256)(self._declare)
        self._told_history = lru_cache(maxsize=64)(self._tell_history)
        self._told_since = lru_cache(maxsize=256)(self._tell_since)

    def own_files(self) -> list[tuple[str, bytes]]:
        """Return the names and contents of the site's own templates and texts, for ``identity``."""
        options = self.policy.banner
        folders = [folder for folder in (options.locales, options.templates) if folder is not None]
        found = [(folder, file) for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
        return [(file.relative_to(folder).as_posix(), file.read_bytes()) for folder, file in found]

    @property
    def languages(self) -> tuple[str, ...]:
        """The language tags on offer, the fallback first."""
        return tuple(self._locales)

    def language(self, accept_language: str, page: str = "", cookies: str = "") -> str:
        """Return the offered language of the ``page``, given by its tag, where it is on offer.

        Otherwise return that of the policy's ``banner.language_cookie``, which is looked for in the request header
        ``cookies``, or the one that best matches ``Accept-Language``.
        """
        return self._negotiated(accept_language, page, self._chosen_language(cookies))

    def _chosen_language(self, cookies: str) -> str:
        wanted = self.policy.banner.language_cookie
        if wanted and wanted in cookies:
            for pair in cookies.split(";"):
                name, _, value = pair.strip(" \t").partition("=")
                if name == wanted:
                    return unquote(value[:_LONGEST_VALUE]).strip('" ')
        return ""

    def _negotiate(self, accept_language: str, page: str, cookie: str) -> str:
        return choose_language((page, cookie), accept_language, self.languages)

    def notice(self, language: str, names: str = "") -> NoticeText:
        """Return the notice in ``language`` that names ``names``, as ``Policy.names`` writes it.

        Without them it is the present notice. Whatever the names are, it has all services that the policy declares.
        """
        return self._offer(self._locale(language).language, names or self._inventory.names).notice

    def banner(
        self,
        consent: Consent,
        *,
        language: str,
        return_to: str,
        root_path: str = "",
        posted: bool = False,
        unsure: bool = False,
        reopened: bool = False,
        in_flow: bool = False,
    ) -> bytes:
        """Return the markup to insert into a page, as ASCII bytes, which suit every ASCII-compatible encoding.

        After a choice or an opt-out, and in a frame, it is only the link to the settings. ``return_to`` is the path
        and query to return to, and ``root_path`` is where the application is mounted (ASGI). A page is ``posted`` if it
        is the response to a form: a reload would submit that again. ``unsure`` has the panel wait until the server has
        been asked for a choice. ``reopened`` shows the panel in spite of a choice. ``in_flow`` is for a place in the
        page's flow: nothing is returned unless the panel asks there.
        """
        variant = _Variant(
            language=self._locale(language).language,
            names=self._shown(consent) if reopened else self._inventory.names,
            decided=consent.decided,
            framed=consent.framed,
            gpc=consent.gpc,
            opted_out=consent.opted_out,
            granted=consent.granted,
            services=tuple(sorted(consent.services.items())),
            root_path=root_path,
            posted=posted,
            unsure=unsure,
            named=consent.effective_names,
            pending=tuple(sorted(consent.pending)),
            reopened=reopened,
            in_flow=in_flow,
        )
        markup = self._cached_banner(variant)
        path = local_path(return_to)
        markup = markup.replace(self._path_slot.encode(), _ascii(str(escape(path))))
        return markup.replace(self._query_slot.encode(), quote(path, safe="", errors="replace").encode())

    def preferences(
        self,
        consent: Consent,
        *,
        language: str,
        return_to: str,
        saved: bool = False,
        root_path: str = "",
        head: str = "",
        secure: bool = True,
    ) -> str:
        """Return the page where a choice is made, changed or withdrawn. ``saved`` confirms that one was just saved.

        ``secure`` is whether the page is visited by https, on which our cookies' names depend. ``head`` is trusted
        markup that comes first in the head.
        """
        locale = self._locale(language)
        offer = self._offer(locale.language, self._shown(consent))
        categories = with_consent(offer.views, consent.lasting, locale)
        visit = sorted(service.name for service in map(self.policy.known_service, consent.visit) if service is not None)
        return self._render(
            "preferences.html",
            locale,
            root_path,
            **self._choice(locale, offer, categories),
            consent=consent,
            decided_on=locale.format_date(consent.decided_at.astimezone(UTC)) if consent.decided_at is not None else "",
            gpc=consent.gpc,
            visit=locale.text("list_separator").join(visit),
            head=Markup(head),  # noqa: S704 - our own
            saved=saved,
            return_to=local_path(return_to),
            declared={entry.id: entry for entry in self.declaration(locale.language, secure=secure).categories},
        )

    def declaration(self, language: str, *, secure: bool = True, state: DeclarationState | None = None) -> Declaration:
        """Return the cookie declaration, for one visitor if it is for their ``state``.

        ``secure`` is as for ``preferences``.
        """
        wanted = state if state is not None else self.declaration_state()
        return self._declared(self._locale(language).language, secure, wanted)

    def declaration_state(self, consent: Consent | None = None) -> DeclarationState:
        """Return what the declaration depends on beside the policy, for everybody or for the one who chose."""
        chosen: int | None = None
        met: tuple[str, ...] = ()
        if consent is not None and consent.decided_at is not None:
            chosen = self._history.at(consent.decided_at)
            met = tuple(sorted(consent.pending - self.policy.names.declared))
        inventory = self._inventory
        return DeclarationState(inventory.names, inventory.libraries, self._history.state, chosen, met)

    def declaration_page(
        self,
        language: str,
        *,
        secure: bool = True,
        root_path: str = "",
        fragment: bool = False,
        state: DeclarationState | None = None,
    ) -> str:
        """Return ``declaration`` as a page, or as the fragment to be put into a page of the site."""
        return self._render(
            "declaration_body.html" if fragment else "declaration.html",
            self._locale(language),
            root_path,
            declared=self.declaration(language, secure=secure, state=state),
            languages=[(tag, locale.name) for tag, locale in self._locales.items()],
        )

    def placeholder(
        self,
        consent: Consent,
        *,
        language: str,
        return_to: str,
        category: str,
        service: str | None,
        address: str,
        root_path: str = "",
        form: bool = False,
    ) -> str:
        """Return the document shown in a held frame: what it would load, from whom, and how to allow it.

        ``category`` may be ``blocked``, which no choice allows. An undeclared host is a ``service`` by its own name;
        None is what cannot be allowed alone. With ``form`` it is shown at the button of a form that needs the service.
        """
        locale = self._locale(language)
        names = self._category_names(locale.language)
        known = self.policy.known_service(service) if service is not None else None
        alone = known if category in names else None
        host = urlsplit(address.strip()).hostname or address
        path = local_path(return_to)
        return self._render(
            "placeholder.html",
            locale,
            root_path,
            label=known.name if known is not None else host,
            host=host,
            blocked=category not in names,
            category=names.get(category, ""),
            service=service or "",
            granted=sorted(consent.granted - self.policy.required_ids),
            services=sorted((name, on) for name, on in consent.services.items() if name != service),
            return_to=path,
            return_to_query=quote(path, safe=""),
            form=form,
            build=self.build,
            edition=self._sign(self.policy.names.added("", [alone.id])) if alone and self._sign else "",
            notice=self._asked_alone(locale.language, alone.id)[form] if alone else None,
        )

    def placeholder_notices(self, language: str, service: str) -> tuple[NoticeText, NoticeText]:
        """Return the notices that a service's placeholders are: in its place, and at the button of a form.

        Where they name the host that would be contacted, these have the first of the service's.
        """
        return self._asked_alone(self._locale(language).language, service)

    def _ask_alone(self, language: str, service: str) -> tuple[NoticeText, NoticeText]:
        known = self.policy.known_service(service)
        if known is None:
            raise ValueError(f"{service!r} is not a service of this site")
        category = self._category_names(language)[home_of(self.policy, known.category)]
        return placeholder_texts(known, category, self._locales[language], self.policy.version, build=self.build)

    def refresh_notice(self, leads: Iterable[tuple[str, str]], *, language: str, root_path: str = "") -> bytes:
        """Return the markup that says where a held refresh would have led, as ASCII bytes.

        ``leads`` are addresses that contact a host by http(s), each with that host.
        """
        return _ascii(self._render("refresh.html", self._locale(language), root_path, leads=tuple(leads)))

    def notice_page(self, notice: Notice, *, root_path: str = "") -> str:
        """Return the page of a notice of the log, in its own language if that is offered."""
        locale = self._locale(notice.language)
        return self._render("notice.html", locale, root_path, notice=notice, about=notice_facts(notice, locale))

    def receipt(
        self,
        receipt: Mapping[str, Any],
        *,
        language: str,
        root_path: str = "",
        formats: Iterable[tuple[str, str]] = (),
    ) -> str:
        """Return a receipt as a page. ``formats`` are names and addresses of its other formats."""
        locale = self._locale(language)
        base = quote(root_path.rstrip("/"), errors="replace") + self.prefix
        name_of = partial(self.category_name, language=locale.language)
        view = receipt_view(receipt, self.policy, locale, base=base, name_of=name_of)
        return self._render("receipt.html", locale, root_path, **view, formats=tuple(formats))

    def problem(
        self,
        *,
        language: str,
        status: int,
        title_key_or_code: str,
        message: str,
        return_to: str,
        root_path: str = "",
    ) -> str:
        """Return an error page.

        ``title_key_or_code`` is an error code, or the key of a title in the locale's table ``problem``. A code without
        a title gets the general one for its status.
        """
        locale = self._locale(language)
        key = f"problem.{title_key_or_code.replace('-', '_')}"
        is_missing = title_key_or_code in _NO_SUCH_PAGE
        if is_missing:
            key = "problem.status"  # which is in every language, as the message is not
        elif key not in locale.texts:
            key = "problem.not_saved" if status >= 500 else "problem.refused"
        return self._render(
            "problem.html",
            locale,
            root_path,
            status=status,
            title=locale.text(key, status=str(status)) if is_missing else locale.text(key),
            message="" if is_missing else message,
            return_to=local_path(return_to),
        )

    def admin(self, *, language: str, root_path: str = "", **values: Any) -> str:
        """Return the operator's page of findings. The ``values`` are those of ``admin.html``."""
        return self._render("admin.html", self.operator_locale(language), root_path, **values)

    def stats(self, *, language: str, root_path: str = "", **values: Any) -> str:
        """Return the operator's page of statistics. The ``values`` are those of ``stats.html``."""
        return self._render("stats.html", self.operator_locale(language), root_path, **values)

    def locale(self, language: str) -> Locale:
        """Return the texts of a language, or of the fallback."""
        return self._locale(language)

    def operator_locale(self, language: str) -> Locale:
        """Return the texts for the operator's pages: English where the language has none for them."""
        locale = self._locale(language)
        return locale if locale.is_for_operators else self._english

    def category_name(self, category_id: str, language: str) -> str:
        """Return the name of a category, or its id if the policy no longer has it."""
        tag = language if language == self._english.language else self._locale(language).language
        return self._category_names(tag).get(category_id, category_id)

    def _name_categories(self, language: str) -> dict[str, str]:
        return {view.id: view.name for view in category_views(self.policy, self._locales.get(language, self._english))}

    def _shown(self, consent: Consent) -> str:
        """Return the names that settings show: those of the notice now, of the answered one, and what was answered."""
        names = self.policy.names
        named = names.undeclared(consent.names) if consent.names else ()
        services = {*self._inventory.offered, *named, *filter(names.has, consent.services)}
        return names.of(services, categories=self._inventory.categories | consent.granted)

    def _make_offer(self, language: str, names: str) -> _Offer:
        locale, policy = self._locales[language], self.policy
        known = map(policy.known_service, policy.names.undeclared(names))
        met = sorted(filter(None, known), key=lambda service: (is_host(service.id), service.id))
        if met:
            policy = policy.model_copy(update={"services": (*policy.services, *met)})
        coverage = self.policy.names.read(names)
        views = category_views(policy, locale, offered=coverage.asked if coverage is not None else frozenset())
        return _Offer(policy, names, views, notice_text(policy, locale, views, build=self.build))

    def _declare(
        self,
        language: str,
        secure: bool,  # noqa: FBT001 - cached by position
        state: DeclarationState,
    ) -> Declaration:
        offer = self._offer(language, state.names)
        locale, offered = self._locales[language], {view.id for view in offer.views}
        declared = declaration(
            offer.policy,
            locale,
            offered=offered,
            mirrored=self._mirrored,
            libraries=state.libraries if self._mirrored else (),
            secure=secure,
        )
        # The policies as they are written, without what the inventory has met.
        return replace(
            declared,
            revised=last_revised(self.policy, self._history.past),
            revision=revision(self.policy, locale, secure=secure),
            history=self._told_history(language, secure, state.history),
            since_choice=self._told_since(language, secure, state.history, state.chosen, state.met),
        )

    def _tell_history(
        self,
        language: str,
        secure: bool,  # noqa: FBT001 - cached by position
        _: int,
    ) -> tuple[PastRevision, ...]:
        # By itself, since comparing policies takes long, and what notices name changes far more often.
        return history(self._history.past, self._locales[language], secure=secure)

    def _tell_since(
        self,
        language: str,
        secure: bool,  # noqa: FBT001 - cached by position
        _: int,
        chosen: int | None,
        met: tuple[str, ...],
    ) -> tuple[RevisionChange, ...] | None:
        past = self._history.past
        before = past[chosen].policy if chosen is not None and chosen < len(past) else None
        if before is None:
            return None
        return since_choice(before, self.policy, self._locales[language], met=met, secure=secure)

    def _locale(self, language: str) -> Locale:
        return self._locales.get(language) or next(iter(self._locales.values()))

    def _render_banner(self, variant: _Variant) -> bytes:
        locale = self._locales[variant.language]
        offer = self._offer(variant.language, variant.names)
        views = offer.views
        new = [(view, service) for view in views for service in view.services if service.id in variant.pending]
        choice = self._choice(locale, offer, views)
        # Whoever has opted out is not asked to opt in; what is new among what they agreed to is asked for.
        is_asked = not variant.decided and not variant.framed and (bool(new) or not variant.opted_out)
        panel = (variant.reopened or is_asked) and bool(choice["refusable" if variant.reopened or new else "optional"])
        if variant.in_flow and not panel:
            return b""
        markup = self._render(
            "banner.html",
            locale,
            variant.root_path,
            **choice,
            panel=panel,
            in_flow=variant.in_flow,
            new=[] if variant.reopened else new,
            reopened=variant.reopened,
            named=variant.named,
            decided=variant.decided,
            framed=variant.framed,
            gpc=variant.gpc,
            opted_out=variant.opted_out,
            granted=sorted(variant.granted),
            services=variant.services,
            posted=variant.posted,
            unsure=variant.unsure,
            return_to=self._path_slot,
            return_to_query=self._query_slot,
        )
        return _ascii(markup)

    def _choice(self, locale: Locale, offer: _Offer, categories: tuple[CategoryView, ...]) -> dict[str, Any]:
        sold = [category.name for category in categories if category.sale_or_sharing and not category.required]
        return {
            "categories": categories,
            # What "Accept all" grants. Templates of sites read it, too.
            "optional": [category for category in categories if not category.required and category.has_purpose],
            "refusable": [category for category in categories if not category.required],
            "purposes": purposes_of(categories, locale),
            "ahead": ahead_text(categories, locale),
            "partners": sum(len(category.services) for category in categories if not category.required),
            "sold": locale.text("list_separator").join(sold),
            "notice": offer.notice,
            "edition": self._sign(offer.names) if self._sign is not None else "",
            "separator": locale.text("list_separator"),
        }

    def _render(self, template: str, locale: Locale, root_path: str, **values: Any) -> str:
        root = quote(root_path.rstrip("/"), errors="replace")
        assets = {
            name: root + address if address.startswith("/") else address for name, address in self._assets.items()
        }
        options = self.policy.banner
        return self._environment.get_template(template).render(
            t=locale.text,
            language=locale.language,
            direction=locale.direction,
            base=root + self.prefix,
            assets=assets,
            controller=self.policy.controller,
            privacy_url=safe_link(options.privacy_url),
            imprint_url=safe_link(options.imprint_url),
            terms_url=safe_link(options.terms_url),
            options=options,
            layout=options.layout if options.layout != "inline" else "box",
            position=options.place if options.layout != "inline" else "center",
            csp=self.policy.gate.csp,
            moment=locale.format_moment,
            number=locale.format_number,
            following=self.policy.next,
            advanced=self.policy.advanced,
            **values,
        )


def _offered(policy: Policy, available: Mapping[str, Locale]) -> dict[str, Locale]:
    """Return the offered locales by tag, the fallback first. It is English if the policy names no languages."""
    if not policy.banner.languages:
        return {tag: available[tag] for tag in sorted(available, key=lambda tag: (tag != "en", tag))}
    offered = {}
    for tag in policy.banner.languages:
        locale = available.get(same_language(tag, tuple(available)) or "")
        if locale is None:
            raise ConfigurationError(
                f"banner.languages: there are no texts for {tag!r}; "
                f"write some of {', '.join(sorted(available))}, or add {tag}.toml to the folder banner.locales"
            )
        offered[locale.language] = locale
    return offered


def _looks(options: BannerOptions) -> tuple[str, ...]:
    """Return what shapes the interface besides templates, style sheet and script."""
    return options.layout, options.place, options.theme, options.reopen, str(options.close), options.site_name


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "xmlcharrefreplace")
