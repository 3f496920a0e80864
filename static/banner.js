// The client side of the banner: sends a choice without leaving the page and activates what it allows.
// Without this script the forms work as they are; held-back tags then come alive with the next page.
(() => {
  const HELD = [
    "src",
    "srcset",
    "href",
    "xlink:href",
    "poster",
    "data",
    "imagesrcset",
    "background",
    "ping",
    "style",
    "content",
    "srcdoc",
  ];
  const XLINK = "http://www.w3.org/1999/xlink";
  const root = document.getElementById("cookie-consent");
  if (!root) return;
  const endpoint = new URL(root.dataset.endpoint, location.href).href;
  const words = (text) => (text || "").split(" ").filter(Boolean);
  const pairs = words(root.dataset.services).map((pair) => pair.split("="));
  let state = {
    decided: root.dataset.decided === "true",
    granted: words(root.dataset.granted),
    services: Object.fromEntries(pairs.map(([id, on]) => [id, on === "1"])),
  };
  let busy = false;

  const allows = ({ granted, services }, category, service) => services[service] ?? granted.includes(category);

  const withdraws = (now) =>
    state.granted.some((category) => !now.granted.includes(category)) ||
    [...Object.keys(state.services), ...Object.keys(now.services)].some(
      (id) => state.services[id] !== now.services[id] && now.services[id] !== true,
    );

  // Gives a node back the attributes that the server renamed.
  const restore = (node) => {
    for (const name of HELD) {
      const value = node.getAttribute(`data-${name}`);
      if (value === null) continue;
      node.removeAttribute(`data-${name}`);
      if (name === "xlink:href") node.setAttributeNS(XLINK, name, value);
      else node.setAttribute(name, value);
    }
    node.removeAttribute("data-consent");
    node.removeAttribute("data-consent-service");
  };

  // A script runs once, when it is inserted, and a <style> or <meta> is read then: these are made anew.
  const renew = (old) => {
    const node = document.createElementNS(old.namespaceURI, old.localName);
    for (const { name, value } of old.attributes) {
      if (name !== "type" && name !== "nonce" && name !== "data-type") node.setAttribute(name, value);
    }
    const type = old.getAttribute("data-type") ?? (old.localName === "meta" ? old.getAttribute("type") : null);
    if (type !== null) node.setAttribute("type", type);
    if (old.nonce) node.nonce = old.nonce;
    restore(node);
    node.textContent = old.textContent;
    return node;
  };

  const runs = (script) =>
    /^$|^module$|^(text|application)\/(x-)?(java|ecma)script$/i.test((script.getAttribute("type") ?? "").trim()) &&
    !script.hasAttribute("nomodule");

  // document.write() would wipe a page that has loaded; what a script writes goes behind the script instead.
  const write = (...parts) => {
    const script = document.currentScript;
    if (script) script.after(document.createRange().createContextualFragment(parts.join("")));
  };

  // Scripts run as the parser would have run them: classic ones in order, an inline one when those before it are
  // done; deferred ones and modules afterwards; async ones as they come.
  const runScripts = async (scripts) => {
    const late = (node) =>
      !node.hasAttribute("async") &&
      (node.getAttribute("data-type") === "module" || (node.hasAttribute("defer") && node.hasAttribute("data-src")));
    const own = Object.getOwnPropertyDescriptor(document, "write");
    const ownLine = Object.getOwnPropertyDescriptor(document, "writeln");
    document.write = document.writeln = write;
    let earlier = [];
    for (const old of [...scripts.filter((node) => !late(node)), ...scripts.filter(late)]) {
      const external = old.hasAttribute("data-src");
      if (!external && earlier.length) {
        await Promise.all(earlier);
        earlier = [];
      }
      if (!old.isConnected) continue;
      const script = renew(old);
      if (!script.hasAttribute("async")) {
        script.async = false;
        if (external && runs(script)) {
          earlier.push(
            new Promise((done) => {
              script.onload = script.onerror = done;
            }),
          );
        }
      }
      old.replaceWith(script);
    }
    await Promise.all(earlier);
    for (const [name, descriptor] of [
      ["write", own],
      ["writeln", ownLine],
    ]) {
      if (descriptor) Object.defineProperty(document, name, descriptor);
      else delete document[name];
    }
  };

  const activate = () => {
    const scripts = [];
    for (const node of document.querySelectorAll("[data-consent]")) {
      if (!allows(state, node.dataset.consent, node.dataset.consentService)) continue;
      const name = node.localName;
      if (name === "script") scripts.push(node);
      else if (name === "style" || name === "meta") node.replaceWith(renew(node));
      else {
        restore(node);
        const media = node.parentNode;
        if (name === "source" && media instanceof HTMLMediaElement) media.load();
      }
    }
    if (scripts.length) runScripts(scripts);
  };

  const apply = (now) => {
    if (withdraws(now)) {
      location.reload();
      return;
    }
    state = now;
    root.dataset.decided = "true";
    root.dataset.granted = now.granted.join(" ");
    const panel = root.querySelector(".cc-panel");
    const back = root.querySelector(".cc-back");
    if (back) back.hidden = false;
    if (panel) {
      if (panel.contains(document.activeElement) && back) back.focus({ preventScroll: true });
      panel.remove();
    }
    activate();
    document.dispatchEvent(new CustomEvent("cookieconsent:change", { detail: now }));
  };

  const announce = (text) => {
    const status = root.querySelector(".cc-status");
    if (!status) return;
    status.textContent = text;
    setTimeout(() => {
      status.textContent = "";
    }, 6000);
  };

  const fail = (message) => {
    const alert = root.querySelector(".cc-alert");
    const text = [root.dataset.failed, message].filter(Boolean).join(" ");
    if (!alert) return announce(text);
    alert.hidden = false;
    alert.textContent = text;
    alert.scrollIntoView({ block: "nearest" });
  };

  const send = async (form) => {
    const data = new FormData(form);
    const services = {};
    for (const [name, value] of data) {
      if (name.startsWith("service.") && value) services[name.slice(8)] = value === "1";
    }
    const body = {
      granted: data.getAll("granted"),
      services,
      channel: data.get("channel") ?? "banner",
      notice: data.get("notice") ?? root.dataset.notice,
      language: data.get("language") ?? root.dataset.language,
      url: location.pathname,
    };
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      keepalive: true,
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok || !Array.isArray(answer?.granted)) throw new Error(answer?.message ?? "");
    return { services: {}, ...answer };
  };

  // In the capture phase on the window: before any script of the site that takes over forms.
  addEventListener(
    "submit",
    async (event) => {
      const form = event.target;
      if (form.method !== "post" || form.getAttribute("action") === null || form.action !== endpoint) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (busy) return;
      busy = true;
      root.setAttribute("aria-busy", "true");
      let now = null;
      try {
        now = await send(form);
      } catch (error) {
        fail(error instanceof TypeError ? "" : error.message);
      }
      busy = false;
      root.removeAttribute("aria-busy");
      if (now) {
        apply(now);
        announce(root.dataset.saved);
      }
    },
    true,
  );

  // A page that comes back from the back/forward cache may be older than the choice.
  addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    const response = await fetch(root.dataset.state, { credentials: "same-origin" }).catch(() => null);
    const now = response?.ok ? await response.json() : null;
    if (now?.decided) apply({ services: {}, ...now });
    else if (now && state.decided) location.reload();
  });
})();
