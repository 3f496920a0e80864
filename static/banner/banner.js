// The client side of the banner: sends a choice without leaving the page, and activates what it allows.
// Without this script the forms still work; held tags are then activated on the next page.
(() => {
  // Precedes a held address in CSS, with the category and the service.
  const INERT = /https:\/\/#consent\/([\w-]+)\/([\w.*-]*)\//g;
  const MAXIMUM_WAIT = 5000; // milliseconds for the server to say whether to ask at all
  const MOST_TRIES = 3; // to load the late part for what a page shows
  // A framework may have rendered the whole document again before this script is here. It stands in the element.
  const root = document.getElementById("consent-root") ?? document.currentScript?.closest("#consent-root");
  if (!root) return;
  // A page that a script puts into this one brings the script with it.
  const running = {};
  dispatchEvent(new CustomEvent("cookieconsent:banner", { detail: running }));
  if (running.isRunning) return;
  const endpoint = new URL(root.dataset.endpoint, location.href).href;
  const words = (text) => (text || "").split(" ").filter(Boolean);
  const stateOf = ({ dataset }) => ({
    decided: dataset.decided === "true",
    granted: words(dataset.granted),
    services: Object.fromEntries(words(dataset.services).map((pair) => [pair.slice(0, -2), pair.endsWith("1")])),
    named: dataset.named === undefined ? null : words(dataset.named),
    pending: words(dataset.pending),
  });
  let state = stateOf(root);
  let busy = false;
  const warn = ({ message }) => console.warn(`cookie_consent: ${message}`);
  // The guard keeps the state, if the policy has it on. An event finds it even if the page has taken its public name.
  const link = { answer: (...choice) => answer(...choice) };
  dispatchEvent(new CustomEvent("cookieconsent:guard", { detail: link }));
  const { guard } = link;

  // A granted category covers the services that the answered notice has named.
  const allows = ({ granted, services, named }, category, service) =>
    services[service] ??
    (granted.includes(category) && (!service || service === "-" || !named || named.includes(service)));

  const reload = () => {
    typed.keep();
    return link.reload ? link.reload() : location.reload();
  };

  const withdraws = (now) => {
    const was = { ...state };
    const ids = [...Object.keys(was.services), ...Object.keys(now.services)];
    return (
      was.granted.some((category) => !now.granted.includes(category)) ||
      ids.some((id) => was.services[id] !== now.services[id] && now.services[id] !== true) ||
      (now.named && was.named?.some((id) => !now.named.includes(id)))
    );
  };

  // What a node needs, as categories and services.
  const needsOf = ({ dataset }) => {
    const services = words(dataset.consentService);
    return words(dataset.consent).map((category, at) => [category, services[at]]);
  };
  const isGranted = ([category, service]) => allows(state, category, service);
  // A node may need several services; all of them must be allowed.
  const isAllowed = (node) => needsOf(node).every(isGranted);

  // The document, the contents of its templates, and its open shadow trees. Nothing in a template runs.
  const trees = function* (tree = document, isInert = false) {
    yield [tree, isInert];
    for (const node of tree.querySelectorAll("*")) {
      if (node.shadowRoot) yield* trees(node.shadowRoot, isInert);
      if (node.localName === "template" && node.content) yield* trees(node.content, true);
    }
  };

  const heldNodes = () => [...trees()].flatMap(([tree]) => [...tree.querySelectorAll("[data-consent]")]);

  // -- the late part -------------------------------------------------------------------------------------------------

  const makeParts = (make) =>
    make({
      root,
      endpoint,
      placed,
      trees,
      isAllowed,
      inert: INERT,
      allows: (category, service) => allows(state, category, service),
      heldServices,
      announce: (service) => status.show(root.dataset.needed.replace("{service}", service)),
      dismiss: status.dismiss,
      opened: (panel, anchor) => {
        fold(panel);
        unfold(panel, true);
        opener = anchor;
        root.querySelector(".cc-back").hidden = true;
        room.update();
        if (panel.localName === "dialog") place.raise();
        else panel.querySelector("button").focus();
      },
    });
  let parts = null; // once they are here
  const load = makeLoader(root, lateFile, endpoint, (make) => {
    parts ??= makeParts(make);
    update();
    return parts;
  });

  // Returns whether something of what is held on this page may come alive under the present choice.
  const isWaiting = () =>
    [...trees()].some(
      ([tree]) =>
        [...tree.querySelectorAll("[data-consent]")].some((node) => needsOf(node).some(isGranted)) ||
        [...tree.querySelectorAll("style")].some(({ textContent }) =>
          [...textContent.matchAll(INERT)].some(([, ...need]) => isGranted(need)),
        ),
    );
  let activating = null; // while the late part is being loaded
  const activate = () => {
    if (parts) return parts.activate();
    if (!activating && isWaiting()) {
      activating = load()
        .then(() => parts.activate())
        .finally(() => {
          activating = null;
        });
    }
    return activating ?? Promise.resolve();
  };
  // Where the late part cannot be loaded, what is held stays so until the next page.
  let activation = null; // the latest
  const run = () => {
    activation = activate().then(link.replay);
    activation.catch(warn);
  };

  // The late part is needed where something held has a place, or is what a form needs, and for the cookie declaration.
  let tries = 0;
  let timer = 0;
  const look = () => {
    timer = 0;
    const held = parts || tries >= MOST_TRIES ? null : heldServices();
    if (!held) return;
    if (!placed.some((id) => held.has(id)) && !document.querySelector('[data-consent-declaration=""]')) return;
    tries++;
    timer = -1; // not again in the meantime
    load().catch((error) => {
      warn(error);
      timer = setTimeout(look, MAXIMUM_WAIT);
    });
  };
  const update = () => {
    if (parts) {
      parts.fillDeclarations(new URL(".", endpoint).href.slice(0, -1), root.dataset.language);
      parts.places.schedule();
    } else timer ||= setTimeout(look, 50);
  };

  // The open panel can be made so small that nothing lies under it, such as a button at the window's bottom. That is no
  // answer: the next page shows it in full.
  const fold = (panel) => {
    const button = panel?.querySelector(".cc-fold:not(.cc-close)");
    if (!button) return;
    const { textContent: small } = button;
    button.hidden = panel.localName === "dialog" && button.hidden; // `place` shows it where it is not modal
    button.addEventListener("click", () => {
      const isFolded = root.classList.toggle("cc-folded");
      button.setAttribute("aria-expanded", `${!isFolded}`);
      button.textContent = isFolded ? button.dataset.folded : small;
    });
  };

  // The settings open in the panel. Without this script there is a link to them, which a page that is morphed into
  // this one brings back.
  const unfold = (panel, isOpen = false) => {
    const settings = panel?.querySelector(".cc-settings");
    const [link, button, form] = settings?.children ?? [];
    if (!form) return;
    link.hidden = true;
    button.hidden = false;
    button.setAttribute("aria-expanded", `${isOpen}`);
    settings.classList.toggle("cc-open", isOpen);
    form.hidden = !isOpen;
  };

  const prepare = (panel) => {
    fold(panel);
    unfold(panel);
  };

  const close = (now) => {
    state = now;
    if (!now.decided) return; // an answer for one service: the others are still to be given
    root.dataset.decided = "true";
    root.dataset.granted = now.granted.join(" ");
    takePanel();
  };

  const isOwnLink = /^(link|none)$/.test(root.dataset.reopen);
  let opener = root.querySelector(".cc-back"); // gets the focus back
  const takePanel = () => {
    const panel = root.querySelector(".cc-panel");
    const back = root.querySelector(".cc-back");
    if (back) back.hidden = isOwnLink;
    if (!panel) return;
    const hadFocus = panel.contains(document.activeElement);
    if (panel.matches("dialog[open]")) panel.close(); // which gives the focus back
    panel.remove(); // first: all but a modal panel is inert
    if (root.matches(".cc-inline")) {
      root.classList.remove("cc-inline");
      place.put();
    }
    if (hadFocus && opener && !opener.hidden) opener.focus({ preventScroll: true });
    opener = back;
    root.classList.remove("cc-folded");
    room.update();
  };

  // Without the late part the link leads to the preferences page.
  const openSettings = (anchor) => {
    const leave = () => location.assign(root.querySelector(".cc-back").href);
    load().then(({ openSettings }) => openSettings(anchor), leave);
  };
  const closeSettings = () => {
    if (root.querySelector(".cc-again")) takePanel();
  };

  // What says that another policy is to come closes by itself. It stays closed until yet another one is announced.
  const keepClosed = (dialog) => {
    const KEY = "cookie_consent.revision";
    const { revision } = dialog?.dataset ?? {};
    try {
      if (localStorage.getItem(KEY) === revision) dialog?.close();
      dialog?.addEventListener("close", () => {
        localStorage[KEY] = revision;
      });
    } catch {} // a sandboxed document, or a browser without storage
  };

  // Shows a panel that a later page has brought, if the choice has been taken back since.
  const reopen = (panel, isInFlow) => {
    if (state.decided || !panel || root.querySelector(".cc-panel")) return;
    root.prepend(panel);
    prepare(panel);
    root.classList.toggle("cc-inline", isInFlow);
    if (isInFlow) place.put();
    root.dataset.decided = "false";
    const back = root.querySelector(".cc-back");
    if (back) back.hidden = true;
    room.update();
    place.raise();
  };

  // A document keeps the policy that it was loaded with. What that policy blocks can be activated by a reload only.
  const isFixed = root.dataset.csp === "enforce";
  // A reload must not submit a form again, nor lose what the visitor has typed (Chromium would not restore it). In both
  // cases the choice takes full effect on the next page.
  const typed = makeTyped(root);
  const status = makeStatus(root);
  const isRepeatable = () => typed.mayKeep() && !root.dataset.method;

  // Returns whether something that `now` newly allows was held back on this page, so that it needs a reload.
  const isHeld = (now) => {
    const gains = (category, service) => allows(now, category, service) && !allows(state, category, service);
    const inPage = heldNodes().some((node) => needsOf(node).some((need) => gains(...need)));
    return inPage || Boolean(link.isLost?.(gains));
  };

  // Called by the guard when the page's policy blocks something that has been agreed to since.
  link.renew = () => {
    if (isRepeatable()) reload();
  };

  // Applies a choice that was made here, on another page of the site, or by the site's own code. A background page is
  // not reloaded for it, but one from the back/forward cache is.
  let isRestored = false;
  let isBehind = false; // whether the page's policy is that of an earlier choice
  const apply = (now) => {
    if (!guard && withdraws(now)) {
      if (!root.dataset.method) reload();
      else location.replace(location.pathname + location.search);
      return;
    }
    if (isRestored && isFixed && isRepeatable() && isHeld(now)) {
      reload();
      return;
    }
    close(now);
    updateElements();
    isBehind = isFixed;
    if (!isFixed) run();
    if (!guard) document.dispatchEvent(new CustomEvent("cookieconsent:change", { detail: now }));
  };

  // Applies a choice that the visitor has just made on this page, and says so. Returns whether the page is being left.
  const settle = async (now) => {
    const needsReload = isFixed && isHeld(now);
    const { later, saved, withdrawn } = root.dataset;
    const isReloaded = needsReload && isRepeatable();
    const text = needsReload && !isReloaded ? later : saved;
    const told = withdraws(now) ? `${text} ${withdrawn}` : text;
    if (isReloaded) {
      status.tell(told, now.receipt, false);
      await reload();
      return true;
    }
    activation = null;
    if (guard) {
      const { decided_at } = await guard.refresh(); // which calls `apply`, as a listener
      if (!decided_at) throw new Error("the browser keeps no cookie of this site, so that the choice is lost");
    } else apply(now);
    status.tell(told, now.receipt);
    if (isFixed) return false;
    if (!activation) run(); // an earlier attempt may have failed
    activation.catch(() => (isRepeatable() ? reload() : status.tell(later, now.receipt)));
    return false;
  };

  const fail = (message) => {
    const alert = root.querySelector(".cc-alert");
    const text = [root.dataset.failed, message].filter(Boolean).join(" ");
    if (!alert) return status.show(text);
    alert.hidden = false;
    alert.textContent = text;
    alert.scrollIntoView({ block: "nearest" });
  };

  const read = (form, button) => {
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value);
    const answers = [...data].filter(([name]) => name.startsWith("service."));
    const given = answers.filter(([, value]) => value);
    const services = Object.fromEntries(given.map(([name, value]) => [name.slice(8), value === "1"]));
    // The same rule as the server's: a placeholder's form answers for its service, and refuses nothing.
    const isAlone = data.has("answers")
      ? data.get("answers") === "services"
      : given.length === answers.length && !data.has("notice");
    const isPartial = given.length > 0 && isAlone && !data.has("granted");
    return {
      for: data.get("for") ?? undefined,
      granted: isPartial ? undefined : data.getAll("granted"),
      services,
      channel: data.get("channel") ?? "banner",
      control: data.get("control") ?? undefined,
      build: data.get("build") ?? undefined,
      notice: data.get("notice") ?? (isPartial ? undefined : root.dataset.notice),
      placeholder: data.get("placeholder") ?? undefined,
      edition: data.get("edition") ?? (isPartial ? undefined : root.dataset.edition),
      language: data.get("language") ?? root.dataset.language,
    };
  };

  const post = async (choice) => {
    // The server answers with a cookie that another site's frame keeps.
    const body = JSON.stringify({ ...choice, url: location.pathname, framed: self !== top });
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body,
      credentials: "same-origin",
      keepalive: true,
    });
    const now = await response.json().catch(() => null);
    if (!response.ok || !Array.isArray(now?.granted)) {
      // The server's message is in the visitor's language.
      const { message } = now ?? {};
      throw Object.assign(new Error(message ?? `the server answered with status ${response.status}`), {
        said: message,
      });
    }
    return { services: {}, ...now };
  };

  // What was answered in the site's own settings. No notice of ours was shown there, so the record names none.
  const answer = async (control, choice) => {
    if (busy) throw new Error("another choice is being saved");
    busy = true;
    let isLeaving = false;
    try {
      isLeaving = await settle(await post({ ...choice, control, channel: "api", edition: root.dataset.edition }));
    } finally {
      busy = false;
    }
    // The state changes with the page that comes now. What waits for it must not go on with the old one.
    if (isLeaving) await new Promise(() => {});
  };

  // The site's own policy may forbid scripts to connect. Then the form is submitted natively.
  let isForbidden = false;
  document.addEventListener("securitypolicyviolation", (event) => {
    const { blockedURI, disposition, effectiveDirective } = event;
    isForbidden ||= effectiveDirective === "connect-src" && disposition === "enforce" && blockedURI === endpoint;
  });

  const submitNatively = (form, button) => {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: button?.name ?? "", value: button?.value ?? "" });
    form.append(field);
    const back = form.querySelector('[name="return_to"]');
    if (back) back.value = location.pathname + location.search;
    HTMLFormElement.prototype.submit.call(form);
  };

  // Consent is an act of the visitor's: a script's click grants nothing, unless the visitor is acting. A visitor's own
  // click counts though a popup that it has opened has used up the browser's word for it. Whoever refuses needs none.
  const isActing = link.isActing ?? (() => navigator.userActivation?.isActive !== false);
  let clicked = null;
  const noteClick = ({ isTrusted, target }) => {
    clicked = isTrusted ? target : null;
  };
  addEventListener("click", noteClick, true);
  const grants = ({ granted, services }) => granted?.length || Object.values(services).some(Boolean);
  const isMeant = (choice, button) => !grants(choice) || isActing() || Boolean(button?.contains(clicked));

  const submit = async (event) => {
    const form = event.target;
    if (form.method !== "post" || form.getAttribute("action") === null || form.action !== endpoint) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const choice = read(form, event.submitter);
    const mayBeSent = isMeant(choice, event.submitter);
    clicked = null;
    if (!mayBeSent) return console.warn("cookie_consent: a script cannot consent for the visitor");
    if (busy) return;
    busy = true;
    root.setAttribute("aria-busy", "true");
    // What activates is fetched while the choice is being saved. Whether that fails matters only then.
    if (!isFixed && grants(choice) && heldNodes().length) load().catch(() => {});
    try {
      await settle(await post(choice));
    } catch (error) {
      const isUnsent = error instanceof TypeError;
      if (isUnsent) await new Promise((resolve) => setTimeout(resolve)); // the violation's event follows at once
      if (isUnsent && isForbidden) return submitNatively(form, event.submitter);
      if (!error.said) warn(error);
      fail(error.said);
    }
    busy = false;
    root.removeAttribute("aria-busy");
  };

  // In the capture phase on the window, to run before any script of the site that handles forms.
  addEventListener("submit", submit, true);

  // A held frame contains a form. With this script it is sent without leaving the page, also from a frame that comes
  // later with a fragment.
  const listenIn = (node) => {
    if (!node.matches?.("iframe[data-consent-placeholder]")) return;
    const inner = node.contentDocument;
    inner?.addEventListener("click", noteClick, true);
    inner?.addEventListener("submit", submit, true);
    // A choice made in a frame is changed in the frame, not in a tab of its own.
    if (self !== top) for (const anchor of inner?.links ?? []) anchor.target = "_parent";
  };
  // When a page is loaded again, Firefox gives a frame its old document back: the placeholder of what may load by now.
  const revived = new WeakSet();
  const revive = (node) => {
    const isOld = node.contentDocument?.URL === "about:srcdoc" && !revived.has(node);
    // One that runs a script in its old document keeps that document's address.
    const isRun = /^\s*javascript:/i.test(node.getAttribute("src"));
    if (isOld && !isRun && node.matches("iframe[src]:not([srcdoc],[data-consent-placeholder])")) {
      revived.add(node);
      node.setAttribute("src", node.getAttribute("src"));
    }
  };
  const takeFrame = (node) => {
    listenIn(node);
    revive(node);
  };
  const takeFrames = () => document.querySelectorAll("iframe").forEach(takeFrame);
  takeFrames();
  document.addEventListener("load", ({ target }) => takeFrame(target), true);
  addEventListener("load", takeFrames);

  if (guard) guard.onChange(apply);

  // -- pages that scripts put into this one --------------------------------------------------------------------------

  // A page that a script has put in the place of another brings a banner of its own. This one stays, whatever the
  // visitor has begun to fill in with it. Where the two differ, one of them is from before a choice: a cache may have kept
  // that page.
  const receive = async (other) => {
    const panel = other.querySelector(".cc-panel");
    const theirs = stateOf(other);
    const text = ({ decided, granted, services, named }) =>
      JSON.stringify([decided, [...granted].sort(), Object.entries(services).sort(), named]);
    if (text(theirs) !== text(state)) {
      if (guard) state = await guard.refresh();
      else apply(theirs);
    }
    reopen(panel, other.matches(".cc-inline"));
  };
  const takeNew = (nodes) => {
    // Where a script morphs the whole page into another, this element becomes the one of that page.
    if (state.decided && root.querySelector(".cc-panel:not(.cc-again)")) close(state);
    room.update();
    update();
    // What the server has held for an earlier choice may be allowed by now.
    const held = nodes.flatMap((node) => [node, ...node.querySelectorAll("[data-consent]")]);
    if (!isBehind && held.some((node) => node.hasAttribute("data-consent") && isAllowed(node))) {
      run();
    }
  };
  const heldServices = () => {
    const scripts = [...document.querySelectorAll("script[data-consent-service]")];
    const asked = (guard?.held ?? []).filter(({ kind, frame }) => kind === "host" && !frame);
    return new Set([
      ...scripts.flatMap((node) => words(node.dataset.consentService)),
      ...asked.map((item) => item.service),
    ]);
  };
  const updateElements = defineElement({
    put: async (node, service, isWanted) => {
      const { places } = await load();
      return isWanted() ? places.putInShadow(node, service) : null;
    },
    isAllowed: (id) => (guard ? guard.allows(id) : (state.services[id] ?? Boolean(state.named?.includes(id)))),
    takeFrame,
  });
  const room = makeRoom(root);
  const place = makePlace(root, { isOpen: () => Boolean(root.querySelector(".cc-panel")), receive, added: takeNew });
  room.update();
  look();
  keepClosed(root.querySelector(".cc-revision"));
  link.held = update;
  prepare(root.querySelector(".cc-panel"));
  // The guard may have learned of a choice while the page was still loading.
  if (link.isChanged) apply(guard.state);
  addEventListener("cookieconsent:banner", ({ detail }) => Object.assign(detail ?? {}, { isRunning: true }), true);

  const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  // The links lead away from the page, and back to where the visitor is by then. No script of the page takes them over.
  root.addEventListener("click", (event) => {
    event.stopPropagation();
    const settings = event.target.closest(".cc-toggle")?.parentNode;
    if (settings) {
      event.preventDefault();
      return unfold(root, !settings.classList.contains("cc-open"));
    }
    if (event.target.closest(".cc-close")) return closeSettings();
    const anchor = event.target.closest("a");
    if (anchor?.matches(".cc-back") && isPlain(event)) {
      event.preventDefault();
      return openSettings(anchor);
    }
    const address = anchor && new URL(anchor.href);
    if (!address?.searchParams.has("return_to")) return;
    address.searchParams.set("return_to", location.pathname + location.search);
    anchor.href = address.href;
  });

  const isShown = () => Boolean(root.querySelector(".cc-panel")?.getClientRects().length);
  const isModal = () =>
    isShown() &&
    Boolean(root.showPopover && root.querySelector("dialog.cc-panel:modal")) &&
    [...document.querySelectorAll("dialog:modal")].every((dialog) => root.contains(dialog));
  const leave = (event) => {
    if (isModal()) event.preventDefault(); // it does not close without an answer
    status.dismiss();
    closeSettings();
    if (isShown()) root.querySelector(".cc-cross button")?.click();
  };
  // A link of the site's own. Without this script its address leads to the preferences page.
  document.addEventListener("click", (event) => {
    const anchor = event.composedPath().find((node) => node.matches?.("[data-consent-open]")); // also in a component
    if (!anchor || event.defaultPrevented || !isPlain(event)) return;
    // What asks for new services alone has no settings. The link's address leads to them.
    if (isShown() && !root.querySelector(".cc-settings")) {
      if (!anchor.href) location.assign(root.querySelector(".cc-links a, .cc-back").href);
      return;
    }
    event.preventDefault();
    if (!isShown()) return openSettings(anchor);
    root.querySelector('.cc-fold[aria-expanded="false"]')?.click();
    unfold(root, true);
    root.querySelector("button.cc-toggle")?.focus();
  });
  addEventListener(
    "keydown",
    (event) => {
      const { key, target } = event;
      if (key === "Escape" && (root.contains(target) || (isModal() && target === document.body))) leave(event);
    },
    true,
  );
  // The gesture that goes back, on a phone.
  root.addEventListener("cancel", leave, true);

  const askServer = async () => {
    const response = await fetch(root.dataset.state, { credentials: "same-origin" }).catch(() => null);
    const now = response?.ok ? await response.json().catch(() => null) : null;
    if (now?.decided_at) apply({ services: {}, ...now });
    else if (now && state.decided) reload();
  };

  // Browsers keep the choice back from what another site posts. So nobody is asked before the server has been.
  const makeSure = async () => {
    const late = new Promise((done) => setTimeout(done, MAXIMUM_WAIT));
    await Promise.race([guard ? link.asked : askServer(), late]).catch(() => {});
    delete root.dataset.unsure;
    room.update();
    place.raise();
  };
  if (root.dataset.unsure) makeSure();

  // A page from the back/forward cache may be older than the latest choice.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isRestored = true;
    if (!guard) askServer(); // the guard asks by itself
  });
})();
