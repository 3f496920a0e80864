// The x-ray: lists what is held or changed on this page, why, and which line of the policy would change it. Only the
// owner of the site gets this script. All that comes from the page is set as text, for hosts and names are hostile.
(() => {
  const { endpoint } = document.currentScript.dataset;
  const HOST = "cookie-consent-xray";
  if (document.querySelector(HOST)) return; // a soft navigation has brought the script again
  const MAXIMUM = 500;
  const HELD = "data-consent-";
  const LAYERS = {
    html: "HTML gate",
    header: "response header",
    cookie: "cookie gate",
    csp: "Content-Security-Policy",
    guard: "guard, in the browser",
  };

  // -- what was found ------------------------------------------------------------------------------------------------

  // The server's list. A soft navigation brings a newer one.
  const served = () => {
    const all = document.querySelectorAll("script[data-cookie-consent-xray]");
    try {
      return JSON.parse(all[all.length - 1].textContent);
    } catch {
      return { page: location.pathname, entries: [], left_out: 0 };
    }
  };

  const trees = function* (tree = document) {
    yield tree;
    for (const node of tree.querySelectorAll("*")) {
      if (node.shadowRoot && node.localName !== HOST) yield* trees(node.shadowRoot);
      if (node.localName === "template" && node.content) yield* trees(node.content);
    }
  };
  // `HOST/PATH` of an address, without its query.
  const shortened = (address) => {
    try {
      const { protocol, hostname, pathname } = new URL(address, document.baseURI);
      return /^(https?|wss?|ftp):$/.test(protocol) ? (hostname + pathname).slice(0, 300) : "";
    } catch {
      return "";
    }
  };
  const CSS = /https:\/\/#consent\/[\w-]+\/[\w-]*\/([^"')\s]+)/g;
  const heldIn = (node) => {
    const found = [];
    for (const { name, value } of node.attributes) {
      if (name.startsWith(HELD) && !/-(service|placeholder|type|sandbox)$/.test(name)) {
        for (const part of /set$/.test(name) ? value.split(/[\s,]+/) : [value]) found.push(shortened(part));
      }
      if (value.includes("https://#consent/")) for (const [, held] of value.matchAll(CSS)) found.push(shortened(held));
    }
    if (node.localName === "style") for (const [, held] of node.textContent.matchAll(CSS)) found.push(shortened(held));
    return found.filter(Boolean);
  };
  const nodes = () => {
    const all = [];
    for (const tree of trees()) {
      for (const node of tree.querySelectorAll("[data-consent], [style*='https://#consent/'], style")) {
        const addresses = heldIn(node);
        const services = (node.dataset.consentService ?? "").split(" ");
        if (node.hasAttribute("data-consent") || addresses.length) all.push({ node, addresses, services });
        if (all.length >= MAXIMUM) return all;
      }
    }
    return all;
  };

  // What the server has said about names that only this browser knows of.
  const explained = new Map();
  const NO_POLICY = "this browser gives a worker made of a data: address no policy. Make it of a file or a blob:";
  explained.set("worker data:", { reason: NO_POLICY });
  const explain = async (wanted) => {
    const query = new URLSearchParams();
    for (const [kind, name] of wanted.slice(0, 100)) query.append(kind, name);
    const response = await fetch(`${endpoint}?${query}`, { credentials: "same-origin" }).catch(() => null);
    const { entries } = response?.ok ? await response.json() : { entries: [] };
    for (const entry of entries) explained.set(`${entry.kind} ${entry.name}`, entry);
    for (const [kind, name] of wanted) if (!explained.has(`${kind} ${name}`)) explained.set(`${kind} ${name}`, {});
  };

  const PLACES = { host: "a script's request", worker: "a script's worker" };
  const collect = async () => {
    const document_ = served();
    const inPage = nodes();
    const entries = document_.entries.map((entry) => ({ ...entry, nodes: [] }));
    const late = new Map();
    for (const { node, addresses, services } of inPage) {
      const fitting = entries.filter(
        ({ layer, place, address, service }) =>
          layer === "html" &&
          place === node.localName &&
          (address ? addresses.includes(address) : !addresses.length && services.includes(service ?? "-")),
      );
      for (const entry of fitting) entry.nodes.push(node);
      if (fitting.length) continue;
      // It came after the page: with a fragment, or by a script.
      for (const address of addresses.length ? addresses : [""]) {
        const host = address.split("/")[0];
        const key = `${node.localName} ${address} ${services}`;
        const known = late.get(key);
        if (known) known.nodes.push(node);
        else if (late.size < MAXIMUM) {
          late.set(key, {
            kind: host ? "host" : "inline",
            name: host,
            address,
            place: node.localName,
            change: "held",
            layer: "html",
            category: node.dataset.consent || "unclassified",
            service: services[0] && services[0] !== "-" ? services[0] : null,
            count: 1,
            nodes: [node],
          });
        }
      }
    }
    entries.push(...late.values());
    const cookies = document_.entries.filter(({ kind }) => kind === "cookie").map(({ name }) => name);
    for (const { kind, name, category, service, layer, frame } of window.cookieConsent?.held ?? []) {
      if (layer !== "guard" && layer !== "csp") continue; // which stands above already
      if (kind === "cookie" && cookies.includes(name)) continue;
      entries.push({
        kind,
        name,
        address: "",
        place: frame ? "a script's frame" : (PLACES[kind] ?? "a script's write"),
        change: "held",
        layer,
        category,
        service,
        count: 1,
        nodes: [],
      });
    }
    const open = entries.filter(({ policy, name }) => policy === undefined && name);
    const unknown = open
      .map(({ kind, name }) => [kind, name])
      .filter(([kind, name]) => !explained.has(`${kind} ${name}`));
    if (unknown.length) await explain(unknown);
    for (const entry of open) {
      const { reason, policy, service_name, declared } = explained.get(`${entry.kind} ${entry.name}`) ?? {};
      const { name, place, service } = entry;
      const isUnknown = !service || service === name; // an undeclared host goes by its own name
      const isBank = place === "a script's frame" && isUnknown && policy && document_.payment;
      const lines = isBank ? `${policy}\n${document_.payment}` : policy;
      Object.assign(entry, { reason, policy: lines, service_name, declared });
    }
    return { ...document_, entries };
  };

  // -- the panel -----------------------------------------------------------------------------------------------------

  const make = (name, properties = {}, ...children) => {
    const { dataset, ...others } = properties;
    const node = Object.assign(document.createElement(name), others);
    Object.assign(node.dataset, dataset);
    node.append(...children.filter((child) => child !== null && child !== ""));
    return node;
  };
  const copying = (label, text) => {
    const button = make("button", { type: "button", textContent: label });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select the text to copy it"; // the page is not served by https
      }
      setTimeout(() => {
        button.textContent = label;
      }, 2000);
    });
    return button;
  };

  const root = make(HOST);
  const shadow = root.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // which no policy of the page governs
  sheet.replaceSync(`
    :host { all: initial; display: block; color-scheme: light dark; position: fixed; inset: 0; z-index: 2147483647;
      inline-size: auto; block-size: auto; background: none; pointer-events: none }
    * { box-sizing: border-box }
    button { font: inherit; color: inherit; background: Canvas; border: 1px solid GrayText; border-radius: .3em;
      padding: .2em .6em; margin-inline-end: .4em; cursor: pointer; pointer-events: auto }
    button:focus-visible, summary:focus-visible { outline: 2px solid Highlight; outline-offset: 2px }
    .edge, aside { font: 14px/1.45 system-ui, sans-serif; color: CanvasText; background: Canvas; pointer-events: auto;
      border: 1px solid GrayText; box-shadow: 0 2px 12px #0004 }
    .edge { position: absolute; inset-block-start: 40%; inset-inline-end: 0; margin: 0; border-radius: .4em 0 0 .4em }
    .edge[aria-expanded=true] { display: none }
    aside { position: absolute; inset-block: 0; inset-inline-end: 0; inline-size: min(30rem, 100%); overflow: auto;
      padding: .8em 1em 2em }
    header { display: flex; gap: .5em; align-items: baseline; flex-wrap: wrap }
    h2 { font-size: 1.15em; margin: 0; flex: 1 1 8em }
    h3 { font-size: 1em; margin: 1.2em 0 .4em; border-block-end: 1px solid GrayText }
    ul { list-style: none; margin: 0; padding: 0 }
    li { padding: .5em 0; border-block-end: 1px solid color-mix(in srgb, GrayText 35%, transparent) }
    p { margin: .2em 0 }
    code, pre { font: .92em/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
    pre { white-space: pre-wrap; background: color-mix(in srgb, GrayText 15%, transparent); padding: .5em; margin: .3em 0;
      border-radius: .3em; user-select: all }
    .name { font-weight: 600 }
    .mark { outline: 3px dashed #d40; outline-offset: 2px }
    .box { position: fixed; border: 3px dashed #d40; background: #d402; pointer-events: none }
  `);
  shadow.adoptedStyleSheets = [sheet];
  const count = make("span", { textContent: "…" });
  const edge = make("button", { type: "button", className: "edge" }, "X-ray: ", count);
  edge.setAttribute("aria-expanded", "false");
  const panel = make("aside", { hidden: true });
  panel.setAttribute("aria-label", "X-ray: what is held on this page");
  shadow.append(edge, panel);

  // Shows where an element is: a box over it, or over the nearest one that is laid out.
  let box = null;
  const point = (node) => {
    box?.remove();
    let seen = node.getRootNode() instanceof ShadowRoot && !node.isConnected ? null : node;
    while (seen && !seen.getClientRects().length) seen = seen.parentElement;
    if (!seen) return "It is not laid out: it is in a template, or has been removed.";
    seen.scrollIntoView({ block: "center" });
    const { left, top, width, height } = seen.getBoundingClientRect();
    box = make("div", { className: "box" });
    Object.assign(box.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${Math.max(width, 6)}px`,
      height: `${Math.max(height, 6)}px`,
    });
    shadow.append(box);
    setTimeout((shown) => shown.remove(), 4000, box);
    console.info("cookie_consent: held", node);
    return seen === node ? "" : `It shows nothing itself; the box is around the <${seen.localName}> that it stands in.`;
  };

  const waitsFor = ({ category, service, change }) => {
    if (category === "blocked") return "No choice lets it load: the policy blocks unknown hosts.";
    if (
      change.includes("shown to the application") ||
      change === "held" ||
      change === "left out" ||
      change === "dropped"
    ) {
      return `It waits for the category ${category}${service ? `, or for the service ${service}` : ""}.`;
    }
    return "";
  };

  const item = (entry) => {
    const { address, category, count: times, declared, kind, layer, name, nodes: shown, place, policy, reason } = entry;
    const isElement = layer === "html";
    const title = address || name || (kind === "inline" ? "inline script" : "");
    const hint = make("p", { hidden: true });
    const show = make("button", { type: "button", textContent: "Show the element" });
    show.addEventListener("click", () => {
      hint.textContent = point(shown[0]);
      hint.hidden = !hint.textContent;
    });
    return make(
      "li",
      { dataset: { kind, name, layer, category } },
      make("p", {}, make("code", { className: "name", textContent: title })),
      make("p", {
        textContent: `${kind === "cookie" ? "cookie" : isElement ? `<${place}>` : place}: ${entry.change}${times > 1 ? `, ${times} times` : ""} (${LAYERS[layer] ?? layer})`,
      }),
      reason ? make("p", { textContent: `Why: ${reason}.` }) : null,
      waitsFor(entry) ? make("p", { textContent: waitsFor(entry) }) : null,
      declared ? make("p", { textContent: "The policy declares it: nothing needs to be changed." }) : null,
      policy ? make("pre", { textContent: policy }) : null,
      policy ? copying("Copy the lines", () => policy) : null,
      shown.length ? show : null,
      hint,
    );
  };

  let latest = { entries: [] };
  const draw = () => {
    const groups = new Map();
    for (const entry of latest.entries) {
      const title = entry.service_name ?? entry.service ?? (entry.kind === "cookie" ? "Cookies" : "Unknown");
      groups.set(title, [...(groups.get(title) ?? []), entry]);
    }
    const close = make("button", { type: "button", textContent: "Close" });
    close.addEventListener("click", () => toggle(false));
    const plain = () => JSON.stringify(latest, (key, value) => (key === "nodes" ? undefined : value), 2);
    const shownChoice = latest.decided === undefined ? "" : latest.decided ? "a choice has been made" : "no choice yet";
    panel.replaceChildren(
      make("header", {}, make("h2", { textContent: "Held on this page" }), copying("Copy as JSON", plain), close),
      make("p", { textContent: `${latest.page}${shownChoice ? `: ${shownChoice}` : ""}` }),
      latest.entries.length ? "" : make("p", { textContent: "Nothing is held or changed here." }),
      ...[...groups].flatMap(([title, entries]) => [
        make("h3", { textContent: title }),
        make("ul", {}, ...entries.map(item)),
      ]),
      latest.left_out ? make("p", { textContent: `${latest.left_out} more are left out.` }) : "",
    );
  };

  // Brings it in front of what is in the top layer already, such as the banner.
  const lift = () => {
    if (!root.showPopover) return;
    root.popover = "manual";
    if (root.matches(":popover-open")) root.hidePopover();
    if (!panel.hidden) root.showPopover();
  };

  let isBusy = false;
  let drawn = "";
  const refresh = async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      if (!root.isConnected) document.documentElement.append(root);
      latest = await collect();
      count.textContent = latest.entries.length;
      const text = JSON.stringify(latest.entries, (key, value) => (key === "nodes" ? value.length : value));
      if (!panel.hidden && text !== drawn) {
        draw();
        drawn = text;
      }
    } finally {
      isBusy = false;
    }
  };
  const toggle = (isOpen) => {
    panel.hidden = !isOpen;
    edge.setAttribute("aria-expanded", `${isOpen}`);
    lift();
    drawn = "";
    if (isOpen) refresh().then(() => panel.querySelector("button")?.focus());
    else edge.focus();
  };
  edge.addEventListener("click", () => toggle(true));
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(false);
  });
  document.addEventListener("cookieconsent:change", refresh);
  refresh();
  addEventListener("load", refresh);
  setInterval(refresh, 2000); // scripts go on to ask
})();
