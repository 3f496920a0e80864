// Activates what the visitor has allowed: restores what the server has held on the page, and runs its scripts in order.
// `allows` is for a category and a service, `isAllowed` for a node, and `trees` returns where held nodes may be. `update`
// takes the placeholders of allowed services away.
const makeActivation = ({ allows, isAllowed, trees, update, inert }) => {
  // The attributes that the server renames to hold them: PREFIX is put before their names.
  const PREFIX = "data-consent-";
  const HELD = [
    "sandbox",
    "src",
    "srcset",
    "href",
    "xlink:href",
    "poster",
    "data",
    "imagesrcset",
    "background",
    "ping",
    "content",
    "srcdoc",
    "codebase",
    "archive",
    "code",
    "classid",
    "value",
    "attributionsrc",
    "to",
    "from",
    "by",
    "values",
  ];
  const XLINK = "http://www.w3.org/1999/xlink";

  const thaw = (css) => css.replace(inert, (mark, category, service) => (allows(category, service) ? "" : mark));

  // Restores the addresses in styles whose services are allowed.
  const thawStyles = (node) => {
    for (const { name, value } of [...node.attributes]) {
      if (value.includes("https://#consent/")) node.setAttribute(name, thaw(value));
    }
    if (node.localName === "style") {
      const css = thaw(node.textContent);
      if (css !== node.textContent) node.textContent = css;
    }
  };

  // The attributes that the server keeps beside the held ones: allowed candidates, and the placeholder's document.
  const SHARED = ["srcset", "imagesrcset", "srcdoc"];

  // Restores the attributes that the server renamed. A value that a lazy loader has set in the meantime is kept, unless
  // it is a placeholder.
  const restore = (node) => {
    const isPlaced = node.hasAttribute("data-consent-placeholder");
    if (isPlaced && !node.hasAttribute("srcdoc")) node.removeAttribute("src"); // the placeholder's own address
    for (const name of HELD) {
      const value = node.getAttribute(PREFIX + name);
      if (value === null) continue;
      node.removeAttribute(PREFIX + name);
      // Links are never held. Users' markup may contain data attributes, and must not become a link here.
      if (name.endsWith("href") && /^(a|area|base)$/.test(node.localName)) continue;
      if (!SHARED.includes(name) && !/^(data:|$)/i.test(node.getAttribute(name) ?? "")) continue;
      if (name === "xlink:href") node.setAttributeNS(XLINK, name, value);
      else node.setAttribute(name, value);
    }
    if (isPlaced) {
      node.removeAttribute("data-consent-placeholder");
      node.removeAttribute("srcdoc");
    }
    node.removeAttribute("data-consent");
    node.removeAttribute("data-consent-service");
  };

  // Elements whose attributes browsers read only once, on insertion.
  const isReadOnce = (node) =>
    node.localName === "meta" ||
    node.getAttribute("type") === "text/plain" ||
    node.hasAttribute(`${PREFIX}imagesrcset`) ||
    node.hasAttribute(`${PREFIX}code`) ||
    node.namespaceURI === "http://www.w3.org/2000/svg";

  // Returns a restored copy to insert, for scripts and other elements that browsers read only on insertion.
  const renew = (old) => {
    const node = document.createElementNS(old.namespaceURI, old.localName);
    for (const { name, value } of old.attributes) {
      if (name !== "type" && name !== "nonce" && name !== `${PREFIX}type`) node.setAttribute(name, value);
    }
    const isText = /^(script|style)$/.test(old.localName);
    const type = old.getAttribute(`${PREFIX}type`) ?? (isText ? null : old.getAttribute("type"));
    if (type !== null) node.setAttribute("type", type);
    if (old.nonce) node.nonce = old.nonce;
    restore(node);
    node.append(...old.childNodes);
    return node;
  };

  const runs = (script) =>
    /^$|^module$|^(text|application)\/(x-)?(java|ecma)script$/i.test((script.getAttribute("type") ?? "").trim()) &&
    !script.hasAttribute("nomodule");

  // document.write() would erase a page that has loaded. So what a script writes is inserted after the script.
  const write = (...parts) => {
    const script = document.currentScript;
    if (script) script.after(document.createRange().createContextualFragment(parts.join("")));
  };

  // Runs scripts as the parser would have: classic ones in order, an inline one only when those before it are done,
  // then deferred ones and modules. Async ones run as they arrive.
  const runScripts = async (scripts) => {
    const late = (node) =>
      !node.hasAttribute("async") &&
      (node.getAttribute(`${PREFIX}type`) === "module" ||
        (node.hasAttribute("defer") && node.hasAttribute(`${PREFIX}src`)));
    const own = Object.getOwnPropertyDescriptor(document, "write");
    const ownLine = Object.getOwnPropertyDescriptor(document, "writeln");
    document.write = document.writeln = write;
    let earlier = [];
    for (const old of [...scripts.filter((node) => !late(node)), ...scripts.filter(late)]) {
      const external = old.hasAttribute(`${PREFIX}src`);
      if (!external && earlier.length) {
        await Promise.all(earlier);
        earlier = [];
      }
      if (!old.isConnected) continue;
      const script = renew(old);
      if (!script.hasAttribute("async")) {
        script.async = false;
        if (external && runs(script)) {
          earlier.push(
            new Promise((done) => {
              script.addEventListener("load", done);
              script.addEventListener("error", done);
            }),
          );
        }
      }
      old.replaceWith(script);
    }
    await Promise.all(earlier);
    for (const [name, descriptor] of [
      ["write", own],
      ["writeln", ownLine],
    ]) {
      if (descriptor) Object.defineProperty(document, name, descriptor);
      else delete document[name];
    }
  };

  return async () => {
    update(); // a script may demand that its place is empty
    const scripts = [];
    for (const [tree, isInert] of [...trees()]) {
      // A style that arrived in pieces is not marked as held if only a later piece is.
      for (const node of tree.querySelectorAll("[data-consent], style")) {
        thawStyles(node);
        if (!node.hasAttribute("data-consent") || !isAllowed(node)) continue;
        const name = node.localName;
        if (name === "script" && !isInert) scripts.push(node);
        else if (isReadOnce(node)) node.replaceWith(renew(node));
        else {
          restore(node);
          const media = node.parentNode;
          if (name === "source" && media instanceof HTMLMediaElement) media.load();
        }
      }
    }
    if (scripts.length) await runScripts(scripts);
  };
};
