// Tells vendors what the visitor has agreed to, in each one's own words, which the server sends as rows of names and
// values. A vendor's global is watched rather than made: many snippets do nothing where their name is taken. So a list
// gets what comes first the moment the page makes it, and a function just before its first call.
const makeSignals = (rows, covers, isHeld, isDecided) => {
  const RETRIES = [0, 1000, 4000]; // milliseconds after the load, for what the page has not made by then
  const MOST_FAILURES = 9; // a snippet's function fails until its queue is there
  const WORDS = ["granted", "denied"];
  const roots = new Map();
  const asked = new Set();
  let isBusy = false;

  // What the browser itself has is no vendor's, whatever a policy says: `eval`, `document`.
  const isForeign = (value) =>
    value === undefined ||
    Array.isArray(value) ||
    (typeof value === "function"
      ? !Function.prototype.toString.call(value).includes("[native code]")
      : Object.getPrototypeOf(value) === Object.prototype);

  const isAllowed = (owners) => owners.some((owner) => covers(owner));
  const isEachAllowed = (owners) => owners.length > 0 && owners.every((owner) => covers(owner));
  // The arguments, with the states that follow them.
  const argumentsOf = ({ args, values, words }) => {
    if (!values) return args;
    const word = (owners) => words[isEachAllowed(owners) ? 0 : 1];
    if (Array.isArray(values)) return [...args, word(values)];
    const table = Object.fromEntries(Object.entries(values).map(([key, owners]) => [key, word(owners)]));
    const last = args.at(-1);
    return Object(last) === last ? [...args.slice(0, -1), { ...last, ...table }] : [...args, table];
  };

  // Returns whether it could be told.
  const send = ({ kind, path, after }, args) => {
    const last = path.at(-1);
    let holder = window;
    for (const name of path.slice(0, -1)) {
      if (kind === "set") holder[name] ??= {};
      holder = holder?.[name];
    }
    if (kind === "set") {
      holder[last] = args[0];
      return true;
    }
    const target = holder?.[last];
    if (kind === "call") {
      if (typeof target !== "function" || isHeld(target)) return false;
      target.apply(holder, args)?.catch?.(() => {});
      return true;
    }
    if (typeof target?.push !== "function") return false;
    if (after && Array.isArray(target) && target.some((item) => item?.[0] === after)) asked.add(after);
    if (after && !asked.has(after)) return false;
    // The stub of a held service would take it for a call of the page's.
    const push = (isHeld(target) ? Array.prototype.push : target.push).bind(target);
    const [method, ...rest] = args;
    if (kind === "items") push(...args);
    else if (kind === "method" && typeof target[method] === "function" && !isHeld(target)) target[method](...rest);
    else if (kind === "arguments") {
      // biome-ignore lint/complexity/useArrowFunction: gtag.js takes no other objects
      (function () {
        // biome-ignore lint/complexity/noArguments: as above
        push(arguments);
      })(...args);
    } else push(args);
    return true;
  };

  const deliver = (root, isLate) => {
    if (isBusy || !root.waiting.length) return;
    isBusy = true;
    root.waiting = root.waiting.filter((message) => {
      if (message.row.late && !isLate) return true;
      try {
        if (!send(message.row, message.args)) return true;
        root.told.push(message);
        return false;
      } catch {
        message.failures = (message.failures ?? 0) + 1;
        return message.failures < MOST_FAILURES;
      }
    });
    isBusy = false;
  };
  const isParsed = () => document.readyState !== "loading";
  const deliverAll = () => {
    for (const root of roots.values()) deliver(root, isParsed());
  };

  const makeRoot = (name) => {
    const root = { name, value: undefined, waiting: [], told: [] };
    root.get = () => {
      deliver(root);
      return root.value;
    };
    root.set = (value) => {
      const isNew = value !== root.value;
      root.value = value;
      // A page may replace a list, or an object with properties of ours, that is there already.
      const isLost = ({ row: { kind, path } }) => (kind === "set" ? path.length > 1 : Array.isArray(value));
      if (isNew) root.waiting.unshift(...root.told.splice(0).filter(isLost));
      if (Array.isArray(value)) deliver(root);
      queueMicrotask(() => deliver(root));
      if (isParsed()) setTimeout(deliver, 0, root, true);
    };
    return root;
  };
  // The release of a stub, and `function fbq() {}` in a script, remove the property.
  const watch = (root) => {
    const found = Object.getOwnPropertyDescriptor(window, root.name);
    if (found && (!found.configurable || found.get)) return;
    root.value = window[root.name];
    Object.defineProperty(window, root.name, { get: root.get, set: root.set, configurable: true, enumerable: true });
  };

  const all = [];
  for (const [on, kind, path, args, owners, values, words = WORDS, late, after] of rows) {
    const [name] = path;
    try {
      if (!roots.has(name)) {
        if (!isForeign(window[name])) continue;
        roots.set(name, makeRoot(name));
      }
      all.push({ on, kind, path, args, owners, values, words, late, after, root: roots.get(name) });
    } catch {} // a global of the browser that cannot be read
  }

  // Returns what has to be said now, and remembers it. At the beginning nothing has been said.
  const news = (row, isFirst) => {
    const { on, owners } = row;
    if (on === "default") return isFirst;
    const before = row.state;
    row.state = on === "update" ? JSON.stringify([isDecided(), argumentsOf(row)]) : isAllowed(owners);
    if (on === "update") return isFirst ? isDecided() : row.state !== before;
    if (on === "grant") return row.state && (isFirst || !before);
    return !row.state && (isFirst ? on === "refuse" : before);
  };
  const tell = (isFirst) => {
    for (const root of roots.values()) {
      root.waiting = root.waiting.filter(({ row }) => row.on === "default" || !isOutdated(row));
    }
    for (const row of all) if (news(row, isFirst)) row.root.waiting.push({ row, args: argumentsOf(row) });
    for (const root of roots.values()) {
      try {
        watch(root);
      } catch {} // a global that a script has frozen
    }
    deliverAll();
  };
  // What waits for a vendor, and is not true any more, is not said.
  const isOutdated = (row) =>
    row.on === "update"
      ? row.state !== JSON.stringify([isDecided(), argumentsOf(row)])
      : isAllowed(row.owners) !== (row.on === "grant");

  if (all.length) {
    tell(true);
    document.addEventListener("DOMContentLoaded", deliverAll);
    addEventListener("load", () => {
      for (const delay of RETRIES) setTimeout(deliverAll, delay);
    });
  }
  return { tell: () => tell(false) };
};
