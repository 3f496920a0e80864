// Holds connections that scripts make and that the Content-Security-Policy does not govern, or governs too late: ICE
// servers, resource hints, frames (browsers connect before they check the policy), navigation, windows, speculation
// rules.
const wrap = (owner, name, make, part = "value") => {
  const descriptor = owner && Object.getOwnPropertyDescriptor(owner, name);
  const native = descriptor?.[part];
  if (!native) return;
  descriptor[part] = make(native);
  Object.defineProperty(owner, name, descriptor);
};

// Instruments attributes. `setters` has a function for each that returns whether a node may get a value, or the value
// that it gets instead.
const guardAttributes = (prototype, setters) => {
  if (!prototype) return;
  const judged = (node, name, value) => (Object.hasOwn(setters, name) ? setters[name](node, `${value}`) : true);
  for (const name of Object.keys(setters)) {
    const make = (set) =>
      function (value) {
        const result = setters[name](this, `${value}`);
        if (result !== false) set.call(this, result === true ? value : result); // which may be a trusted type
      };
    wrap(prototype, name, make, "set");
  }
  const replace = (name, value) =>
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  const { setAttribute, setAttributeNS } = prototype;
  replace("setAttribute", function (...values) {
    const name = `${values[0]}`.toLowerCase();
    const result = values.length > 1 ? judged(this, name, values[1]) : true;
    if (result === true) return setAttribute.apply(this, values);
    if (result !== false) setAttribute.call(this, name, result);
  });
  replace("setAttributeNS", function (...values) {
    const [namespace, name, value] = values;
    const result = namespace || values.length < 3 ? true : judged(this, `${name}`, value);
    if (result === true) return setAttributeNS.apply(this, values);
    if (result !== false) setAttribute.call(this, name, result);
  });
  for (const name of ["setAttributeNode", "setAttributeNodeNS"]) {
    const native = prototype[name];
    replace(name, function (...values) {
      const [attribute] = values;
      const result = attribute && !attribute.namespaceURI ? judged(this, attribute.name, attribute.value) : true;
      if (result === false) return null;
      if (result !== true) attribute.value = result;
      return native.apply(this, values);
    });
  }
};

