// Stand-ins for what services offer to a site's own code, so that its calls do not fail while a service is held back.
// They queue as the vendors' own snippets do. Only names that the page does not have yet are taken.
const makeStubs = (rules, covers, hold) => {
  const CALLBACKS = ["event_callback", "eventCallback", "hitCallback"];
  const GLOBAL = "window.";
  const stubs = [];

  // What a page does once its call has been counted must not wait for a service that does not come.
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
    if (covers(owner) || name in window) continue;
    const called = (values) => {
      hold("call", name, owner);
      goOn(values);
    };
    const stub = queue ? makeFunction(called, queue) : makeList(called, methods ?? []);
    window[name] = stub;
    stubs.push({ name, owner, stub, calls: queue ? stub[queue] : undefined });
  }

  return {
    // Makes room for the services that are allowed now; their snippets do nothing where they find their names taken.
    // A list stays, as they take it over.
    release: () => {
      for (const entry of stubs) {
        if (entry.isReleased || !covers(entry.owner) || window[entry.name] !== entry.stub) continue;
        entry.isReleased = true;
        if (Array.isArray(entry.stub)) delete entry.stub.push;
        else delete window[entry.name];
      }
    },
    // Hands over what was queued, once the services' scripts have run.
    replay: () => {
      for (const { name, isReleased, calls } of stubs) {
        const real = window[name];
        if (isReleased && calls && typeof real === "function") for (const values of calls.splice(0)) real(...values);
      }
    },
  };
};
