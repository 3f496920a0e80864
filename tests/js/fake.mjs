// As much of a browser as the guard needs: a document, cookies, storage and events, none of it clever.
import { readFileSync } from "node:fs";
import vm from "node:vm";

class Events {
  #listeners = [];
  addEventListener(type, listener) {
    this.#listeners.push([type, listener]);
  }
  dispatchEvent(event) {
    for (const [type, listener] of [...this.#listeners]) {
      if (type === event.type && !event.isStopped) listener.call(this, event);
    }
  }
}

const makeEvent = (type, more = {}) => ({
  type,
  ...more,
  isStopped: false,
  stopImmediatePropagation() {
    this.isStopped = true;
  },
});

const known = (address) => readFileSync(`${process.env.GUARDS}/${address.split("/assets/")[1]}`, "utf8");

// Loads the guard into a page; `served` is what GET state answers. With `keeps` written cookies can be read. `failure`
// is how the rules of the registry fail to come: `isOffline`, `isSyncForbidden`, or `instead` of them.
export const load = ({
  unknown = "session",
  dataset = {},
  served = null,
  globals = {},
  cookies = [],
  keeps = false,
  failure = {},
} = {}) => {
  const page = { writes: [], sent: [], left: [], timers: [], channels: [], added: [], asked: [], jar: [...cookies] };
  page.script = {
    src: "https://site.test/_consent/assets/guard.0.js",
    dataset: { decided: "false", granted: "session", services: "", ...dataset },
  };
  Object.assign(page, failure);
  class CustomEvent {
    constructor(type, { detail } = {}) {
      Object.assign(this, makeEvent(type, { detail }));
    }
  }
  class Document extends Events {
    get currentScript() {
      return page.script;
    }
    get cookie() {
      return page.jar.join("; ");
    }
    set cookie(text) {
      page.writes.push(text);
      if (keeps) page.jar.push(text.split(";")[0]);
    }
  }
  class Storage {
    getItem(key) {
      return Object.hasOwn(this, key) ? this[key] : null;
    }
    setItem(key, value) {
      this[key] = `${value}`;
    }
    removeItem(key) {
      delete this[key];
    }
  }
  class BroadcastChannel {
    constructor(name) {
      Object.assign(this, { name, posted: [] });
      page.channels.push(this);
    }
    postMessage(data) {
      this.posted.push(data);
    }
    close() {
      this.isClosed = true;
    }
  }
  class HTMLLinkElement {
    setAttribute() {}
  }
  class HTMLFormElement {
    get action() {
      return this.address;
    }
    get target() {
      return "";
    }
    submit() {
      page.left.push(this.address);
    }
  }
  // Only what the guard asks for at once. It uses the functions of the prototype, and each page has its own.
  class XMLHttpRequest {
    open(_, address) {
      this.address = address;
    }
    send() {
      page.asked.push(this.address);
      if (page.isOffline || page.isSyncForbidden || !this.address.endsWith("/known.json"))
        throw new TypeError("offline");
      this.responseText = page.instead ?? known(this.address);
    }
  }
  const window = new Events();
  const document = new Document();
  Object.assign(document, {
    readyState: "loading",
    querySelector: () => null,
    querySelectorAll: () => [],
    createElement: (name) => ({ localName: name }),
    head: { append: (node) => page.added.push(node) },
  });
  const location = {
    protocol: "https:",
    hostname: "www.site.test",
    pathname: "/a/b",
    search: "?q=1",
    reload: () => page.left.push("reload"),
    replace: (to) => page.left.push(to),
    assign: (to) => page.left.push(to),
  };
  Object.assign(window, {
    window,
    self: window,
    document,
    location,
    Document,
    Storage,
    HTMLFormElement,
    HTMLLinkElement,
    CustomEvent,
    BroadcastChannel,
    XMLHttpRequest,
    navigator: {},
    length: 0,
    URL,
    URLSearchParams,
    atob,
    DOMException,
    addEventListener: window.addEventListener.bind(window),
    dispatchEvent: window.dispatchEvent.bind(window),
    setTimeout: (run) => page.timers.push(run),
    clearTimeout: () => {},
    fetch: async (address, options = {}) => {
      page.sent.push([address, options]);
      if (address.endsWith("/known.json")) {
        if (page.isOffline) throw new TypeError("offline");
        return { ok: !page.instead, json: async () => JSON.parse(page.instead ?? known(address)) };
      }
      return { ok: served !== null, json: async () => served };
    },
    ...globals,
  });
  for (const name of ["localStorage", "sessionStorage"]) {
    const area = new Storage();
    if (!(name in globals)) Object.defineProperty(window, name, { get: () => area, configurable: true });
  }
  const context = vm.createContext(window);
  const source = readFileSync(`${process.env.GUARDS}/${unknown}.js`, "utf8");
  vm.runInContext(source, context);
  page.script = null;
  // What a script of this address asks the guard by its event.
  const meet = (detail, src = "https://site.test/_consent/assets/banner.0.js") => {
    page.script = src && { src };
    window.dispatchEvent(new CustomEvent("cookieconsent:guard", { detail }));
    page.script = null;
    return detail;
  };
  const emit = (type, more) => {
    if (type === "load") document.readyState = "complete";
    return window.dispatchEvent(makeEvent(type, more));
  };
  const tick = () => {
    for (const run of page.timers.splice(0)) run();
  };
  return { ...page, page, window, document, source, emit, meet, tick, run: (code) => vm.runInContext(code, context) };
};
