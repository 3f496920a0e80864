// Leads what scripts load of public libraries to the mirror on the site itself, by the layouts of their hosts that
// mirror/layouts.py describes. `libraries` has the hosts, and `offer` says what the site's
// own policies let lead there: `*`, or for each kind of request its hosts or `*`. `base` is the mirror's address.
// `readNames` returns the names of packages, each list as words. It may block the page, so it is asked at the first need.
const makeMirror = (libraries, offer, base, readNames, { wrap, guardAttributes, candidatesOf }) => {
  const allowed = self.origin === "null" ? "" : offer; // the mirror does not answer a document without an origin
  const FILE = /^(?:(?!\.{1,2}(?:\/|$))[\w@.~-][\w@.~+-]{0,127}(?:\/(?!$)|(?=\/?$)))+\/?$/;
  const VERSION = /^[A-Za-z0-9^~*][A-Za-z0-9.^~*+-]{0,63}$/;
  const JQUERY = /^jquery-(migrate-)?(\d+(?:\.\d+){1,2}(?:-[a-z0-9.]{1,12})?)(?:\.slim)?(?:\.min)?\.(?:js|map)$/;
  const FONT = /^\/s\/([a-z0-9]{1,80})\/(v\d{1,5})\/([\w-]{1,255}\.(?:woff2?|ttf|otf|eot|svg))$/;
  const { hosts = [] } = libraries ?? {};
  let mention;
  const isMentioned = (text) => {
    if (!allowed || !hosts.length) return false;
    mention ??= new RegExp(`//(?:${hosts.join("|").replaceAll(".", "\\.")})[/?"'\\s]`, "i");
    return mention.test(text);
  };
  const sets = new Map();
  let names;
  const has = (list, name) => {
    names ??= readNames();
    if (!sets.has(list)) sets.set(list, new Set((names[list] ?? "").split(" ")));
    return sets.get(list).has(name);
  };
  // Scripts ask for more than the mirror serves, such as WebAssembly and models.
  const SERVED =
    /(?:^|\/)[^/.]*$|@[\d.^~*]+$|\.(?:[cm]?js|css|json|map|svg|png|gif|jpe?g|webp|avif|ico|woff2?|ttf|otf|eot)$/i;
  const isFile = (path) => path.length <= 1024 && FILE.test(path);

  // Each of these returns what stands at a path of its host, as PACKAGE@VERSION/FILE, or nothing if it is no library.
  const npm = (prefix) => (path, search) => {
    if (!path.startsWith(prefix) || /[?&](?:module|meta)\b/.test(search)) return undefined;
    const [, name, version = "latest", file] =
      /^((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?(?:\/(.*))?$/.exec(path.slice(prefix.length)) ?? [];
    if (!has("npm", name) || !VERSION.test(version) || (file && !isFile(file))) return undefined;
    return `${name}@${version}${file === undefined ? "" : `/${file}`}`;
  };
  const versioned = (prefix, list) => (path) => {
    const [, name, version, file] = path.startsWith(prefix)
      ? (/^([^/]+)\/([^/]+)\/(.+)$/.exec(path.slice(prefix.length)) ?? [])
      : [];
    return has(list, name) && VERSION.test(version) && isFile(file) ? `${name}@${version}/${file}` : undefined;
  };
  const bootstrap = versioned("/", "bootstrap");
  const layouts = {
    "ajax.googleapis.com": versioned("/ajax/libs/", "google"),
    "cdn.jsdelivr.net": npm("/npm/"),
    "cdnjs.cloudflare.com": versioned("/ajax/libs/", "cdnjs"),
    "code.jquery.com": (path) => {
      const file = path.slice(1);
      const [match, migrate, version] = JQUERY.exec(file) ?? [];
      if (match)
        return (
          has("jquery", migrate ? "jquery-migrate" : "jquery") &&
          `jquery${migrate ? "-migrate" : ""}@${version}/${file}`
        );
      return /^\/(?!jquery)[^/]+\/\d/.test(path) ? versioned("/", "jquery")(path) : undefined;
    },
    "fonts.googleapis.com": (path, search) => {
      const parameters = [...new URLSearchParams(search)];
      const isKnown = ([name, value]) =>
        /^(?:family|subset|display)$/.test(name) && /^[A-Za-z0-9 +:;,@|._-]{1,900}$/.test(value);
      const isSheet = /^\/(?:css2?|icon)$/.test(path) && parameters.some(([name]) => name === "family");
      return isSheet && parameters.every(isKnown) ? path.slice(1) + search : undefined;
    },
    "fonts.gstatic.com": (path) => {
      const [match, family, version, file] = FONT.exec(path) ?? [];
      return match && `${family}@${version}/${file}`;
    },
    "maxcdn.bootstrapcdn.com": bootstrap,
    "netdna.bootstrapcdn.com": bootstrap,
    "stackpath.bootstrapcdn.com": bootstrap,
    "unpkg.com": npm("/"),
    "use.fontawesome.com": (path) => {
      const [, version, file] = /^\/releases\/(v\d+\.\d+\.\d+(?:[-+][\dA-Za-z.+-]*)?)\/(.+)$/.exec(path) ?? [];
      return version && isFile(file) ? `fontawesome-free@${version}/${file}` : undefined;
    },
  };
  const pathOf = ({ protocol, hostname, port, username, password, pathname, search, hash }) => {
    if (!/^https?:$/.test(protocol) || port || username || password || !hosts.includes(hostname)) return undefined;
    const found = layouts[hostname]?.(pathname.replaceAll("%5E", "^"), search); // as in ranges of versions
    return found && !found.endsWith("/") && `${hostname}/${found}${/^#[\w.:?&=/-]*$/.test(hash) ? hash : ""}`;
  };

  const offered = Object.fromEntries((allowed ?? "").split(" ").map((part) => part.split("=")));
  // A policy in <meta> may come at any time, and what it allows is not known here.
  const isAllowed = (kinds, host) =>
    ("*" in offered || kinds.every((kind) => offered[kind] === "*" || offered[kind]?.split(",").includes(host))) &&
    !document.querySelector('meta[http-equiv="content-security-policy" i]');
  // Returns the address in the mirror, or nothing if it is to stay.
  const lead = (address, ...kinds) => {
    if (!isMentioned(`${address}/`)) return undefined;
    try {
      const server = new URL(address, document.baseURI);
      const path = pathOf(server);
      if (kinds.includes("connect") && !SERVED.test(server.pathname)) return undefined;
      return path && isAllowed(kinds, server.hostname) ? base + path : undefined;
    } catch {
      return undefined; // not a URL
    }
  };

  const ICON = /(^|\s)\S*icon\S*/i;
  const kindsOf = (node) => {
    const rel = node.rel ?? "";
    if (!rel || /stylesheet/i.test(rel)) return ["style"];
    if (/modulepreload/i.test(rel)) return ["script"];
    if (ICON.test(rel)) return ["image"];
    return /preload|prefetch/i.test(rel) ? ["script", "style", "font", "image", "connect"] : undefined;
  };
  // The mirror rewrites style sheets, so that no `integrity` fits them. With this parameter it sends what their hosts do.
  const ORIGINAL = "original";
  const SHEET = /^[^?#]*(?:\.css(?:[?#]|$)|\/css2?\?)/i;
  const checked = (node, address, changed) => {
    const { rel, as, integrity } = {
      rel: node.rel,
      as: node.as,
      integrity: node.getAttribute("integrity"),
      ...changed,
    };
    const isSheet = /stylesheet/i.test(rel) || /^style$/i.test(as) || SHEET.test(address);
    if (!isSheet || !integrity?.trim() || !address.startsWith(base)) return address;
    const [path] = address.split("#");
    if (path.endsWith(`?${ORIGINAL}`) || path.endsWith(`&${ORIGINAL}`)) return address;
    return `${path}${path.includes("?") ? "&" : "?"}${ORIGINAL}${address.slice(path.length)}`;
  };
  const checkAgain = (node, changed) => {
    const address = node.getAttribute("href") ?? "";
    const led = checked(node, address, changed);
    if (led !== address) node.setAttribute("href", led);
  };
  const HINT = /^\s*(?:(?:preconnect|dns-prefetch)(?:\s+|$))+$/i;
  // Each of these returns the value for an attribute to have, or nothing if it is to stay.
  const leads = {
    HTMLScriptElement: { __proto__: null, src: (_, value) => lead(value, "script") },
    HTMLImageElement: {
      __proto__: null,
      src: (_, value) => lead(value, "image"),
      srcset: (_, value) => leadSet(value),
    },
    HTMLSourceElement: { __proto__: null, srcset: (_, value) => leadSet(value) },
    HTMLLinkElement: {
      __proto__: null,
      href: (node, value) => {
        if (HINT.test(node.rel)) return isMentioned(`${value}/`) ? "" : undefined;
        const kinds = kindsOf(node);
        const led = kinds && lead(value, ...kinds);
        return led && checked(node, led);
      },
      rel: (node, value) => {
        if (HINT.test(value) && isMentioned(`${node.getAttribute("href")}/`)) node.removeAttribute("href");
        checkAgain(node, { rel: value });
      },
      integrity: (node, value) => checkAgain(node, { integrity: value }),
      as: (node, value) => checkAgain(node, { as: value }),
    },
  };
  const leadSet = (value) => {
    if (!isMentioned(value)) return undefined;
    let at = 0;
    let led = "";
    for (const address of candidatesOf(value)) {
      const start = value.indexOf(address, at);
      led += value.slice(at, start) + (lead(address, "image") ?? address);
      at = start + address.length;
    }
    return led + value.slice(at);
  };

  const INTERFACES = {
    script: "HTMLScriptElement",
    img: "HTMLImageElement",
    source: "HTMLSourceElement",
    link: "HTMLLinkElement",
  };
  // Leads an element of markup, and returns whether anything has changed.
  const leadIn = (node) => {
    const checks = leads[INTERFACES[node.localName]] ?? {};
    return Object.keys(checks).reduce((isChanged, name) => {
      const value = node.getAttribute(name);
      const led = value === null ? undefined : checks[name](node, value);
      if (led === undefined || led === value) return isChanged;
      node.setAttribute(name, led);
      return true;
    }, false);
  };

  const arm = (realm) => {
    if (!allowed || !hosts.length) return;
    for (const [kind, checks] of Object.entries(leads)) {
      const setters = Object.entries(checks).map(([name, check]) => [
        name,
        (node, value) => check(node, value) ?? true,
      ]);
      guardAttributes(realm[kind]?.prototype, Object.fromEntries(setters));
    }
    wrap(
      realm,
      "fetch",
      (native) =>
        function (...values) {
          const [input, init] = values;
          const isPlain = (typeof input === "string" || input instanceof URL) && /^GET$/i.test(init?.method ?? "GET");
          const led = isPlain ? lead(`${input}`, "connect") : undefined;
          if (led !== undefined) values[0] = led;
          return native.apply(this ?? realm, values);
        },
    );
    wrap(
      realm.XMLHttpRequest?.prototype,
      "open",
      (open) =>
        function (...values) {
          const led = /^GET$/i.test(values[0]) ? lead(`${values[1]}`, "connect") : undefined;
          if (led !== undefined) values[1] = led;
          return open.apply(this, values);
        },
    );
  };
  return { arm, leadIn, mentions: isMentioned };
};
