// Tells vendors what the visitor has agreed to, in each one's own words, which the server sends as rows of names and
// values. A vendor's function is watched rather than made, as many snippets do nothing where their name is taken, and
// told just before its first call. A list is made, as snippets take one that is there, and watched, as pages replace it.
const makeSignals = (rows, covers, isHeld, isDecided) => {
  const RETRIES = [0, 1000, 4000]; // milliseconds after the load, for what the page has not made by then
  const MOST_FAILURES = 9; // a snippet's function fails until its queue is there
  const WORDS = ["granted", "denied"];
  const LISTS = ["list", "arguments", "items"];
  const roots = new Map();
  const asked = new Set();
  let isBusy = false;
  let isMissed = false; // something came up meanwhile

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

  // Returns whether the page has pushed what has to come before. What was looked at is not looked at again.
  const isAsked = (row, target) => {
    const { after } = row;
    if (after && Array.isArray(target)) {
      if (row.seenIn !== target || row.seen > target.length) Object.assign(row, { seenIn: target, seen: 0 });
      while (row.seen < target.length) if (target[row.seen++]?.[0] === after) asked.add(after);
    }
    return !after || asked.has(after);
  };
  // Returns whether it could be told, and notes what that has added to a list.
  const send = (message) => {
    const { row, args } = message;
    const { kind, path } = row;
    const last = path.at(-1);
    let holder = window;
    for (const name of path.slice(0, -1)) {
      if (kind === "set") holder[name] ??= {};
      holder = holder?.[name];
    }
    if (kind === "set") {
      // What the page itself has set up stays, but for a state.
      if (row.values || holder[last] === undefined) holder[last] = args[0];
      return true;
    }
    const target = holder?.[last];
    if (kind === "call") {
      if (typeof target !== "function" || isHeld(target)) return false;
      target.apply(holder, args)?.catch?.(() => {});
      return true;
    }
    if (typeof target?.push !== "function") return false;
    if (!isAsked(row, target)) return false;
    const { length } = target;
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
    message.items = Array.isArray(target) ? target.slice(length) : [];
    return true;
  };
  const isDone = (root, message, isLate) => {
    if (isOutdated(message)) return true;
    if (message.row.late && !isLate) return false;
    try {
      if (!send(message)) return false;
      root.told = [...root.told.filter(({ row }) => row !== message.row), message];
      return true;
    } catch {
      message.failures = (message.failures ?? 0) + 1;
      return message.failures >= MOST_FAILURES;
    }
  };
  const deliver = (root, isLate) => {
    if (isBusy || !root.waiting.length) return;
    isBusy = true;
    const left = root.waiting.splice(0).filter((message) => !isDone(root, message, isLate));
    root.waiting.unshift(...left);
    isBusy = false;
    if (isMissed) {
      isMissed = false;
      deliverAll();
    }
  };
  const isParsed = () => document.readyState !== "loading";
  const deliverAll = () => {
    for (const root of roots.values()) deliver(root, isParsed());
  };

  // Returns whether a new value lacks what was told: a page may replace a list, or an object with properties of ours. A
  // copy of the list has it.
  const isLost = ({ row: { kind, path }, items }, value) => {
    if (kind === "set") return path.length > 1;
    return Array.isArray(value) && !(items?.length && items.every((item) => value.includes(item)));
  };
  const makeRoot = (name) => {
    const root = { name, value: undefined, isList: true, waiting: [], told: [] };
    root.get = () => {
      deliver(root);
      return root.value;
    };
    root.set = (value) => {
      const isNew = value !== root.value;
      root.value = value;
      const lost = isNew ? root.told.filter((message) => isLost(message, value)) : [];
      root.told = root.told.filter((message) => !lost.includes(message));
      root.waiting.unshift(...lost);
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
    root.value = window[root.name] ?? (root.isList ? [] : undefined);
    Object.defineProperty(window, root.name, { get: root.get, set: root.set, configurable: true, enumerable: true });
  };

  const all = [];
  for (const [on, kind, path, args, owners, values, words = WORDS, late, after, isOther] of rows) {
    const [name] = path;
    try {
      if (!roots.has(name)) {
        if (!isForeign(window[name])) continue;
        roots.set(name, makeRoot(name));
      }
      const root = roots.get(name);
      root.isList &&= path.length === 1 && LISTS.includes(kind);
      const isAlways = (on === "refuse") !== Boolean(isOther); // also to visitors who have not chosen
      all.push({ on, kind, path, args, owners, values, words, late, after, isAlways, root });
    } catch {} // a global of the browser that cannot be read
  }

  const stateOf = (row) => {
    const isSaid = row.isAlways || isDecided();
    if (row.on === "update") return JSON.stringify([isSaid, argumentsOf(row)]);
    if (isAllowed(row.owners)) return "allowed";
    return isSaid ? "refused" : "open";
  };
  // What waits for a vendor, and is not true any more, is not said.
  const isOutdated = ({ row, state }) => {
    if (row.on === "default") return false;
    const now = stateOf(row);
    return row.on === "update" ? now !== state : (now === "allowed") !== (state === "allowed");
  };
  // Returns whether something has to be said now, and remembers the state. At the beginning nothing has been said.
  const isNews = (row, isFirst) => {
    const { on, isAlways, owners, state: before } = row;
    const now = stateOf(row);
    row.state = now;
    const isYes = now === "allowed";
    const wasYes = before === "allowed";
    if (on === "default") return isFirst;
    // An older choice may hold although there is something new to choose.
    if (on === "update") return isFirst ? isAlways || isDecided() || isAllowed(owners) : now !== before;
    if (on === "grant") return isYes && !wasYes;
    if (on === "lift") return isYes && !wasYes && !isFirst;
    if (on === "withdraw") return !isYes && wasYes;
    return (now === "refused" && before !== "refused") || (!isYes && wasYes);
  };
  const tell = (isFirst) => {
    for (const root of roots.values()) root.waiting = root.waiting.filter((message) => !isOutdated(message));
    for (const row of all) {
      if (isNews(row, isFirst)) row.root.waiting.push({ row, args: argumentsOf(row), state: row.state });
    }
    for (const root of roots.values()) {
      try {
        watch(root);
      } catch {} // a global that a script has frozen
    }
    isMissed = isBusy;
    deliverAll();
  };

  if (all.length) {
    tell(true);
    document.addEventListener("DOMContentLoaded", deliverAll);
    addEventListener("load", () => {
      for (const delay of RETRIES) setTimeout(deliverAll, delay);
    });
  }
  return { tell: () => tell(false) };
};
