// Holds the images that a script makes: those of services on the site's own hosts, and with an enforced policy all
// others, which browsers would log one by one. A held address becomes one without a host: browsers ask nobody for it, say
// nothing, and let the image fail as for what the policy stops, with its event. The page's scripts read what they have
// written. Returns a function that instruments a window.
const makeImages = ({ isRefusedServer, isOwn }) => {
  const INERT = "https://#consent-image/";
  const read = (text) => (typeof text === "string" && text.includes(INERT) ? text.split(INERT).join("") : text);
  const heldValue = (node, name, value, again) => {
    const held = (address) => {
      const isRefused = isRefusedServer(
        address,
        isOwn(address) ? again : undefined, // for others this page's policy stays as it is
        { isOwnOnly: !rules.enforced, marks: { node } },
      );
      return isRefused ? INERT + address : address;
    };
    if (name === "src") return value && held(value);
    return value.replace(CANDIDATES, (whole, address) => whole.replace(address, () => held(address)));
  };
  const setterOf = (name) => (node, value) => {
    const again = () => {
      const isUnchanged = node.getAttribute(name) === value;
      if (isUnchanged && heldValue(node, name, value, again) === value) node[name] = value;
    };
    return heldValue(node, name, value, again);
  };

  return (realm) => {
    for (const [kind, names] of [
      ["HTMLImageElement", ["src", "srcset"]],
      ["HTMLSourceElement", ["srcset"]],
    ]) {
      const prototype = realm[kind]?.prototype;
      if (!prototype) continue;
      guardAttributes(prototype, Object.fromEntries(names.map((name) => [name, setterOf(name)])));
      for (const name of names) {
        const getter = (get) =>
          function () {
            const value = get.call(this);
            return value.includes(INERT) && name === "src" ? new URL(read(value), document.baseURI).href : read(value);
          };
        wrap(prototype, name, getter, "get");
      }
      const { getAttribute } = prototype;
      const value = function (...values) {
        return read(getAttribute.apply(this, values));
      };
      Object.defineProperty(prototype, "getAttribute", { value, configurable: true, writable: true });
    }
    // An editor stores the markup that it reads.
    const reader = (get) =>
      function (...values) {
        return read(get.apply(this, values));
      };
    for (const owner of [realm.Element?.prototype, realm.ShadowRoot?.prototype]) {
      wrap(owner, "innerHTML", reader, "get");
      wrap(owner, "outerHTML", reader, "get");
      wrap(owner, "getHTML", reader);
    }
    wrap(realm.XMLSerializer?.prototype, "serializeToString", reader);
  };
};
