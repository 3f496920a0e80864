// The guard: holds what a page's scripts write into the browser to the visitor's choice, as the server does with what
// it sends. It runs before all other scripts of the page. The server puts the policy's rules in front, under the name
// `rules`. What is refused is swallowed: getters stay as they are, and nothing throws that did not throw before.
(() => {
  const GUARD = "cookieconsent:guard";
  const REFERRER = "cookie_consent.referrer";
  const MAXIMUM_SEEN = 100;
  const { freeze } = Object;
  const script = document.currentScript;
  const url = (path) => new URL(`../${path}`, script.src).href;
  const ask = fetch.bind(window);
  const other = {};
  dispatchEvent(new CustomEvent(GUARD, { detail: other }));
  if (other.guard) return; // a fragment that was taken for a page

  // -- the state -----------------------------------------------------------------------------------------------------

  const words = (text) => (text || "").split(" ").filter(Boolean);
  const stateOf = ({ decided, granted, services, id = null, policy_version, decided_at = null }) =>
    freeze({
      decided,
      granted: freeze([...granted]),
      refused: freeze(rules.categories.map(([category]) => category).filter((name) => !granted.includes(name))),
      services: freeze(Object.assign(Object.create(null), services)),
      id,
      policy_version,
      decided_at,
    });
  let state = stateOf({
    decided: script.dataset.decided === "true",
    granted: words(script.dataset.granted),
    services: Object.fromEntries(words(script.dataset.services).map((pair) => [pair.slice(0, -2), pair.endsWith("1")])),
    policy_version: rules.version,
  });
  const covers = ([service, category], { services, granted } = state) =>
    services[service] ?? granted.includes(category);
  const allows = (name) => covers(rules.owners.find(([service]) => service && service === name) ?? ["", name]);
  const { cookieRule, isRefusedCookie, judge, mayStore, ownerOf, parse, refusedHost, storageRule } = makeJudge(
    rules,
    covers,
  );

  // -- what was held back --------------------------------------------------------------------------------------------

  const seen = [];
  const waiting = new Map();
  const untold = new Map();
  const observers = new Set();
  let told = 0;
  let timer = 0;

  const report = () => {
    clearTimeout(timer);
    timer = 0;
    const names = [...untold.values()].slice(told);
    told = untold.size;
    if (!names.length) return;
    const body = JSON.stringify({ path: location.pathname, held: names });
    const headers = { "Content-Type": "application/json" };
    ask(url("report"), { method: "POST", body, headers, credentials: "same-origin", keepalive: true }).catch(() => {});
  };
  // Told once for each page and name, after the page has loaded; never a value.
  const note = (kind, name) => {
    const key = `${kind} ${name}`;
    if (untold.has(key) || untold.size >= MAXIMUM_SEEN) return;
    untold.set(key, { kind, name });
    if (!timer && document.readyState === "complete") timer = setTimeout(report, 1000);
  };

  // `again` does what was held back, when it is allowed; of several with one name the latest counts.
  const hold = (kind, name, [service, category], again) => {
    const known = seen.find((item) => item.kind === kind && item.name === name);
    if (!known && seen.length >= MAXIMUM_SEEN) return;
    if (again) waiting.set(`${kind} ${name}`, again);
    if (known) return;
    const item = freeze({ kind, name, category, service: service || null });
    seen.push(item);
    if (kind === "cookie" || kind === "storage") note(kind, name);
    for (const tell of observers) tell(item);
  };
  const holdStorage = (name, again = () => {}) => hold("storage", name, ownerOf(storageRule(name)), again);
  const redo = () => {
    const all = [...waiting.values()];
    waiting.clear();
    for (const again of all) again();
  };

  // -- what scripts write --------------------------------------------------------------------------------------------

  const { get: readCookies, set: writeCookie } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  // Says what to do with a cookie, and takes note of it.
  const decide = (name, value, seconds, again) => {
    const verdict = judge(name, value, seconds);
    const rule = cookieRule(name);
    if (verdict === "drop") hold("cookie", name, ownerOf(rule), again);
    else if (!rule && !(seconds <= 0)) note("cookie", name);
    return verdict;
  };

  // Says whether a server may not be asked, and takes note of it.
  const isRefusedServer = (address, again) => {
    try {
      const server = new URL(`${address}`.replace(/^(stun|turn)s?:/i, "https://"), document.baseURI);
      const owner = /^http/.test(server.protocol) && refusedHost(server, location.hostname);
      if (owner) hold("host", server.hostname, owner, again);
      return Boolean(owner);
    } catch {
      return false; // not an address: the browser says so itself
    }
  };

  // Only what our own policy stopped: it names our endpoint for reports.
  addEventListener(
    "securitypolicyviolation",
    (event) => {
      if (event.disposition !== "enforce" || !event.originalPolicy.includes(new URL(url("report")).pathname)) return;
      try {
        const address = new URL(event.blockedURI);
        hold("host", address.hostname, refusedHost(address, location.hostname) ?? ["", "unclassified"]);
      } catch {} // "inline" and the like
    },
    true,
  );

  // -- what is there already -----------------------------------------------------------------------------------------

  const expire = (name) => {
    const labels = /^\[|^[\d.]+$/.test(location.hostname) ? [] : location.hostname.split(".");
    const domains = labels.slice(1).map((_, at) => `;Domain=${labels.slice(at).join(".")}`);
    const folders = location.pathname.split("/").slice(1, 20);
    const paths = folders.map((_, at) => `/${folders.slice(0, at + 1).join("/")}`);
    const kinds = location.protocol === "https:" ? [";Secure", ";Secure;Partitioned"] : [""];
    for (const path of new Set(["/", cookieRule(name)?.[3] ?? "/", ...paths.flatMap((path) => [path, `${path}/`])])) {
      for (const domain of ["", ...domains]) {
        for (const kind of kinds) writeCookie.call(document, `${name}=;Max-Age=0;Path=${path}${domain}${kind}`);
      }
    }
  };

  // Takes away what is refused, whoever wrote it and by whatever way.
  const sweep = () => {
    try {
      for (const pair of readCookies.call(document).split("; ")) {
        const name = pair.split("=")[0];
        if (name && isRefusedCookie(name)) expire(name);
      }
      for (const area of [localStorage, sessionStorage]) {
        for (const key of Object.keys(area)) if (!mayStore(key) && key !== REFERRER) area.removeItem(key);
      }
    } catch {} // a sandboxed document, or a browser that allows no storage
  };

  // What a frame has written may show in this document's cookies only a moment later.
  let again = 0;
  const sweepTwice = () => {
    sweep();
    clearTimeout(again);
    again = setTimeout(sweep, 500);
  };

  const sweepDatabases = async () => {
    try {
      for (const { name } of await indexedDB.databases()) if (!mayStore(name)) indexedDB.deleteDatabase(name);
      for (const name of await caches.keys()) if (!mayStore(name)) await caches.delete(name);
    } catch {} // as above, or a browser that does not list them
  };

  // -- changes -------------------------------------------------------------------------------------------------------

  const listeners = new Set();
  let channel = null;
  const print = () => JSON.stringify([state.decided, state.granted, state.services]);
  const listen = () => {
    if (!self.BroadcastChannel) return;
    channel = new BroadcastChannel(url("state"));
    // Another page was loaded with another choice, or has heard of one: the server says what holds.
    channel.onmessage = ({ data }) => {
      if (data !== print()) refresh();
    };
  };

  // A script's reload makes the page itself the one that the visitor came from (in Chromium): the true one is handed on.
  const reload = () => {
    try {
      if (window === top) sessionStorage[REFERRER] = document.referrer;
    } catch {} // as above
    location.reload();
  };
  const takeReferrer = () => {
    let referrer = null;
    try {
      if (window === top) referrer = sessionStorage.getItem(REFERRER);
      sessionStorage.removeItem(REFERRER);
    } catch {} // as above
    const descriptor = Object.getOwnPropertyDescriptor(Document.prototype, "referrer");
    if (referrer === null || !descriptor) return;
    const { get } = descriptor;
    Object.defineProperty(Document.prototype, "referrer", {
      ...descriptor,
      get() {
        return this === document ? referrer : get.call(this);
      },
    });
  };

  // Nothing that runs survives a withdrawal. A page that answered a form is asked for anew, not sent again.
  const leave = () => {
    if (script.dataset.method) location.replace(location.pathname + location.search);
    else reload();
  };
  const tell = (listener) => {
    try {
      listener(state);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  };
  const update = async (now) => {
    const before = state;
    const was = print();
    state = stateOf(now);
    if (print() === was) return;
    sweep();
    channel?.postMessage(print());
    const owners = [...rules.owners, ...rules.categories.map(([category]) => ["", category])];
    if (owners.some((owner) => covers(owner, before) && !covers(owner))) {
      await Promise.race([sweepDatabases(), new Promise((done) => setTimeout(done, 1000))]);
      return leave();
    }
    stubs.release();
    for (const listener of [...listeners]) tell(listener);
    document.dispatchEvent(new CustomEvent("cookieconsent:change", { detail: state }));
    redo();
  };
  // Takes the state from the server, so that no script of the page can make one up.
  const refresh = async () => {
    const response = await ask(url("state"), { credentials: "same-origin", cache: "no-store" }).catch(() => null);
    if (response?.ok) await update(await response.json());
    return state;
  };

  // -- what the page sees --------------------------------------------------------------------------------------------

  const show = () => {
    const panel = document.querySelector("#cookie-consent .cc-panel");
    if (panel) panel.querySelector("button, summary, a")?.focus();
    else location.assign(`${url("preferences")}?return_to=${encodeURIComponent(location.pathname + location.search)}`);
  };
  const onChange = (listener) => {
    if (typeof listener !== "function") throw new TypeError("onChange takes a function");
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const guard = freeze({
    get state() {
      return state;
    },
    get held() {
      return freeze([...seen]);
    },
    allows,
    show,
    onChange,
    refresh,
  });

  const stubs = makeStubs(rules, covers, hold);
  makeArm({ parse, decide, mayStore, holdStorage, isRefusedServer })(window);
  takeReferrer();
  sweep();
  listen();
  // The banner asks here, as the page may use the name `cookieConsent` for something of its own.
  addEventListener(
    GUARD,
    (event) => {
      event.stopImmediatePropagation();
      const { detail } = event;
      if (!detail) return;
      Object.assign(detail, { guard, reload, replay: stubs.replay });
      if (typeof detail.held !== "function") return;
      observers.add(detail.held);
      for (const item of seen) detail.held(item);
    },
    true,
  );
  document.addEventListener("load", ({ target }) => /^i?frame$/.test(target.localName) && sweepTwice(), true);
  addEventListener("load", () => {
    sweepTwice();
    sweepDatabases();
    channel?.postMessage(print());
    timer = setTimeout(report, 1000);
  });
  addEventListener("pagehide", () => {
    sweep();
    report();
    channel?.close(); // an open one would keep the page out of the back/forward cache
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    listen();
    refresh();
  });
  self.cookieStore?.addEventListener("change", ({ changed }) => {
    if (changed.some(({ name }) => isRefusedCookie(name))) sweep();
  });
  window.cookieConsent = guard;
})();
