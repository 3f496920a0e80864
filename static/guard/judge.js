// Judges names, hosts and cookies by the policy, exactly as the server does. Pure functions of the rules and of
// `covers`, which returns whether the visitor's choice covers an owner (a service and its category), and of `loads`,
// which returns whether it may be loaded. `home` is the page's own host. All hosts of `domain`, if there is one, are
// first party.
const makeJudge = (rules, covers, loads, home, domain) => {
  const MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";
  const LIFETIME = /^(max-age|expires)$/;
  const matches = (pattern, name) => {
    const parts = pattern.split("*");
    const first = parts.shift();
    const last = parts.pop();
    if (last === undefined) return name === first;
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const part of parts) {
      at = name.indexOf(part, at);
      if (at < 0) return false;
      at += part.length;
    }
    return at <= name.length - last.length;
  };
  // Names may also have runs of an alphabet, such as `{hex:32}`.
  const HEX = "[0-9A-Fa-f]";
  const ALPHABETS = {
    hex: HEX,
    digit: "[0-9]",
    alnum: "[0-9A-Za-z]",
    upper: "[A-Z]",
    lower: "[a-z]",
    base64url: "[0-9A-Za-z_-]",
    uuid: `${HEX}{8}(?:-${HEX}{4}){3}-${HEX}{12}`,
  };
  const expressions = new Map();
  const expression = (pattern) => {
    if (!expressions.has(pattern)) {
      const parts = pattern.split(/(\*|\{\w+(?::[\d-]+)?\})/).map((part, at) => {
        if (at % 2 === 0) return part.replace(/[^\w]/g, "\\$&");
        if (part === "*") return "[^]*";
        const [alphabet, length] = part.slice(1, -1).split(":");
        return ALPHABETS[alphabet] + (length ? `{${length.replace("-", ",")}}` : alphabet === "uuid" ? "" : "+");
      });
      expressions.set(pattern, new RegExp(`^${parts.join("")}$`));
    }
    return expressions.get(pattern);
  };
  const fits = (pattern, name) => (pattern.includes("{") ? expression(pattern).test(name) : matches(pattern, name));
  // Returns the rule for a name. Prefixes such as `__Host-` are looked through, in `bare`.
  const findIn = (list, name, bare) =>
    list.find(([pattern]) => pattern === name) ??
    list.find(([pattern]) => pattern === bare) ??
    list.find(([pattern]) => /[*{]/.test(pattern) && (fits(pattern, name) || fits(pattern, bare)));
  const find = (lists, name, bare = name) => {
    for (const list of lists) {
      const rule = findIn(list, name, bare);
      if (rule) return rule;
    }
  };
  const bareOf = (name) => name.replace(/^__(Host-Http|Host|Http|Secure)-/i, "");
  // Of the registry's rules only those that most pages need are here, and Bloom filters of the names and hosts of all
  // others. `learn` adds these, once they have been asked for.
  let { known } = rules;
  const { filter } = known;
  const sets = {};
  const setOf = (name) => {
    sets[name] ??= { ...filter[name], bits: atob(filter[name].bits) };
    return sets[name];
  };
  const hash = (text, seed) => {
    let value = seed;
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16777619) >>> 0;
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b) >>> 0;
    return (value ^ (value >>> 13)) >>> 0;
  };
  const isKey = ({ bits, hashes, size }, key) => {
    const first = hash(key, 2166136261);
    const step = hash(key, 3339675911);
    for (let number = 0; number < hashes; number++) {
      const at = (first + number * step) % size;
      if (!((bits.charCodeAt(at >> 3) >> (at & 7)) & 1)) return false;
    }
    return true;
  };
  const mayBeKnown = (name, [exact, prefix]) =>
    [name, bareOf(name)].some(
      (text) =>
        isKey(setOf("exact"), exact + text) ||
        filter.lengths.some(
          (length) => length <= text.length && isKey(setOf("prefixes"), prefix + text.slice(0, length)),
        ),
    );
  // A host is in the filter by its last two labels if a service has that domain, else by three.
  const mayBeHost = (host) =>
    [-2, -3].some((from) => isKey(setOf("exact"), `@${host.split(".").slice(from).join(".")}`));
  const cookieRule = (name) => find(rules.cookies, name, bareOf(name)) ?? findIn(known.cookies, name, bareOf(name));
  const storageRule = (name) => find(rules.storage, name) ?? findIn(known.storage, name, name) ?? cookieRule(name);
  // Returns whether the registry may have a rule for a name that is not here yet.
  const isAwaited = (name, isStorage) => {
    if (!known.filter || find(rules.cookies, name, bareOf(name))) return false;
    // Where the rules for names of *session* are here, the filter has some of these too.
    if (isStorage ? find(rules.storage, name) : known.cookies.some(([pattern]) => pattern === name)) return false;
    return !filter.chance.includes(name) && mayBeKnown(name, "=^");
  };
  const UNKNOWN = ["", "unclassified"];
  const ownerOf = (rule) => (rule ? rules.owners[rule[1]] : UNKNOWN);
  const permits = (rule, unknown) =>
    rule || unknown === "ask" ? covers(ownerOf(rule)) : unknown === "session" || unknown === "allow";
  const isLogin = (rule) => ownerOf(rule)[1] === "login";
  const mayStore = (name) => {
    const rule = storageRule(name);
    return !isAwaited(name, true) && (permits(rule, rules.unknown) || isLogin(rule));
  };

  const luhn = (digits) =>
    [...digits]
      .reverse()
      .reduce((sum, digit, at) => sum + (at % 2 ? (digit > 4 ? digit * 2 - 9 : digit * 2) : +digit), 0) %
      10 ===
    0;
  let cards;
  const holdsCard = (value) =>
    (value.match(/\d+(?:[ -]\d+)*/g) ?? []).some((found) => {
      const groups = found.split(/[ -]/);
      cards ??= new RegExp(`^(?:${rules.cards})$`);
      return groups.some((_, at) => {
        let digits = "";
        for (const group of groups.slice(at, at + 19)) {
          digits += group;
          if (digits.length > 19) return false;
          if (digits.length > 12 && cards.test(digits) && luhn(digits)) return true;
        }
        return false;
      });
    });
  const unquoted = (value) => {
    const bytes = value.replace(/\+/g, " ").replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(`0x${hex}`));
    return value.includes("%") ? bytes : "";
  };
  const hasCardNumber = (value) => holdsCard(value) || holdsCard(unquoted(value));

  // RFC 6265bis, section 5.1.1.
  const cookieDate = (text) => {
    let time;
    let day;
    let month = -1;
    let year;
    for (const token of text.split(/[\t -/;-@[-`{-~]+/)) {
      const clock = /^(\d\d?):(\d\d?):(\d\d?)(?!\d)/.exec(token);
      const name = MONTHS.indexOf(token.slice(0, 3).toLowerCase());
      if (!time && clock) time = clock;
      else if (!day && /^\d\d?(?!\d)/.test(token)) day = Number.parseInt(token, 10);
      else if (month < 0 && token.length > 2 && name % 3 === 0) month = name / 3;
      else if (!year && /^\d{2,4}(?!\d)/.test(token)) year = Number.parseInt(token, 10);
    }
    if (!time || !day || month < 0 || year === undefined) return Number.NaN;
    if (year < 100) year += year < 70 ? 2000 : 1900;
    return Date.UTC(year, month, day, time[1], time[2], time[3]);
  };

  // Where undeclared cookies end with the browser, most rules of *session* and *login* are not here, since they say the
  // same. Returns whether one of these may say more: how long the cookie lasts, if more than required is agreed to.
  const isOpenEnded = (name) =>
    Boolean(known.filter) &&
    rules.unknown === "session" &&
    !cookieRule(name) &&
    (covers(UNKNOWN) || (covers(["", "login"]) && mayBeKnown(name, "~%")));

  // Returns whether a cookie that is allowed may outlive the browser session.
  const mayPersist = (rule) => {
    if (!rule) return rules.unknown === "allow" || covers(UNKNOWN);
    return rule[4] ? covers(["", rule[4]]) : ownerOf(rule)[1] !== "session";
  };

  // Returns what to do with a cookie: "wait" (until the rules are known), "drop", "keep", "session" (until the browser
  // closes) or its new lifetime. `seconds` is undefined without a lifetime, and NaN for an invalid one.
  const judge = (name, value, seconds) => {
    if (rules.own.includes(name) || hasCardNumber(value)) return "drop";
    if (seconds <= 0) return "keep";
    if (isAwaited(name)) return "wait";
    const rule = cookieRule(name);
    const [, category] = ownerOf(rule);
    if (!permits(rule, rules.unknown)) return category === "login" ? "session" : "drop";
    if (seconds === undefined) return "keep";
    if (isOpenEnded(name) || !mayPersist(rule)) return "session";
    const cap = Math.min(...[rule?.[2], rules.categories.find(([id]) => id === category)?.[1]].filter(Boolean));
    return cap === Infinity || seconds <= cap ? "keep" : Number.isNaN(seconds) ? "session" : cap;
  };

  const parse = (text) => {
    const [pair, ...attributes] = text.split(";");
    const at = pair.indexOf("=");
    const value = pair.slice(at + 1).trim();
    const name = at > 0 ? pair.slice(0, at).trim() : "";
    let age;
    let date;
    const rest = attributes.filter((part) => {
      const [key, ...words] = part.split("=");
      const kind = key.trim().toLowerCase();
      const word = words.join("=").trim();
      if (kind === "max-age") age = /^-?\d+$/.test(word) ? +word : (age ?? Number.NaN);
      if (kind === "expires") date = (cookieDate(word) - Date.now()) / 1000;
      return !LIFETIME.test(kind);
    });
    const seconds = Number.isNaN(age) ? (date ?? age) : (age ?? date);
    return { pair, rest, name: name || value.split("=")[0].trim(), value, seconds };
  };

  // -- hosts ---------------------------------------------------------------------------------------------------------

  const covering = (host, pattern) => (pattern[0] === "*" ? host.endsWith(pattern.slice(1)) : host === pattern);
  const hostOf = (address) => address.hostname.replace(/\.$/, "");
  // Visitors answer for an undeclared host as for a service by its name.
  const unknownHost = (address) => [hostOf(address), UNKNOWN[1]];
  const permitsHost = (owner) => (rules.unknownHosts === "ask" ? covers(owner) : rules.unknownHosts === "allow");
  const isDeclaredOwn = (host) => host === home || rules.first.some((pattern) => covering(host, pattern.split("/")[0]));
  // Returns whether the address is first party without being declared, as a host of the site's domain.
  const isOwnByDomain = (address) => {
    const host = hostOf(address);
    return Boolean(domain) && `.${host}`.endsWith(`.${domain}`) && !isDeclaredOwn(host);
  };
  const isOwn = (address) => isDeclaredOwn(hostOf(address)) || isOwnByDomain(address);
  // Rules by their host, in their order.
  const tableOf = (list) => {
    const found = new Map();
    for (const rule of list) {
      const [name] = rule[0].split("/");
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(rule);
    }
    return found;
  };
  const declared = rules.hosts.slice(0, rules.declared);
  // What the site has written itself comes first. What it has declared by name competes with the rest of the registry.
  // The tables are made at the first need.
  let tables;
  const hostTables = () => {
    tables ??= {
      declared: tableOf(declared),
      written: tableOf(declared.filter(([, , isNamed]) => !isNamed)),
      named: tableOf(declared.filter(([, , isNamed]) => isNamed)),
      known: tableOf(known.hosts ?? rules.hosts.slice(rules.declared)),
    };
    return tables;
  };
  const namesOf = (host) => {
    const labels = host.split(".");
    return [host, ...labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join(".")}`)];
  };
  // The lowest is the closest path of a host, as on the server.
  const rankOf = ([pattern]) => {
    const [, ...path] = pattern.split("/");
    const stars = path.filter((part) => part === "*").length;
    return (stars - path.join("/").length - (path.length && 1)) * 1000 + stars;
  };
  const merged = (kinds, name) => {
    const [first, ...others] = kinds.map((kind) => hostTables()[kind].get(name)).filter(Boolean);
    return others.length ? [first, ...others].flat().sort((one, other) => rankOf(one) - rankOf(other)) : (first ?? []);
  };
  // Returns the rules for an address, those of the first group of tables first, and in a group the most exact.
  const hostRules = (address, groups, isEligible = () => true) => {
    const names = namesOf(hostOf(address));
    const whole = address.pathname + address.search;
    return groups
      .flatMap((kinds) => names.flatMap((name) => merged(kinds, name)))
      .filter(([pattern]) => {
        const [name, ...path] = pattern.split("/");
        // A segment of the path may be `*`.
        const actual = path.includes("*") ? whole.split("/").slice(1) : [];
        const prefix = path.map((part, at) => (part === "*" && /^[^?#]+$/.test(actual[at]) ? actual[at] : part));
        return whole.startsWith(`/${prefix.join("/")}`) && isEligible(name, path);
      });
  };
  const hasMarks = (marks, read) =>
    marks.every((mark) => {
      const [name, ...pattern] = mark.split("=");
      const value = read(name) ?? null;
      return value !== null && (!pattern.length || matches(pattern.join("="), value));
    });
  const decoded = (path) => {
    try {
      return decodeURIComponent(path);
    } catch {
      return path;
    }
  };
  // Returns the rule for a service on one of the site's hosts, if there is one. `node` is the element that asks, and
  // `body` has the parameters that are sent, or has no `get` if it cannot be read.
  const ownRule = (address, { node, body } = {}) => {
    const host = hostOf(address);
    const exactness = (name) => (name[0] === "*" ? name.length : Number.POSITIVE_INFINITY);
    const firsts = rules.first.map((pattern) => pattern.split("/")[0]).filter((name) => covering(host, name));
    const isEligible = (name, path) =>
      (host !== home || path.length) && firsts.every((first) => exactness(name) >= exactness(first));
    const [rule] = hostRules(address, [["declared"]], isEligible);
    if (rule) return rule;
    const path = decoded(address.pathname);
    const query = new URLSearchParams(address.search);
    return rules.local.find(([pattern, , parameters, element, attributes]) => {
      if (!parameters) return `${path}?${address.search.slice(1)}`.startsWith(pattern);
      if (!matches(pattern, path) || (element && node?.localName !== element)) return false;
      if (!hasMarks(attributes, (name) => node?.getAttribute(name))) return false;
      // Of a body that cannot be read, the address has to do, if it names a file: others are anybody's.
      if (body && !body.get && /\/[^*/]+\.\w+$/.test(pattern)) return true;
      return hasMarks(parameters, (name) => query.get(name) ?? body?.get?.(name));
    });
  };
  // Returns whether something else that is agreed to has the address too, as a whole host or folder. A policy that
  // allows that has no exceptions (CSP).
  const isShared = (address) =>
    permitsHost(unknownHost(address)) ||
    hostRules(address, [["declared", "known"]]).some((rule) => loads(ownerOf(rule)));
  // Returns whether the registry may have a rule for a host, or for all hosts of a domain, that is not here yet.
  const isInFilter = (address) => Boolean(known.filter) && mayBeHost(hostOf(address));
  // The same for hosts of which there is no rule at all.
  const isHostAwaited = (address) =>
    isInFilter(address) && !isOwn(address) && !hostRules(address, [["declared", "known"]]).length;
  // Returns what stands for the owner of an unknown address that is refused.
  const heldHost = (address) => (rules.unknownHosts === "ask" ? unknownHost(address) : ["", "blocked"]);
  // Returns the owner of a refused address, or null if it is allowed.
  const refusedHost = (address, marks) => {
    const isSites = isOwn(address);
    const rule = isSites ? ownRule(address, marks) : hostRules(address, [["written"], ["named", "known"]])[0];
    if (isSites && !rule) return null;
    if (rule) return loads(ownerOf(rule)) ? null : ownerOf(rule);
    return permitsHost(unknownHost(address)) ? null : heldHost(address);
  };

  return {
    cookieRule,
    heldHost,
    isAwaited: (name, isStorage) => isAwaited(name, isStorage) && !rules.own.includes(name),
    isHostAwaited,
    isInFilter,
    isOpenEnded,
    isOwn,
    isOwnByDomain,
    isShared,
    isRefusedUnknown: () => !permitsHost(["*", UNKNOWN[1]]), // no host has this name
    isRefusedCookie: (name) => {
      const rule = cookieRule(name);
      return !isAwaited(name) && !permits(rule, rules.unknown) && !isLogin(rule) && !rules.own.includes(name);
    },
    judge,
    // Throws where it is something else, such as the answer that there is no such file.
    learn: (details) => {
      const lists = [details.owners, details.cookies, details.storage, details.hosts];
      if (!lists.every(Array.isArray)) throw new TypeError("these are not the registry's rules");
      known = details;
      rules.owners.push(...details.owners);
      tables = undefined;
    },
    mayStore,
    ownerOf,
    parse,
    permitsUnknown: (address) => permitsHost(unknownHost(address)),
    refusedHost,
    storageRule,
    unknownHost,
  };
};
