// The guard: holds what a page's scripts write into the browser to the visitor's choice, as the server does with what
// it sends. It runs before all other scripts of the page. The server puts the policy's rules in front, under the name
// `rules`. What is refused is swallowed: getters stay as they are, and nothing throws that did not throw before.
(() => {
  const GUARD = "cookieconsent:guard";
  const REFERRER = "cookie_consent.referrer";
  const LATEST = "cookie_consent.state";
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
  const served = {
    granted: words(script.dataset.granted),
    services: Object.fromEntries(words(script.dataset.services).map((pair) => [pair.slice(0, -2), pair.endsWith("1")])),
  };
  const signal = makeSignal(rules, script.dataset);
  let state = stateOf({
    decided: script.dataset.decided === "true",
    ...signal.limit(served),
    policy_version: rules.version,
  });
  const covers = ([service, category], { services, granted } = state) =>
    services[service] ?? granted.includes(category);
  const owners = [...rules.owners, ...rules.categories.map(([category]) => ["", category])];
  const allows = (name) => covers(rules.owners.find(([service]) => service && service === name) ?? ["", name]);
  const judgement = makeJudge(rules, covers);
  const { cookieRule, isRefusedCookie, judge, mayStore, ownerOf, parse, refusedHost, storageRule } = judgement;

  // -- what was held back --------------------------------------------------------------------------------------------

  let isChanged = false; // since the page was loaded
  let isChosen = false; // something that this document will not hear of any more: it is being left for it
  let banner = {};
  const seen = [];
  const waiting = new Map();
  const untold = new Map();
  const lost = new Map(); // the owners of what can only be done by loading the page again
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

  const lose = ([service, category]) => lost.set(`${category} ${service}`, [service, category]);
  // `again` does what was held back, when it is allowed; of several cookies or keys with one name the latest counts.
  const hold = (kind, name, owner, again) => {
    const known = seen.some((item) => item.kind === kind && item.name === name);
    if (!known && seen.length >= MAXIMUM_SEEN) return;
    if (!again || kind === "host") lose(owner);
    if (again) waiting.set(kind === "host" ? again : `${kind} ${name}`, again);
    if (known) return;
    const [service, category] = owner;
    seen.push(freeze({ kind, name, category, service: service || null }));
    if (kind === "cookie" || kind === "storage") note(kind, name);
  };
  const holdStorage = (name, again) => hold("storage", name, ownerOf(storageRule(name)), again);
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
      if (owner) {
        hold("host", server.hostname, owner, again);
        note("host", server.hostname);
      }
      return Boolean(owner);
    } catch {
      return false; // not an address: the browser says so itself
    }
  };

  // Only what our own policy stopped: it names our endpoint for reports.
  const takeViolation = (event) => {
    if (event.disposition !== "enforce" || !event.originalPolicy.includes(new URL(url("report")).pathname)) return;
    try {
      const address = new URL(event.blockedURI);
      const owner = refusedHost(address, location.hostname);
      // A host that has been agreed to since the page was loaded, which still has its old policy.
      if (!owner && isChanged) banner.renew?.();
      hold("host", address.hostname, owner ?? ["", "unclassified"]);
    } catch {} // "inline" and the like
  };

  // By the server, in the headers.
  for (const pair of words(script.dataset.held)) lose(pair.replace("/-", "/").split("/").reverse());

  // -- documents and workers whose violations are not seen here -------------------------------------------------------

  // A service worker keeps the policy that it was installed with: it goes, and the page installs it anew. Whether there is
  // one is known after the load.
  let hasInstalled = true; // until the load says otherwise
  let hasOthers = false; // workers, worklets, and windows that a script writes into
  const beginOther = () => {
    hasOthers = true;
  };
  const mayHaveServiceWorkers = () => navigator.serviceWorker && (hasInstalled || hasOthers);
  const serviceWorkers = async () => {
    try {
      return await navigator.serviceWorker.getRegistrations();
    } catch {
      return []; // a document without an origin, or a browser that has none
    }
  };
  const dropServiceWorkers = async () =>
    Promise.allSettled((await serviceWorkers()).map((worker) => worker.unregister()));
  // Whether something in the frame was held back, as far as can be told: a document of the site has a guard, one that
  // a script has made or that no script may look into has none.
  const isLostIn = (frame, gains) => {
    try {
      if (frame.frameElement?.hasAttribute("data-consent-placeholder")) return false;
      const inner = {};
      frame.dispatchEvent(new frame.CustomEvent(GUARD, { detail: inner }));
      if (inner.guard) return inner.isLost(gains);
      return frame.location.href !== "about:blank" || frame.document.querySelector("head > *, body > *");
    } catch {
      const shown = [...document.querySelectorAll("iframe, frame, object, embed")].find(
        (node) => node.contentWindow === frame,
      );
      const address = shown?.src || shown?.data || "data:";
      return shown?.hasAttribute("sandbox") || !/^http/.test(address) || new URL(address).host === location.host;
    }
  };
  // Whether a choice makes possible what can only be done by loading the page again; `gains` says of a category and a
  // service whether it allows them anew.
  const isLost = (gains) => {
    const isGained = ([service, category]) => gains(category, service);
    if ([...lost.values()].some(isGained)) return true;
    if (!owners.some(isGained)) return false;
    if (hasOthers || navigator.serviceWorker?.controller) return true;
    return [...Array(length).keys()].some((at) => isLostIn(window[at], gains));
  };

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
  let isSwept = false;
  const sweep = () => {
    if (isChosen) return; // what the next page has set by now is not for this one to judge
    try {
      for (const pair of readCookies.call(document).split("; ")) {
        const name = pair.split("=")[0];
        if (name && isRefusedCookie(name)) expire(name);
      }
      for (const area of [localStorage, sessionStorage]) {
        for (const key of Object.keys(area)) {
          if (mayStore(key) || key === REFERRER || key === LATEST) continue;
          const value = area.getItem(key);
          if (isSwept) holdStorage(key, () => area.setItem(key, value)); // not what was there before the page
          area.removeItem(key);
        }
      }
    } catch {} // a sandboxed document, or a browser that allows no storage
    isSwept = true;
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

  const soon = (...works) => Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, 1000))]);

  // A script's reload makes the page itself the one that the visitor came from (in Chromium): the true one is handed on.
  let isLeft = false;
  const reload = async () => {
    if (isLeft) return;
    isLeft = true;
    isChosen = true;
    if (mayHaveServiceWorkers()) await soon(dropServiceWorkers());
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

  // Until the page is left no script of it reaches another host: a policy holds from the moment that it stands there.
  const shut = () => {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'";
    document.head?.append(policy);
  };
  // Nothing that runs survives a withdrawal. A page that answered a form is asked for anew, not sent again.
  const leave = () => {
    if (isLeft) return;
    if (script.dataset.method) location.replace(location.pathname + location.search);
    else reload();
  };
  // The latest state that a page of the site came with, for those that the browser keeps: what they do when the visitor
  // comes back to them they do before a server could be asked.
  const remember = (text) => {
    try {
      localStorage[LATEST] = text;
    } catch {} // as above
  };
  const withdraws = (before, after) => owners.some((owner) => covers(owner, before) && !covers(owner, after));
  const isOutdated = () => {
    try {
      const [, granted, services] = JSON.parse(localStorage.getItem(LATEST) ?? print());
      return withdraws(state, { granted, services });
    } catch {
      return true; // a choice was sent, and what became of it is not known
    }
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
    isChanged = true;
    remember(print());
    sweep();
    channel?.postMessage(print());
    if (withdraws(before, state)) {
      shut();
      await soon(sweepDatabases(), dropServiceWorkers());
      return leave();
    }
    if (withdraws(state, before)) dropServiceWorkers();
    stubs.release();
    for (const listener of [...listeners]) tell(listener);
    document.dispatchEvent(new CustomEvent("cookieconsent:change", { detail: state }));
    redo();
  };
  // Takes the state from the server, so that no script of the page can make one up.
  const refresh = async () => {
    const response = await ask(url("state"), { credentials: "same-origin", cache: "no-store" }).catch(() => null);
    if (response?.ok) {
      const now = await response.json();
      isChosen = false;
      await update(now);
    }
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
  const armContacts = makeContacts({ isRefusedServer, isRefusedUnknown: judgement.isRefusedUnknown, beginOther });
  makeArm({ parse, decide, mayStore, holdStorage, armContacts, beginOther, takeViolation })(window);
  takeReferrer();
  const isNews = signal.tell(
    () => readCookies.call(document),
    (text) => writeCookie.call(document, text),
  );
  remember(print());
  sweep();
  // The server has let pass what the signal refuses: this page gets no further, and comes again without it.
  if (withdraws(served, state)) {
    shut();
    if (isNews) leave();
  }
  listen();
  // The banner asks here, as the page may use the name `cookieConsent` for something of its own.
  addEventListener(
    GUARD,
    (event) => {
      event.stopImmediatePropagation();
      const { detail } = event;
      if (!detail) return;
      banner = Object.assign(detail, { guard, isLost, reload, replay: stubs.replay });
    },
    true,
  );
  document.addEventListener("load", ({ target }) => /^i?frame$/.test(target.localName) && sweepTwice(), true);
  addEventListener("load", async () => {
    sweepTwice();
    sweepDatabases();
    channel?.postMessage(print());
    timer = setTimeout(report, 1000);
    hasInstalled = (await serviceWorkers()).length > 0;
  });
  // A form that is sent without the banner's script is answered by another page, which may be one without a guard, and
  // which no worker with the old policy may touch.
  let isSending = false;
  addEventListener(
    "submit",
    async (event) => {
      const { target, submitter } = event;
      if (target.action !== url("choices")) return;
      isChosen = true;
      if (isSending || banner.guard || !mayHaveServiceWorkers() || !target.requestSubmit) return;
      event.preventDefault();
      await soon(dropServiceWorkers());
      isSending = true;
      target.requestSubmit(submitter);
    },
    true,
  );
  addEventListener("pagehide", () => {
    sweep();
    report();
    if (isChosen) {
      remember("");
      channel?.postMessage("");
    }
    channel?.close(); // an open one would keep the page out of the back/forward cache
  });
  addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    isChosen = false;
    isLeft = false;
    const isShut = isOutdated();
    if (isShut) shut();
    listen();
    await refresh();
    if (isShut) leave();
  });
  self.cookieStore?.addEventListener("change", ({ changed }) => {
    if (changed.some(({ name }) => isRefusedCookie(name))) sweep();
  });
  window.cookieConsent = guard;
})();
