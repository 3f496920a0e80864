// Stubs for the functions and lists of services, so that the site's own calls do not fail while a service is held. They
// queue calls as the vendors' own snippets do. Names that the page already uses are left alone.
const makeStubs = (rules, loads, hold) => {
  const CALLBACKS = ["event_callback", "eventCallback", "hitCallback"];
  const GLOBAL = "window.";
  const stubs = [];

  // Pages may wait for a callback before they go on, to a link's target for example. A held service would never call
  // it.
  const goOn = (values) => {
    for (const value of values) {
      for (const name of CALLBACKS) if (typeof value?.[name] === "function") setTimeout(value[name]);
    }
  };

  const makeList = (called, methods) => {
    const list = [];
    const push = (...items) => {
      called(items);
      return Array.prototype.push.apply(list, items);
    };
    Object.defineProperty(list, "push", { value: push, configurable: true, writable: true });
    for (const method of methods) list[method] = (...values) => list.push([method, ...values]);
    return list;
  };

  const makeFunction = (called, queue) => {
    const isShared = queue.startsWith(GLOBAL);
    // biome-ignore lint/complexity/useArrowFunction: vendors' queues hold Arguments objects; gtag.js takes no others
    const stub = function () {
      // biome-ignore-start lint/complexity/noArguments: as above
      called(arguments);
      (isShared ? window[queue.slice(GLOBAL.length)] : stub[queue])?.push(arguments);
      // biome-ignore-end lint/complexity/noArguments: as above
    };
    if (!isShared) stub[queue] = [];
    return stub;
  };

  for (const [name, at, queue, methods] of rules.stubs) {
    const owner = rules.owners[at];
    if (loads(owner) || name in window) continue;
    const called = (values) => {
      hold("call", name, owner);
      goOn(values);
    };
    const stub = queue ? makeFunction(called, queue) : makeList(called, methods ?? []);
    window[name] = stub;
    stubs.push({ name, owner, stub, calls: queue ? stub[queue] : undefined });
  }

  return {
    isHeld: (value) => stubs.some((entry) => entry.stub === value && !entry.isReleased),
    // Removes the stubs of services that are now allowed: their snippets do nothing if their name is taken. Lists stay,
    // since the services take them over.
    release: () => {
      for (const entry of stubs) {
        if (entry.isReleased || !loads(entry.owner) || window[entry.name] !== entry.stub) continue;
        entry.isReleased = true;
        if (Array.isArray(entry.stub)) delete entry.stub.push;
        else delete window[entry.name];
      }
    },
    // Passes the queued calls on, once the services' scripts have run.
    replay: () => {
      for (const { name, isReleased, calls } of stubs) {
        const real = window[name];
        if (isReleased && calls && typeof real === "function") for (const values of calls.splice(0)) real(...values);
      }
    },
  };
};
