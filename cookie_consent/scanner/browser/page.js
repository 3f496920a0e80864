// What is read off a page in the end, and what on it can be clicked without harm.
function page() {
  const call = async (work, otherwise) => {
    try {
      return await work();
    } catch {
      return otherwise;
    }
  };
  const soon = (work) => Promise.race([work, new Promise((done) => setTimeout(() => done([]), 1000))]);
  const most = 2000;
  const urls = (elements, attribute) => {
    const found = [];
    for (const element of elements) {
      if (found.length >= most) break;
      const value = element[attribute];
      if (typeof value === "string" && value) found.push(value.slice(0, 4000));
    }
    return [...new Set(found)];
  };
  const keys = (store) =>
    Object.keys(store)
      .slice(0, most)
      .map((key) => key.slice(0, 4000));

  // Nothing that sends, buys, deletes, signs out, plays a role in consent, or leads elsewhere.
  const never =
    /log ?out|sign ?out|abmelden|ausloggen|déconnexion|cerrar sesión|uitloggen|esci\b|buy|order|purchase|checkout|pay\b|cart|basket|kaufen|bestell|zahlung|warenkorb|acheter|panier|commander|comprar|pedido|carrito|acquista|carrello|koop|winkelwagen|delete|remove|clear|reset|löschen|entfernen|supprimer|eliminar|borrar|elimina|verwijder|submit|send\b|senden|envoyer|enviar|invia|verzend|subscribe|abonn|suscrib|iscriviti|sign ?up|register|registr|log ?in|sign ?in|anmelden|print|drucken|download|herunterladen|share|teilen|partager|accept|agree|allow|reject|refuse|decline|consent|cookie|zustimm|akzept|ablehn|unlike|unfollow|block|report|cancel|kündig|vote|donate|spend/i;
  const more =
    /\b(more|show|see|expand|open|play|view|details?|next|read)\b|mehr|anzeigen|aufklappen|weiter|öffnen|abspielen|plus|afficher|voir|ouvrir|suivant|más|mostrar|ver\b|abrir|siguiente|altro|mostra|apri|avanti|meer|toon|tonen|bekijk|mais\b|więcej|pokaż|visa|vis\b|näytä|více|zobrazit/i;
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";
  };
  const label = (element) =>
    [element.innerText, element.value, element.getAttribute("aria-label"), element.title, element.id, element.name]
      .filter((each) => typeof each === "string")
      .join(" ")
      .slice(0, 300);
  const harmless = (element, consent) => {
    if (!shown(element) || element.disabled || never.test(label(element))) return false;
    if (element.closest("a[href]:not([href^='#'])") || element.closest("dialog[open]")) return false;
    if (element.localName === "button" && element.form && element.type !== "button") return false;
    return !consent.dialogue(element);
  };

  return {
    read: async () => ({
      origin: String(globalThis.origin),
      title: String(document.title).slice(0, 500),
      size: performance.getEntriesByType("navigation")[0]?.decodedBodySize ?? 0,
      local: await call(() => keys(localStorage), []),
      session: await call(() => keys(sessionStorage), []),
      databases: await call(async () => (await soon(indexedDB.databases())).map((each) => String(each.name)), []),
      caches: await call(async () => [...(await soon(caches.keys()))], []),
      hints: urls(
        document.querySelectorAll(
          "link[rel~=preconnect], link[rel~=dns-prefetch], link[rel~=prefetch], link[rel~=preload], link[rel~=modulepreload], link[rel~=prerender]",
        ),
        "href",
      ),
      forms: urls(document.querySelectorAll("form[action]"), "action"),
      pings: urls(document.querySelectorAll("a[ping]"), "ping").flatMap((each) => each.split(/\s+/)),
    }),
    // What a page is told when its visitor leaves it.
    hide: () => {
      Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      dispatchEvent(new PageTransitionEvent("pagehide"));
    },
    // Where the middleware's own banner sends choices.
    endpoint: () =>
      document.querySelector(":is(#consent-root, #cookie-consent)[data-endpoint]")?.dataset.endpoint.slice(0, 4000) ??
      "",
    links: () => urls(document.querySelectorAll("a[href], area[href]"), "href"),
    clickable: (consent, count) => {
      const first = document.querySelectorAll(
        "summary, [role=tab], [aria-expanded=false], [aria-controls]:not(input), [data-toggle], [data-bs-toggle]",
      );
      const second = [...document.querySelectorAll("button, [role=button], [onclick]")]
        .slice(0, most)
        .filter((element) => more.test(label(element)));
      return [...new Set([...first, ...second])]
        .slice(0, most)
        .filter((each) => harmless(each, consent))
        .slice(0, count);
    },
  };
}