// Returns the addresses in a `srcset`, as browsers split it.
const CANDIDATES = /[\s,]*(\S*[^\s,])(?:,+|\s[^,(]*(?:\([^)]*\)[^,(]*)*,?|$)/gy;
const candidatesOf = (srcset) => [...srcset.matchAll(CANDIDATES)].map(([, address]) => address);
const addressesOf = (node) => {
  const candidates = candidatesOf(node.getAttribute("srcset") ?? "");
  return node.localName === "source" ? candidates : [node.getAttribute("src"), ...candidates].filter(Boolean);
};

// Returns a function that instruments a window. `isRefusedServer` judges an address and records it, `isRefusedUnknown`
// returns whether undeclared hosts are refused, and `beginOther` is called for workers and worklets,
// `holdWorker` for a worker that is held.
// `holdIn` makes an element inert, and `placeIn` a frame, which then shows its placeholder. With `isPayment`, frames may
// lead to undeclared hosts, which may be the visitor's bank. `mirror` leads elements to the mirror.
const makeContacts = (tools) => {
  const { isRefusedServer, isRefusedUnknown, beginOther, holdWorker, holdIn, placeIn, isPayment, mirror } = tools;
  const allowedServers = (options) => {
    if (!options?.iceServers) return options;
    const mayAsk = ({ urls, url }) => ![].concat(urls ?? url ?? []).some((address) => isRefusedServer(address));
    return { ...options, iceServers: [...options.iceServers].filter(mayAsk) };
  };
  const guardPeers = (Peers) => {
    wrap(
      Peers.prototype,
      "setConfiguration",
      (set) =>
        function (options) {
          return set.call(this, allowedServers(options));
        },
    );
    const construct = (target, [options, ...more], made) => {
      const peer = Reflect.construct(target, [allowedServers(options), ...more], made);
      if (options?.iceServers) keep(peer);
      return peer;
    };
    return new Proxy(Peers, { construct });
  };
  // In the back/forward cache, connections would stay open whatever is chosen in the meantime.
  let peers;
  const keep = (peer) => {
    if (!peers) {
      peers = new Set();
      addEventListener("pagehide", () => {
        for (const one of peers) one.close();
        peers.clear();
      });
    }
    for (const other of peers) if (other.signalingState === "closed") peers.delete(other);
    peers.add(peer);
  };

  // -- elements that a script creates --------------------------------------------------------------------------------

  // Browsers connect to the host of a hint as soon as it is in the page, and no policy governs that.
  const HINT = /(^|\s)(preconnect|dns-prefetch)(\s|$)/i;
  const mayLead = (node, name, address, options) => {
    const again = () => {
      node[name] = address;
    };
    return !address || !isRefusedServer(address, again, options);
  };
  const mayHint = (node, rel, href, options) => !HINT.test(rel) || mayLead(node, "href", href, options);
  const hintSetters = {
    __proto__: null,
    href: (node, value) => mayHint(node, node.rel, value),
    rel: (node, value) => {
      if (!mayHint(node, value, node.getAttribute("href"))) node.removeAttribute("href");
      return true;
    },
  };
  const mayShow = (node, src, options) =>
    mayLead(node, "src", src, {
      ...options,
      isOwnOnly: !rules.enforced,
      isNamed: isPayment,
      isFrame: true,
      marks: { node },
    });
  // The document in a `srcdoc` has no guard while it is parsed.
  const frameSetters = {
    __proto__: null,
    src: mayShow,
    srcdoc: (_, value) => {
      const markup = harmless(value, true);
      return markup === value || markup;
    },
  };

  // Frames and hints in markup that a script writes, and images and scripts of services on the site's own hosts. Only
  // tags that would connect are changed.
  // A tag without an end goes on to the end of the text, so that nothing is read twice.
  const TAGS =
    /<(?:i?frame|link|ima?ge?|source|script)\b(?:=\s*"[^"]*(?:"|$)|=\s*'[^']*(?:'|$)|=(?!\s*["'])|[^>=])*(?:>|$)/gi;
  const { set: parseInto } = Object.getOwnPropertyDescriptor(self.Element?.prototype ?? {}, "innerHTML") ?? {};
  let inert;
  const refusedIn = (node) =>
    addressesOf(node).find((address) =>
      isRefusedServer(address, undefined, { isOwnOnly: true, isQuiet: true, marks: { node } }),
    );
  const isHarmless = (node, options) => {
    if (node.localName === "link") return mayHint(node, node.rel, node.getAttribute("href"), options);
    if (node.localName === "iframe") {
      const inner = node.getAttribute("srcdoc") ?? "";
      return mayShow(node, node.getAttribute("src"), options) && harmless(inner, true) === inner;
    }
    return !refusedIn(node);
  };
  // Only document.write() runs the scripts in its markup.
  const FETCHING = "iframe[src],iframe[srcdoc],link[href],img[src],img[srcset],source[srcset]";
  const elementsOf = (markup, runs) => {
    inert ??= document.implementation.createHTMLDocument("");
    parseInto.call(inert.body, markup);
    return [...inert.body.querySelectorAll(runs ? `${FETCHING},script[src]` : FETCHING)];
  };
  const leadAll = (markup) => {
    const leadsAny = elementsOf(markup, true).some((node) => mirror.leadIn(node));
    return leadsAny
      ? markup.replace(TAGS, (tag) => {
          const [node] = elementsOf(tag, true);
          return node && mirror.leadIn(node) ? written(node) : tag;
        })
      : markup;
  };
  const written = (node) => node.outerHTML.replace(/<\/(iframe|script)>$/, "");
  const harmless = (text, runs) => {
    let markup = text;
    if (typeof markup === "string" && mirror.mentions(markup)) {
      try {
        markup = leadAll(markup);
      } catch {} // as below
    }
    const tags = typeof markup === "string" && markup.match(TAGS);
    if (!tags) return markup;
    try {
      // Most markup is done with the tags alone. Those in comments and texts count only if others are refused.
      const isFree = (node) => isHarmless(node, { isQuiet: true });
      if (elementsOf(tags.join("</iframe></script>"), runs).every(isFree)) return markup;
      if (elementsOf(markup, runs).every(isFree)) return markup;
      return markup.replace(TAGS, (tag) => {
        const [node] = elementsOf(tag, runs);
        if (!node || isHarmless(node)) return tag;
        if (node.localName === "link") node.removeAttribute("href");
        else if (node.localName === "iframe") {
          // The setter above makes its markup harmless.
          if (node.hasAttribute("srcdoc")) node.setAttribute("srcdoc", node.getAttribute("srcdoc"));
          if (!mayShow(node, node.getAttribute("src"), { isQuiet: true })) placeIn(node);
        } else holdIn(node, refusedIn(node));
        return written(node);
      });
    } catch {
      return markup; // the page requires trusted types
    }
  };
  const rulesIn = (root) => [...root.querySelectorAll("script")].filter(({ type }) => isRules(type));
  const withoutRules = (markup) => {
    if (!/<script/i.test(markup)) return markup;
    try {
      elementsOf(markup);
      const refused = rulesIn(inert.body).filter(({ textContent }) => !mayPrepare(textContent));
      const empty = (text, { textContent }) => text.replaceAll(textContent, "{}");
      return refused.length ? refused.reduce(empty, markup.replace(/\r\n?/g, "\n")) : markup;
    } catch {
      return markup; // as above
    }
  };
  const guardMarkup = (realm) => {
    const element = realm.Element?.prototype;
    const setter = (set) =>
      function (markup) {
        set.call(this, harmless(markup));
      };
    const method = (at) => (write) =>
      function (...values) {
        if (at in values) values[at] = harmless(values[at]);
        return write.apply(this, values);
      };
    const whole = (write) =>
      function (...parts) {
        return write.apply(
          this,
          parts.every((part) => typeof part === "string") ? [withoutRules(harmless(parts.join(""), true))] : parts,
        );
      };
    for (const owner of [element, realm.ShadowRoot?.prototype]) {
      wrap(owner, "innerHTML", setter, "set");
      wrap(owner, "setHTMLUnsafe", method(0));
    }
    wrap(element, "outerHTML", setter, "set");
    wrap(element, "insertAdjacentHTML", method(1));
    wrap(realm.Document, "parseHTMLUnsafe", method(0));
    const inserts = (write) =>
      function (command, ...values) {
        if (/^inserthtml$/i.test(command) && 1 in values) values[1] = harmless(values[1]);
        return write.call(this, command, ...values);
      };
    wrap(realm.Document.prototype, "execCommand", inserts);
    const fragment = (make) =>
      function (...values) {
        const made = make.apply(this, values);
        for (const node of rulesIn(made)) watchRules(node); // they are read when they are inserted
        return made;
      };
    wrap(realm.Range?.prototype, "createContextualFragment", (make) => method(0)(fragment(make)));
    // What is parsed here is often moved into the page, where its images load.
    wrap(
      realm.DOMParser?.prototype,
      "parseFromString",
      (parse) =>
        function (markup, type) {
          return parse.call(this, type === "text/html" ? harmless(markup) : markup, type);
        },
    );
    for (const name of ["write", "writeln"]) wrap(realm.Document.prototype, name, whole);
  };

  // -- speculation rules ---------------------------------------------------------------------------------------------

  const isRules = (type) => /^\s*speculationrules\s*$/i.test(type);
  // Returns whether the links that a rule selects by `where` can only lead to the site itself.
  const isConfined = ({ href_matches: matches, and, or }) =>
    matches !== undefined
      ? [].concat(matches).every((pattern) => /^\/(?![/\\])/.test(pattern))
      : Boolean(and?.some(isConfined) || (or?.length && or.every(isConfined)));
  const addressesIn = function* (value) {
    if (typeof value === "string") yield value;
    else if (value && typeof value === "object") for (const part of Object.values(value)) yield* addressesIn(part);
  };
  const mayPrepare = (text) => {
    try {
      // Chromium's parser knows the escape `\v`.
      const json = text.replace(/\\[\s\S]/g, (pair) => (pair === "\\v" ? "" : pair));
      const all = Object.values(JSON.parse(json)).flat();
      const refused = [...addressesIn(all)].filter((address) => isRefusedServer(address));
      // Without `where`, all links of the document are meant.
      const isFree = all.some(({ where, source }) => (where || source === "document") && !isConfined(where ?? {}));
      return !refused.length && !(isFree && isRefusedUnknown());
    } catch (error) {
      return error instanceof SyntaxError; // invalid rules, which the browser reports itself
    }
  };
  // Browsers read the rules when the script is inserted. Until then, each change is checked.
  const watchRules = (node) => {
    const prepared = (text) => (isRules(node.type) && !mayPrepare(text) ? "{}" : text);
    for (const name of ["textContent", "text", "innerHTML", "innerText"]) {
      let owner = node;
      while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
      const { get, set } = owner ? Object.getOwnPropertyDescriptor(owner, name) : {};
      if (!set) continue;
      Object.defineProperty(node, name, {
        configurable: true,
        get,
        set(value) {
          set.call(this, prepared(`${value}`));
        },
      });
    }
    for (const name of ["append", "appendChild", "prepend", "insertBefore", "replaceChildren", "insertAdjacentText"]) {
      const native = node[name];
      const value = function (...values) {
        const result = native.apply(this, values);
        const text = prepared(this.textContent);
        if (text !== this.textContent) this.textContent = text;
        return result;
      };
      Object.defineProperty(node, name, { configurable: true, writable: true, value });
    }
    if (!mayPrepare(node.textContent)) node.textContent = "{}";
  };
  const ruleSetters = {
    __proto__: null,
    type: (node, value) => {
      if (isRules(value) && !Object.hasOwn(node, "text")) watchRules(node);
      return true;
    },
  };

  // -- workers, whose violations no page sees ------------------------------------------------------------------------

  // WebKit does not give the page's policy to a worker made of a `data:` address. There is one that fails in its place.
  // Which engine it is, HTML has `navigator.vendor` say.
  const hasNoPolicy = (address) => {
    try {
      const isWebKit = /^Apple/.test(navigator.vendor);
      return isWebKit && rules.enforced && new URL(address, document.baseURI).protocol === "data:";
    } catch {
      return false; // not a URL, which the browser reports itself
    }
  };
  const FAILS = "data:text/javascript,throw Error('held: the browser gives this worker no policy')";
  const begins = (native) =>
    new Proxy(native, {
      construct(target, values, made) {
        beginOther();
        const [address, ...options] = values;
        if (!hasNoPolicy(address)) return Reflect.construct(target, values, made);
        holdWorker();
        return Reflect.construct(target, [FAILS, ...options], made);
      },
      apply(...values) {
        beginOther();
        return Reflect.apply(...values);
      },
    });

  // -- navigation ----------------------------------------------------------------------------------------------------

  // Visitors may navigate where they like. Without user activation, a top page may lead on to any host but those of
  // refused services that the policy names: like a redirect it is the site's own act, and signing in needs it. It must
  // not open windows of refused hosts, and a frame must not lead anything there.
  const guardUrl = document.currentScript?.src;
  const loadedIn = (performance) =>
    performance.getEntriesByType("resource").filter(({ initiatorType }) => !/frame|object|embed/.test(initiatorType));
  // The addresses of a window's scripts. Those that are no longer in the document were still loaded.
  const sourcesOf = ({ location, document: shown, performance }) =>
    [location.href.split("#")[0], ...[...shown.scripts].map(({ src }) => src)]
      .concat(loadedIn(performance).map(({ name }) => name))
      .filter(Boolean);
  // Returns whether the page's own script is running, and none of a frame, which could set `top.location`. Only the
  // stack shows it.
  const isRunning = (realm) => {
    const callers = `${new Error().stack}`.split("\n").filter((line) => /:\d/.test(line) && !line.includes(guardUrl));
    const own = [guardUrl, ...sourcesOf(realm)];
    const isIn = (inner) => {
      try {
        const foreign = sourcesOf(inner).filter((source) => !own.includes(source));
        return callers.some((line) => foreign.some((source) => line.includes(`${source}:`))) || hasFrame(inner);
      } catch {
        return false; // of another site: browsers themselves ask for user activation
      }
    };
    const hasFrame = (outer) => Array.from({ length: outer.length }, (_, at) => outer[at]).some(isIn);
    return callers.length > 0 && !hasFrame(realm);
  };
  const guardNavigation = (realm) => {
    const { userActivation } = realm.navigator ?? {};
    const isInside = () => {
      try {
        return realm !== realm.parent && Boolean(realm.parent.document);
      } catch {
        return false; // this page is in a frame of another site
      }
    };
    const isIdle = () => userActivation?.hasBeenActive === false || isInside();
    const led = new Set(); // where links and forms of the page were let lead
    // What leads a frame is judged after a click too: browsers connect before they check the policy.
    const isRefused = (address, isOwn, leadAgain, isFramed = isInside()) => {
      const isNamed = (isOwn && realm === realm.top) || (isPayment && isFramed);
      const isJudged = isIdle() || (rules.enforced && isFramed);
      return isJudged && isRefusedServer(address, undefined, { isNamed, isFrame: isFramed, leadAgain });
    };
    const mayFollow = (address, target, leadAgain) => {
      const isOwn = leadsOn(target);
      const isFramed =
        isInside() ||
        (target && [...realm.document.querySelectorAll("iframe,frame")].some(({ name }) => name === target));
      if (isRefused(address, isOwn, leadAgain, isFramed)) return false;
      if (isOwn) led.add(address.split(/[?#]/)[0]);
      return true;
    };
    // Returns whether what has this target replaces the page.
    const replaces = (target) => /^_(self|top|parent)$/i.test(target) || (target !== "" && target === realm.name);
    const leadsOn = (target) => {
      const actual = target || realm.document.querySelector("base[target]")?.target || "_self";
      return replaces(actual);
    };
    realm.navigation?.addEventListener("navigate", (event) => {
      const { cancelable, userInitiated, destination, navigationType, formData } = event;
      if (!cancelable || userInitiated) return;
      const { url } = destination;
      const [place] = url.split(/[?#]/);
      // Links and forms lead on a moment after the script. A `<meta>` refresh has neither script nor element.
      const isOwn = led.has(place) || event.sourceElement?.ownerDocument === realm.document || isRunning(realm);
      const leadAgain = () => {
        if (isOwn) led.add(place);
        realm.location[navigationType === "replace" ? "replace" : "assign"](url);
      };
      if (isRefused(url, isOwn, formData ? undefined : leadAgain)) event.preventDefault();
    });
    const form = realm.HTMLFormElement?.prototype;
    const read = (node, name) => Reflect.get(form, name, node); // a field named "action" would hide it
    wrap(
      form,
      "submit",
      (submit) =>
        function () {
          const lead = () => {
            if (mayFollow(read(this, "action"), read(this, "target"), lead)) submit.call(this);
          };
          lead();
        },
    );
    realm.addEventListener?.(
      "submit",
      (event) => {
        const { target, submitter } = event;
        const action = submitter?.hasAttribute("formaction") ? submitter.formAction : read(target, "action");
        const shownIn = submitter?.hasAttribute("formtarget") ? submitter.formTarget : read(target, "target");
        if (!mayFollow(action, shownIn)) event.preventDefault();
      },
      true,
    );
    // What click() does not make: events that a script dispatches, on links of SVG too.
    const textOf = (attribute) => attribute?.baseVal ?? attribute;
    realm.addEventListener?.(
      "click",
      (event) => {
        const link = !event.isTrusted && event.composedPath().find(({ localName, href }) => localName === "a" && href);
        if (link && !mayFollow(textOf(link.href), textOf(link.target))) {
          event.preventDefault();
        }
      },
      true,
    );
    wrap(
      realm.HTMLElement?.prototype,
      "click",
      (click) =>
        function () {
          const isLink = /^(a|area)$/.test(this.localName) && this.href;
          const lead = () => {
            if (!isLink || mayFollow(this.href, this.target, lead)) click.call(this);
          };
          lead();
        },
    );
    wrap(
      realm,
      "open",
      (open) =>
        function (...values) {
          const [address, target] = values;
          const lead = () => {
            if (address && replaces(`${target}`)) {
              if (isRefused(address, true, lead)) return null;
            } else if (address && userActivation?.isActive === false && isRefusedServer(address)) return null;
            return open.apply(this ?? realm, values);
          };
          return lead();
        },
    );
  };

  return (realm) => {
    for (const name of ["Worker", "SharedWorker"]) wrap(realm, name, begins);
    wrap(realm.Worklet?.prototype, "addModule", begins);
    wrap(realm.ServiceWorkerContainer?.prototype, "register", begins);
    guardAttributes(realm.HTMLLinkElement?.prototype, hintSetters);
    guardAttributes(realm.HTMLIFrameElement?.prototype, frameSetters);
    guardAttributes(realm.HTMLFrameElement?.prototype, frameSetters);
    for (const name of ["HTMLScriptElement", "SVGScriptElement"]) guardAttributes(realm[name]?.prototype, ruleSetters);
    guardMarkup(realm);
    guardNavigation(realm);
    for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) wrap(realm, name, guardPeers);
  };
};
