// The guard: enforces the visitor's choice on what a page's scripts write in the browser, as the server does on what it
// sends. It runs before all other scripts of the page. The server puts the policy's rules before it, as
// `rules`, and the functions of the parts that the page needs, as `parts`.
// Refused writes are ignored silently: getters are unchanged, and nothing throws that did not throw before.
(() => {
  const GUARD = "cookieconsent:guard";
  const REFERRER = "cookie_consent.referrer";
  const LATEST = "cookie_consent.state";
  // The banner's: what was typed, and what it said, before it loads the page again, and which announcement was closed.
  const KEPT = ["cookie_consent.typed", "cookie_consent.said", "cookie_consent.revision"];
  const MAXIMUM_HELD = 100;
  const MAXIMUM_ERRORS = 20;
  const MAXIMUM_WAIT = 10_000; // milliseconds after which the page leads nowhere any more by itself
  const MAXIMUM_PAUSE = 60_000;
  const DELAYS = [500, 1000, 2000, 4000, 0]; // milliseconds after each attempt; 0 ends them
  const { freeze } = Object;
  const { get: readScript } = Object.getOwnPropertyDescriptor(Document.prototype, "currentScript");
  const script = readScript.call(document);
  const base = script.src.slice(0, script.src.lastIndexOf("/assets/") + 1);
  const url = (path) => base + path;
  const ask = fetch.bind(window);
  const { userActivation } = navigator;
  const { get: readActive } = Object.getOwnPropertyDescriptor(self.UserActivation?.prototype ?? {}, "isActive") ?? {};
  const isActing = () => !readActive || readActive.call(userActivation);
  const other = {};
  dispatchEvent(new CustomEvent(GUARD, { detail: other }));
  if (other.guard) return; // the page has a guard already: this one came with a fragment

  // -- the state -----------------------------------------------------------------------------------------------------

  const words = (text) => (text || "").split(" ").filter(Boolean);
  const stateOf = (now) => {
    const { decided, granted, services, policy_version } = now;
    const { named = null, pending = [], visit = [], id = null, decided_at = null } = now;
    const others = rules.categories.map(([category]) => category).filter((name) => !granted.includes(name));
    const isRefused = (name) => decided || pending.length > 0 || gpc.refuses(name);
    return freeze({
      decided,
      granted: freeze([...granted]),
      refused: freeze(others.filter(isRefused)),
      unanswered: freeze(others.filter((name) => !isRefused(name))),
      services: freeze(Object.assign(Object.create(null), services)),
      named: named && freeze([...named]),
      pending: freeze([...pending]),
      visit: freeze([...visit]),
      id,
      policy_version,
      decided_at,
    });
  };
  const served = {
    granted: words(script.dataset.granted),
    services: Object.fromEntries(words(script.dataset.services).map((pair) => [pair.slice(0, -2), pair.endsWith("1")])),
    named: script.dataset.named === undefined ? null : words(script.dataset.named),
    ahead: words(script.dataset.ahead),
  };
  const gpc = makeGpc(rules, script.dataset);
  const servedState = () =>
    stateOf({
      decided: script.dataset.decided === "true",
      ...served,
      ...gpc.limit(served),
      pending: words(script.dataset.pending),
      visit: words(script.dataset.visit),
      policy_version: rules.version,
    });
  let isServed = true; // with the page
  let state = servedState();
  // A granted category covers the services that the answered notice has named, and what necessary ones store.
  let homes;
  let owners;
  const takeOwners = () => {
    homes = new Map([...rules.owners].reverse()); // the first category of a service is its own
    owners = [...rules.owners, ...rules.categories.map(([category]) => ["", category])];
  };
  takeOwners();
  const covers = ([service, category], { services, granted, named } = state) =>
    services[service] ??
    (granted.includes(category) &&
      (!service || !named || named.includes(service) || rules.required.includes(homes.get(service))));
  const isHost = (id) => id.includes(".");
  const idsIn = ({ services, named }) => [...Object.keys(services), ...(named ?? [])];
  // Services of the registry that the visitor has answered for, and whose rules are not here yet.
  let isLearned = !rules.known.filter;
  const declared = rules.owners.slice(0, rules.services).map(([service]) => service);
  const isStranger = (id) => !isLearned && !isHost(id) && !declared.includes(id);
  const allows = (name) => {
    if (isStranger(name) && !owners.some(([, category]) => category === name)) findOut();
    return covers(rules.owners.find(([service]) => service && service === name) ?? ["", name]);
  };
  // Returns whether something may be allowed of services whose rules are not here yet.
  const isOpen = () =>
    idsIn(state).some((id) => isStranger(id) && state.services[id] !== false) ||
    (!state.named && state.granted.some((category) => !rules.required.includes(category)));
  // Services that load before the visitor has chosen, as long as nobody has refused them. What they store is held.
  const { ahead } = served;
  const aheadIn = ({ services, unanswered }) =>
    ahead.filter((id) => services[id] === undefined && unanswered.includes(homes.get(id)));
  const loads = (owner, at = state) => covers(owner, at) || (at.ahead ?? aheadIn(at)).includes(owner[0]);
  const judgement = makeJudge(rules, covers, loads, location.hostname, script.dataset.site);
  const { cookieRule, isHostAwaited, isRefusedCookie, judge, mayStore, ownerOf, parse, storageRule, unknownHost } =
    judgement;

  // -- what was held back --------------------------------------------------------------------------------------------

  let isChanged = false; // since the page was loaded
  let mayRenew = false; // whether a reload may bring the page that belongs to the state
  // A new choice is being made, for which this document is being left; or the server has to be asked for an earlier one.
  let isChosen = Boolean(script.dataset.unsure);
  let banner = {};
  const held = [];
  const waiting = new Map();
  const noted = new Map();
  const lost = new Map(); // the owners of what was held and needs a reload
  let reported = 0;
  let timer = 0;

  const report = () => {
    clearTimeout(timer);
    timer = 0;
    const names = [...noted.values()].slice(reported);
    reported = noted.size;
    if (!names.length) return;
    const body = JSON.stringify({ path: location.pathname, held: names });
    const headers = { "Content-Type": "application/json" };
    ask(url("report"), { method: "POST", body, headers, credentials: "same-origin", keepalive: true }).catch(() => {});
  };
  // Reports each name once per page, after the page has loaded. Never a value.
  const note = (kind, name, service) => {
    const key = `${kind} ${name} ${service}`;
    if (noted.has(key) || noted.size >= MAXIMUM_HELD) return;
    noted.set(key, { kind, name, service });
    awaitEnd(); // the page may be left before it is ready
    if (!timer && document.readyState === "complete") timer = setTimeout(report, 1000);
  };

  const lose = ([service, category]) => lost.set(`${category} ${service}`, [service, category]);
  const isListed = (kind, name, service, frame) =>
    held.some((item) => {
      const isSame = item.kind === kind && item.name === name && item.service === (service || null);
      return isSame && (item.frame || !frame);
    });
  const list = (kind, name, [service, category], layer = "guard", frame = false) => {
    if (isListed(kind, name, service, frame) || held.length >= MAXIMUM_HELD) return;
    held.push(freeze({ kind, name, category, service: service || null, layer, ...(frame && { frame }) }));
  };
  // `again` repeats what was held once it is allowed. Of several writes of one cookie or key the latest counts.
  const hold = (kind, name, owner, again, layer, frame) => {
    const known = isListed(kind, name, owner[0], frame);
    if (!known && held.length >= MAXIMUM_HELD) return;
    const key = kind === "host" ? again : `${kind} ${name}`;
    const isFull = waiting.size >= MAXIMUM_HELD && !waiting.has(key); // such as an image each second
    if (!again || kind === "host" || isFull) lose(owner);
    if (again && !isFull) waiting.set(key, again);
    if (known) return;
    list(kind, name, owner, layer, frame);
    if (kind === "host") banner.held?.();
    if (kind === "cookie" || kind === "storage") note(kind, name);
  };
  // Does something of the page's, whose errors are the page's.
  const attempt = (run) => {
    try {
      run();
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  };
  const repeat = (later) => {
    const all = [...later.values()];
    later.clear();
    for (const again of all) attempt(again);
  };
  // What waits for the rules of the registry, by kind and name: of several writes of one name the latest counts.
  const awaiting = new Map();
  let asking = null;
  const learn = (details) => {
    if (isLearned) return; // from a request of the same time
    judgement.learn(details);
    isLearned = true;
    takeOwners();
    nameHeld();
    const was = serialize();
    if (isServed) state = servedState(); // what is sold is known now
    repeat(awaiting);
    if (serialize() !== was) {
      remember(serialize());
      announce();
    } else if (hasFailed) repeat(waiting);
    sweep();
    sweepDatabases();
  };
  const rulesUrl = url(`assets/${rules.known.file}`);
  let pause = 0;
  const askForRules = (options) => {
    if (isLearned) return null;
    asking ??= ask(rulesUrl, options)
      .then((response) => response.json())
      .then(learn)
      .catch(() => {
        // What waits for it is held until a later attempt.
        pause = Math.min(2 * pause || DELAYS[0], MAXIMUM_PAUSE);
        setTimeout(() => {
          asking = null;
          if ((awaiting.size || unnamed.size) && pause < MAXIMUM_PAUSE) askForRules();
        }, pause);
      });
    return asking;
  };
  // Returns whether a name waits for the rules, and asks for them.
  const isDeferred = (name, isStorage) => {
    const isAwaited = judgement.isAwaited(name, isStorage);
    if (isAwaited) askForRules();
    return isAwaited;
  };
  // Asks at once for what cannot wait. The browser has the rules from the page before, as a rule. Returns whether they
  // are known.
  const Request = window.XMLHttpRequest;
  const { open: openRequest, send: sendRequest } = Request?.prototype ?? {};
  const readNow = (address) => {
    const request = new Request();
    openRequest.call(request, "GET", address, false);
    sendRequest.call(request);
    return JSON.parse(request.responseText);
  };
  let hasFailed = false;
  const findOut = () => {
    if (isLearned) return true;
    try {
      if (!hasFailed) learn(readNow(rulesUrl));
    } catch {
      hasFailed = true; // the site's own policy may forbid it, or the page is being left
    }
    askForRules();
    return isLearned;
  };
  // A database opens or fails.
  const mayOpen = (name) => {
    if (judgement.isAwaited(name, true)) findOut();
    return mayStore(name);
  };
  const defer = (key, again) => {
    if (awaiting.size < MAXIMUM_HELD || awaiting.has(key)) awaiting.set(key, again);
    askForRules();
  };
  // Returns whether it is refused; otherwise nobody knows yet.
  const holdStorage = (name, again) => {
    const owner = () => ownerOf(storageRule(name));
    if (!judgement.isAwaited(name, true)) {
      hold("storage", name, owner(), again);
      return true;
    }
    // A database that did not open needs a reload if it turns out to be allowed.
    defer(`storage ${name}`, again ?? (() => (mayStore(name) ? lose(owner()) : holdStorage(name))));
    return false;
  };

  // -- what scripts write --------------------------------------------------------------------------------------------

  const { get: readCookies, set: writeCookie } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  // Returns what to do with a cookie, and records it.
  const decide = (name, value, seconds, again) => {
    const rule = cookieRule(name);
    const judged = judge(name, value, seconds);
    if (judged === "wait") {
      defer(`cookie ${name}`, again);
      return "drop";
    }
    // What is allowed for this visit stores nothing that lasts.
    // It is written again, for longer, if it may last.
    if (judged === "session" && judgement.isOpenEnded(name)) defer(`cookie ${name}`, again);
    const isToEnd = judged !== "drop" && !(seconds <= 0) && state.visit.includes(ownerOf(rule)[0]);
    const verdict = isToEnd && seconds !== undefined ? "session" : judged;
    if (verdict === "drop") hold("cookie", name, ownerOf(rule), again);
    else if (!rule && !(seconds <= 0)) note("cookie", name);
    return verdict;
  };

  // On the site's own hosts the host does not tell the service.
  const noteServer = (server, [service]) =>
    note("host", server.hostname, (judgement.isOwn(server) && service) || undefined);
  // What is held of hosts whose rules are not here yet gets its owners once they are: a path may have another.
  const unnamed = new Map();
  const nameHeld = () => {
    const all = [...unnamed.values()];
    unnamed.clear();
    for (const item of held.splice(0)) {
      const { kind, name, service, category } = item;
      const isUnnamed = kind === "host" && (service === name || category === "blocked");
      const found = isUnnamed ? all.filter(([{ hostname }]) => hostname === name) : [];
      if (!found.length) held.push(item);
      for (const [server, before, ...more] of found) {
        const owner = refusedHost(server) ?? before;
        lose(owner);
        list(kind, name, owner, ...more);
      }
    }
    banner.held?.();
  };
  const holdHost = (server, owner, again, ...more) => {
    const { hostname, pathname } = server;
    hold("host", hostname, owner, again, ...more);
    if (!isHostAwaited(server)) return;
    if (unnamed.size < MAXIMUM_HELD) unnamed.set([hostname, pathname, ...more].join(), [server, owner, ...more]);
    askForRules();
  };
  // Returns whether nobody can say that an address may be asked: the registry may know its host, and its rules are not
  // here. Where it would be held in any case, they matter only if the owner has to be named (`isSure`).
  const mayPass = (server) => isOpen() || judgement.permitsUnknown(server);
  const isUnclear = (server, isSure) => isHostAwaited(server) && (isSure || mayPass(server)) && !findOut();
  // Returns the owner of a refused address, or null if it is allowed.
  const refusedHost = (server, marks, isSure = false) =>
    isUnclear(server, isSure) ? judgement.heldHost(server) : judgement.refusedHost(server, marks);
  // Returns whether a server must not be contacted, and records it. With `isNamed`, only those of services that the
  // policy or the registry names. With `isOwnOnly`, only those that no policy can tell from others: the site's hosts, of
  // which `marks` tells services, and parts of what an allowed service has. `isFrame` says that it would be shown in a
  // frame. With `isQuiet`, nothing is recorded. `leadAgain` repeats a navigation that was stopped for want of the rules.
  const isRefusedServer = (address, again, { isNamed, isOwnOnly, isQuiet, isFrame, marks, leadAgain } = {}) => {
    let server;
    try {
      server = new URL(`${address}`.replace(/^(stun|turn)s?:/i, "https://"), document.baseURI);
    } catch {
      return false; // not a URL, which the browser reports itself
    }
    try {
      if (!/^http/.test(server.protocol)) return false;
      const isOthers = isOwnOnly && !judgement.isOwn(server);
      if (isOthers && !rules.enforced) return false;
      const owner = refusedHost(server, marks, isNamed || isFrame);
      const mayBeShared = () => judgement.isShared(server) || (judgement.isInFilter(server) && mayPass(server));
      if (isOthers && !(owner && mayBeShared())) return false;
      const isRefused = Boolean(owner && (!isNamed || rules.owners.includes(owner) || isUnclear(server, true)));
      if (isQuiet) return isRefused;
      if (judgement.isOwnByDomain(server)) note("host", server.hostname);
      if (isRefused) {
        holdHost(server, owner, again, "guard", isFrame);
        noteServer(server, owner);
        const until = Date.now() + MAXIMUM_WAIT;
        if (leadAgain && isHostAwaited(server)) defer(leadAgain, () => Date.now() < until && leadAgain());
      }
      return isRefused;
    } catch {
      return true; // in doubt it is held
    }
  };

  // Records what our own policy has blocked. It is recognised by our report endpoint.
  const takeViolation = (event) => {
    if (event.disposition !== "enforce" || !event.originalPolicy.includes(new URL(url("report")).pathname)) return;
    try {
      const address = new URL(event.blockedURI);
      const owner = refusedHost(address);
      // The host has been agreed to since, but the page still has its old policy.
      if (!owner && mayRenew) banner.renew?.();
      const isFrame = event.effectiveDirective === "frame-src";
      // Of an own address that leads to another host, nobody says to which: it may wait for any category.
      const isOwn = !owner && judgement.isOwn(address);
      const other = isOwn ? ["", unknownHost(address)[1]] : unknownHost(address);
      holdHost(address, owner ?? other, null, "csp", isFrame);
      if (isOwn) for (const [category] of rules.categories) lose(["", category]);
    } catch {} // "inline" and the like
  };

  // Where a script of the site fails for want of a name or a property, it may need a script that is held. Which one
  // nobody can tell: the hosts of all held so far are reported, but of those with `async`, on which no script relies.
  let errors = 0;
  const takeError = ({ error, filename }) => {
    try {
      if (!/^(Reference|Type)Error$/.test(error?.name) || !judgement.isOwn(new URL(filename))) return;
      if (errors++ >= MAXIMUM_ERRORS) return;
      for (const { dataset } of document.querySelectorAll("script[data-consent-src]:not([async])")) {
        if (dataset.consentType !== "module") {
          note("script-error", new URL(dataset.consentSrc, document.baseURI).hostname);
        }
      }
    } catch {} // not from a file, or thrown by the page to confuse
  };

  // What the server has held in the response headers.
  const heldInHeaders = words(script.dataset.held).map((pair) => pair.replace("/-", "/").split("/").reverse());
  for (const owner of heldInHeaders) lose(owner);

  // Everything that is held: what this script has held, and what the server has, in the headers and on the page.
  const allHeld = () => {
    const all = [...held];
    for (const [service, category] of heldInHeaders) {
      all.push(freeze({ kind: "header", name: "", category, service: service || null, layer: "header" }));
    }
    for (const node of document.querySelectorAll("[data-consent]")) {
      if (all.length >= 4 * MAXIMUM_HELD) break;
      const services = words(node.dataset.consentService);
      words(node.dataset.consent).forEach((category, at) => {
        const service = services[at] && services[at] !== "-" ? services[at] : null;
        all.push(freeze({ kind: "element", name: node.localName, category, service, layer: "html" }));
      });
    }
    return freeze(all);
  };

  // -- documents and workers whose violations are not seen here -------------------------------------------------------

  // A service worker keeps the policy that it was installed with. So it is unregistered, and the page installs it
  // again.
  let hasInstalled = true; // until the load event finds out
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
  // Returns whether something in the frame may have been held back. Documents of the site have a guard to ask. Those
  // that a script has written, or that are sandboxed, have none.
  const isLostIn = (frame, gains) => {
    try {
      if (frame.frameElement?.hasAttribute("data-consent-placeholder")) return false;
      const inner = {};
      frame.dispatchEvent(new frame.CustomEvent(GUARD, { detail: inner }));
      // A frame has no banner that would look at its markup.
      const isGained = ({ kind, category, service }) => kind === "element" && gains(category, service);
      if (inner.guard) return inner.isLost(gains) || inner.guard.held.some(isGained);
      return frame.location.href !== "about:blank" || frame.document.querySelector("head > *, body > *");
    } catch {
      const shown = [...document.querySelectorAll("iframe, frame, object, embed")].find(
        (node) => node.contentWindow === frame,
      );
      const address = shown?.src || shown?.data || "data:";
      return shown?.hasAttribute("sandbox") || !/^http/.test(address) || new URL(address).host === location.host;
    }
  };
  // Returns whether a choice takes effect only after a reload. `gains` returns whether it newly allows a category and
  // a service.
  const isLost = (gains) => {
    const isGained = ([service, category]) => gains(category, service);
    if ([...lost.values()].some(isGained)) return true;
    const isElsewhere = hasOthers || navigator.serviceWorker?.controller;
    if (!isElsewhere && !length) return false;
    if (!owners.some(isGained) && !(findOut() && owners.some(isGained))) return false;
    return Boolean(isElsewhere) || [...Array(length).keys()].some((at) => isLostIn(window[at], gains));
  };

  // -- deleting what is refused --------------------------------------------------------------------------------------

  const deleteCookie = (name) => {
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

  // Deletes refused cookies and storage, however they were written.
  let isSwept = false;
  const sweep = () => {
    if (isChosen) return; // the next page may already have written under the new choice, or an earlier one holds
    try {
      for (const pair of readCookies.call(document).split("; ")) {
        const name = pair.split("=")[0];
        if (name && !isDeferred(name) && isRefusedCookie(name)) deleteCookie(name);
      }
      for (const area of [localStorage, sessionStorage]) {
        for (const key of Object.keys(area)) {
          if (mayStore(key) || [REFERRER, LATEST, ...KEPT].includes(key) || isDeferred(key, true)) continue;
          const value = area.getItem(key);
          if (isSwept) holdStorage(key, () => area.setItem(key, value)); // unless it is older than the page
          area.removeItem(key);
        }
      }
    } catch {} // a sandboxed document, or a browser without storage
    isSwept = true;
  };

  // A cookie that a frame has written may become visible here only a moment later.
  let again = 0;
  const sweepTwice = () => {
    sweep();
    clearTimeout(again);
    again = setTimeout(sweep, 500);
  };

  const sweepDatabases = async () => {
    try {
      const isRefused = (name) => !isDeferred(name, true) && !mayStore(name);
      for (const { name } of await indexedDB.databases()) if (isRefused(name)) indexedDB.deleteDatabase(name);
      for (const name of await caches.keys()) if (isRefused(name)) await caches.delete(name);
    } catch {} // as above, or a browser that cannot list them
  };

  // -- changes -------------------------------------------------------------------------------------------------------

  const listeners = new Set();
  let channel = null;
  const serialize = () => {
    const { decided, granted, services, visit, named } = state;
    return JSON.stringify([decided, granted, services, visit, named, ...(ahead.length ? [aheadIn(state)] : [])]);
  };
  // Another page has another state. The server knows which one applies.
  const compare = async (text, isAgain) => {
    if (text !== serialize()) await refresh(isAgain);
  };
  const listen = () => {
    try {
      channel = new BroadcastChannel(url("state"));
      channel.onmessage = ({ data }) => compare(data);
    } catch {} // a browser that has none, or none where cookies are blocked
  };

  const withTimeout = (...works) => Promise.race([Promise.all(works), new Promise((done) => setTimeout(done, 1000))]);

  // After location.reload(), Chromium's document.referrer is the page itself. So the original one is passed on.
  let isLeft = false;
  const loadAgain = async () => {
    makeReady();
    isChosen = true;
    if (mayHaveServiceWorkers()) await withTimeout(dropServiceWorkers());
    try {
      if (window === top) sessionStorage[REFERRER] = document.referrer;
    } catch {} // as above
    location.reload();
  };
  const reload = () => {
    if (isLeft) return;
    isLeft = true;
    return loadAgain();
  };
  const isReloaded = () => self.performance?.getEntriesByType?.("navigation")[0]?.type === "reload";
  let referrer; // null if none was passed on
  const takeReferrer = () => {
    if (referrer !== undefined) return referrer;
    referrer = null;
    try {
      if (isReloaded() && window === top) referrer = sessionStorage.getItem(REFERRER);
      sessionStorage.removeItem(REFERRER);
    } catch {} // as above
    return referrer;
  };
  const passReferrer = () => {
    const reader = (get) =>
      function () {
        return (this === document && isReloaded() ? takeReferrer() : null) ?? get.call(this);
      };
    wrap(Document.prototype, "referrer", reader, "get");
  };

  // Keeps the page's scripts from other hosts until it is left: a policy in <meta> applies from its insertion on.
  const blockOtherHosts = () => {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'";
    document.head?.append(policy);
  };
  // After a withdrawal nothing may go on running, so the page is reloaded, without submitting a form again.
  const leaveNow = () => {
    isLeft = true;
    if (script.dataset.method) location.replace(location.pathname + location.search);
    else loadAgain();
  };
  const leave = () => {
    if (!isLeft) leaveNow();
  };
  // Stores the latest state for pages in the back/forward cache: when they return, they run before the server can be
  // asked.
  const remember = (text) => {
    try {
      localStorage[LATEST] = text;
    } catch {} // as above
  };
  const hostsIn = (before) => idsIn(before).flatMap((id) => (isHost(id) ? [[id, "unclassified"]] : []));
  // The server lists only what a granted category covers.
  const coversStranger = (id, { services, named }) => services[id] ?? Boolean(named?.includes(id));
  // Necessary cookies of other services are swept away; no script has to end for them.
  const isCookie = ([service, category]) => rules.required.includes(category) && homes.get(service) !== category;
  const withdraws = (before, after) =>
    [...owners.filter((owner) => !owner[0] || !isCookie(owner)), ...hostsIn(before)].some(
      (owner) => loads(owner, before) && !loads(owner, after),
    ) || idsIn(before).some((id) => isStranger(id) && coversStranger(id, before) && !coversStranger(id, after));
  const parsed = (text) => {
    const [, granted, services, , named, loaded] = JSON.parse(text);
    return { granted, services, named, ahead: loaded ?? [] };
  };
  const isOutdated = () => {
    try {
      return withdraws(state, parsed(localStorage.getItem(LATEST) ?? serialize()));
    } catch {
      return true; // a choice was sent, and its result is unknown
    }
  };
  const mayAllowMore = (text) => {
    try {
      return withdraws(parsed(text), state);
    } catch {
      return false; // as above, and this page came after it
    }
  };
  // A choice in another page, since this one was sent, has come before the channel was open. What it allows is not
  // deleted before the server has been asked.
  const catchUp = async () => {
    if (isChosen) return; // the server is asked in any case
    try {
      const latest = localStorage.getItem(LATEST) ?? serialize();
      isChosen = mayAllowMore(latest);
      await compare(latest, !latest && isReloaded());
    } catch {} // as above
    if (!isChosen) remember(serialize());
  };

  // The first access to storage, and to cookies, takes several milliseconds, and so do a channel and the event of leaving.
  // So the page is put in order when a script is about to read storage or cookies, or else once it is idle or has loaded.
  let isReady = false;
  const makeReady = () => {
    if (isReady) return;
    isReady = true;
    takeReferrer();
    gpc.forget(
      () => readCookies.call(document),
      (text) => writeCookie.call(document, text),
    );
    listen();
    catchUp();
    sweep();
    self.cookieStore?.addEventListener("change", ({ changed }) => {
      if (changed.some(({ name }) => judgement.isAwaited(name) || isRefusedCookie(name))) sweep();
    });
    awaitEnd();
  };
  let isEndAwaited = false;
  const awaitEnd = () => {
    if (isEndAwaited) return;
    isEndAwaited = true;
    addEventListener("pagehide", () => {
      makeReady();
      sweep();
      report();
      if (isChosen) {
        remember("");
        channel?.postMessage("");
      }
      channel?.close(); // an open channel would keep the page out of the back/forward cache
    });
  };

  const announce = () => {
    stubs.release();
    signals.tell();
    for (const listener of [...listeners]) attempt(() => listener(state));
    document.dispatchEvent(new CustomEvent("cookieconsent:change", { detail: state }));
    repeat(waiting);
  };
  // `isAgain` says that this page was loaded for a choice, and is still from before it: a cache has kept it, so that it
  // must not be loaded again.
  const update = async (now, isAgain) => {
    const before = state;
    const was = serialize();
    const after = stateOf(now);
    // Once the page is being left, nothing is allowed on it any more. It may stay if the visitor is asked, so a withdrawal
    // still counts.
    if (isLeft && !withdraws(before, after)) return;
    isServed = false;
    state = after;
    makeReady();
    if (serialize() === was) return;
    isChanged = true;
    mayRenew = !isAgain;
    remember(serialize());
    sweep();
    channel?.postMessage(serialize());
    if (withdraws(before, state)) {
      isLeft ||= mayRenew;
      blockOtherHosts();
      signals.tell();
      await withTimeout(sweepDatabases(), dropServiceWorkers());
      if (mayRenew) return leaveNow();
    }
    if (withdraws(state, before)) dropServiceWorkers();
    announce();
  };
  // Returns what the server says, or null: it has answered that it says nothing. Where the network or the server fails,
  // it is asked again, a few times and ever later.
  const askForState = async () => {
    for (const delay of DELAYS) {
      try {
        const response = await ask(url("state"), { credentials: "same-origin", cache: "no-store" });
        if (response.ok) return await response.json();
        if (response.status < 500 && response.status !== 429) return null;
      } catch {} // the network, or an answer that was cut off
      if (delay) await new Promise((done) => setTimeout(done, delay));
    }
    return null;
  };
  // Fetches the state from the server, so that no script of the page can forge it. An answer that is overtaken by one
  // to a later question says nothing any more.
  let questions = 0;
  let answered = 0;
  const refresh = async (isAgain = false) => {
    const turn = ++questions;
    const now = await askForState();
    if (!now) return state;
    if (idsIn(now).some(isStranger)) await askForRules();
    if (turn < answered) return state;
    answered = turn;
    isChosen = false;
    await update(now, isAgain);
    return state;
  };

  // -- the public API ------------------------------------------------------------------------------------------------

  const show = () => {
    const panel = document.querySelector("#consent-root .cc-panel");
    panel?.querySelector('.cc-fold[aria-expanded="false"]')?.click();
    const back = document.querySelector("#consent-root .cc-back");
    if (panel?.getClientRects().length) panel.querySelector("button, a")?.focus();
    else if (back) back.click();
    else location.assign(`${url("preferences")}?return_to=${encodeURIComponent(location.pathname + location.search)}`);
  };
  // A choice is sent by the banner's script, which comes after the page's own ones.
  let takeBanner;
  let arrival;
  const awaitBanner = () => {
    arrival ??= new Promise((done, fail) => {
      takeBanner = done;
      const end = () => fail(new Error("this page has no banner, so nothing can be chosen on it"));
      if (document.readyState === "complete") end();
      else addEventListener("load", end);
    });
    return arrival;
  };
  const answer = async (control, choice) => {
    // Consent is an act of the visitor's. Whoever refuses needs none.
    const isGiven = control === "accept-all" || choice.granted?.length || Object.values(choice.services).some(Boolean);
    if (isGiven && !isActing()) {
      throw new Error("consent is a visitor's own act: call this where a click or a key is handled");
    }
    if (!banner.answer) await awaitBanner(); // one that has come after the page has loaded is as good
    await banner.answer(control, choice);
    return state;
  };
  const isAskedFor = (category) => category !== "unclassified" && !rules.required.includes(category);
  const accept = () => {
    const granted = rules.categories.map(([category]) => category).filter(isAskedFor);
    return answer("accept-all", { granted, services: {} });
  };
  const refuse = () => answer("refuse-all", { granted: [], services: {} });
  const save = async ({ granted, services = {} } = {}) => {
    if (granted !== undefined) return answer("save", { granted: [...granted], services: { ...services } });
    if (!Object.keys(services).length) throw new TypeError("save takes { granted: [], services: {} }, or one of both");
    return answer("service", { services: { ...services } });
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
      return allHeld();
    },
    allows,
    show,
    accept,
    refuse,
    save,
    onChange,
    refresh: () => refresh(),
  });

  const stubs = makeStubs(rules, loads, hold);
  const spoken = script.dataset.signals ? JSON.parse(script.dataset.signals) : rules.signals;
  const isAnswered = () => state.decided || state.pending.length > 0;
  const signals = parts.signals?.(spoken, covers, stubs.isHeld, isAnswered) ?? { tell: () => {} };
  // Holds an element in markup as the server does, so that the banner's script brings it alive. It may
  // not be in the document when the visitor agrees, so the page is loaded again.
  const holdIn = (node, address) => {
    const server = new URL(address, document.baseURI);
    const owner = refusedHost(server, { node }, true) ?? unknownHost(server);
    const [service, category] = owner;
    holdHost(server, owner);
    noteServer(server, owner);
    if (node.localName === "script") {
      if (node.hasAttribute("type")) node.setAttribute("data-consent-type", node.type);
      node.type = "text/plain";
    }
    for (const name of ["src", "srcset"]) {
      if (!node.hasAttribute(name)) continue;
      node.setAttribute(`data-consent-${name}`, node.getAttribute(name));
      node.removeAttribute(name);
    }
    node.setAttribute("data-consent", category);
    node.setAttribute("data-consent-service", service || "-");
  };
  // The same for a frame. Its placeholder comes from the server.
  const placeIn = (node) => {
    const address = new URL(node.getAttribute("src"), document.baseURI);
    const query = new URLSearchParams({
      address: btoa(address.origin + address.pathname), // filter lists would hide a frame that names a tracker
      return_to: location.pathname + location.search,
      language: document.documentElement.lang,
    });
    // A sandbox would disable the placeholder's button. It is put back with the address.
    const sandbox = node.getAttribute("sandbox");
    if (sandbox !== null) node.setAttribute("data-consent-sandbox", sandbox);
    node.removeAttribute("sandbox");
    holdIn(node, address);
    node.setAttribute("data-consent-src", address.href);
    node.setAttribute("data-consent-placeholder", "");
    node.setAttribute("src", `${url("placeholder")}?${query}`);
  };
  const { isRefusedUnknown } = judgement;
  const isPayment = script.dataset.payment === "true";
  // Without the names, libraries are held as other undeclared hosts are.
  const readNames = () => {
    try {
      return readNow(url(`assets/${rules.mirror.file}`));
    } catch {
      return {};
    }
  };
  const helpers = { wrap, guardAttributes, candidatesOf };
  const mirror = parts.mirror?.(rules.mirror, script.dataset.mirror, url("mirror/"), readNames, helpers) ?? {
    arm: () => {},
    mentions: () => false,
  };
  const armContacts = makeContacts({
    isRefusedServer,
    isRefusedUnknown,
    beginOther,
    holdWorker: () => hold("worker", "data:", ["", "blocked"]),
    holdIn,
    placeIn,
    isPayment,
    mirror,
  });
  const armOwn = makeOwn((address, marks, again) => isRefusedServer(address, again, { marks, isOwnOnly: true }));
  const isOwnAddress = (address) => {
    try {
      return judgement.isOwn(new URL(address, document.baseURI));
    } catch {
      return false;
    }
  };
  const armImages = makeImages({ isRefusedServer, isOwn: isOwnAddress });
  const arms = [armContacts, armImages, armOwn, mirror.arm]; // the last decides first where an address leads
  makeArm({ parse, decide, mayStore, mayOpen, holdStorage, makeReady, arms, beginOther, takeViolation })(window);
  addEventListener("error", takeError, true);
  passReferrer();
  const isNewToServer = gpc.announce(
    () => readCookies.call(document),
    (text) => writeCookie.call(document, text),
  );
  // Where a known host or database would have to wait, the rules are fetched ahead: at once if that may be any, else when
  // the page has been read and has something of others.
  const isMet = (id) => isStranger(id) || (isHost(id) && judgement.isInFilter({ hostname: id }));
  if (idsIn(served).some(isMet) || isOpen() || !isRefusedUnknown()) askForRules();
  const isOthers = (node) => node.hasAttribute("data-consent") || !isOwnAddress(node.src);
  addEventListener("DOMContentLoaded", () => {
    const nodes = [...document.querySelectorAll("[data-consent],script[src],iframe[src]")];
    if (nodes.some(isOthers)) (self.requestIdleCallback ?? setTimeout)(() => askForRules({ priority: "low" }));
  });
  // The server did not know of GPC, and sent what it refuses. So the page is stopped, and reloaded without that.
  const isLimited = () => gpc.isHeaderMissing && withdraws(served, state);
  if (isLimited() && idsIn(served).some(isStranger)) findOut(); // which of it is sold
  if (isLimited()) {
    blockOtherHosts();
    if (isNewToServer) leave();
  }
  setTimeout(() => (self.requestIdleCallback ?? setTimeout)(makeReady));
  const asked = isChosen ? refresh().then(sweep) : null;
  // The banner finds the guard by this event, since the page may have replaced `cookieConsent`. So do guards of frames and
  // of fragments. The first that the banner's own script sends makes the banner known, whatever the version of the script.
  const isFromBanner = () => readScript.call(document)?.src?.startsWith(new URL("banner.", script.src).href);
  // Until the banner's script is there, its forms are sent natively. A script's click grants nothing then either.
  addEventListener(
    "submit",
    (event) => {
      const { target, submitter } = event;
      if (banner.answer || isActing() || !target.closest?.("#consent-root .cc-panel")) return;
      if (submitter?.dataset.action === "refuse" || target.querySelector("[data-action=refuse]")) return;
      event.preventDefault();
      console.warn("cookie_consent: a script cannot consent for the visitor");
    },
    true,
  );
  addEventListener(
    GUARD,
    (event) => {
      event.stopImmediatePropagation();
      const { detail } = event;
      if (!detail) return;
      Object.assign(detail, { guard, asked, isChanged, isLost, isActing, reload, replay: stubs.replay });
      if (banner.answer || typeof detail.answer !== "function" || !isFromBanner()) return;
      banner = detail;
      takeBanner?.();
    },
    true,
  );
  document.addEventListener("load", ({ target }) => /^i?frame$/.test(target.localName) && sweepTwice(), true);
  addEventListener("load", async () => {
    makeReady();
    sweepTwice();
    sweepDatabases();
    channel?.postMessage(serialize());
    timer = setTimeout(report, 1000);
    hasInstalled = (await serviceWorkers()).length > 0;
  });
  // Without the banner's script, a choice leads to another page. It may have no guard, and no service worker with the
  // old policy may serve it.
  let isSending = false;
  addEventListener(
    "submit",
    async (event) => {
      const { target, submitter } = event;
      if (target.action !== url("choices")) return;
      makeReady();
      isChosen = true;
      if (isSending || banner.guard || !mayHaveServiceWorkers() || !target.requestSubmit) return;
      event.preventDefault();
      await withTimeout(dropServiceWorkers());
      isSending = true;
      target.requestSubmit(submitter);
    },
    true,
  );
  addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    isChosen = false;
    isLeft = false;
    const isBlocked = isOutdated();
    if (isBlocked) blockOtherHosts();
    if (isReady) listen();
    await refresh();
    if (isBlocked) leave();
  });
  window.cookieConsent = guard;
})();
