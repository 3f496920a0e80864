// Holds what services load from the site's own hosts: no policy can tell that from what the site itself loads. These are
// requests by fetch, XMLHttpRequest and beacon, and the scripts that a script makes. Returns a function that instruments a
// window. `isRefusedOwn` judges an address by its marks, and records it. What is in markup is held in contacts.js, images
// in images.js.
const makeOwn = (isRefusedOwn) => {
  const UNREAD = {};
  // Returns the parameters of a body, or `UNREAD` if it cannot be read at once.
  const parametersOf = (body) => {
    if (body == null) return undefined;
    if (typeof body === "string") return new URLSearchParams(body);
    return typeof body.get === "function" ? body : UNREAD;
  };
  const mayAsk = (address, body) => !isRefusedOwn(address, { body: parametersOf(body) });
  const mayLoad = (node, src) => {
    const again = () => {
      if (!node.getAttribute("src")) node.src = src;
    };
    return !src || !isRefusedOwn(src, { node }, again);
  };
  // A script may get its attributes after its address, and runs when it is inserted.
  const disarm = (node) => {
    if (!mayLoad(node, node.getAttribute("src"))) node.removeAttribute("src");
  };
  const disarmAll = (nodes) => {
    for (const node of nodes) {
      if (node?.localName === "script") disarm(node);
      else if (node?.firstElementChild) for (const inner of node.querySelectorAll("script[src]")) disarm(inner);
    }
  };

  return (realm) => {
    wrap(
      realm,
      "fetch",
      (native) =>
        function (...values) {
          const [input, init] = values;
          const body = init?.body ?? (/^(GET|HEAD)$/.test(input?.method ?? "GET") ? null : UNREAD);
          if (mayAsk(input?.url ?? input, body)) return native.apply(this ?? realm, values);
          return Promise.reject(new TypeError("Failed to fetch")); // as for what the policy stops
        },
    );
    const requests = realm.XMLHttpRequest?.prototype;
    const asked = new WeakMap();
    const { open } = requests ?? {};
    wrap(
      requests,
      "open",
      (native) =>
        function (...values) {
          asked.set(this, values);
          return native.apply(this, values);
        },
    );
    wrap(
      requests,
      "send",
      (send) =>
        function (...values) {
          const [, address, isAsync = true] = asked.get(this) ?? [];
          // An address that browsers ask nobody for makes the request fail as one that the policy stops.
          if (address !== undefined && !mayAsk(address, values[0])) open.call(this, "GET", "about:invalid", isAsync);
          return send.apply(this, values);
        },
    );
    wrap(
      realm.Navigator?.prototype,
      "sendBeacon",
      (send) =>
        function (...values) {
          return mayAsk(values[0], values[1]) ? send.apply(this, values) : true;
        },
    );
    guardAttributes(realm.HTMLScriptElement?.prototype, { src: mayLoad });
    const inserting = (insert) =>
      function (...values) {
        if (this.isConnected !== false) disarmAll(values); // a range has no such property
        return insert.apply(this, values);
      };
    for (const name of ["appendChild", "insertBefore", "replaceChild"]) wrap(realm.Node?.prototype, name, inserting);
    for (const kind of ["Element", "CharacterData", "Document", "DocumentFragment"]) {
      for (const name of ["append", "prepend", "replaceChildren", "before", "after", "replaceWith"]) {
        wrap(realm[kind]?.prototype, name, inserting);
      }
    }
    wrap(realm.Element?.prototype, "insertAdjacentElement", inserting);
    wrap(realm.Range?.prototype, "insertNode", inserting);
  };
};
