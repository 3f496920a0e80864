// Prints where the guard's mirror leads each of the addresses that it is given; null where it leaves one alone.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { sources, libraries, names, addresses } = JSON.parse(readFileSync(0, "utf8"));
const nodeFor = (address) => ({
  localName: "script",
  address,
  getAttribute() {
    return this.address;
  },
  setAttribute(_, value) {
    this.address = value;
  },
});
const globals = {
  URL,
  URLSearchParams,
  self: { origin: "https://site.example" },
  document: { baseURI: "https://site.example/page", querySelector: () => null },
};
const { leadIn } = vm.runInNewContext(`${sources}; makeMirror(libraries, "*", "/m/", () => names, {})`, {
  ...globals,
  libraries,
  names,
});
const led = (address) => {
  const node = nodeFor(address);
  return leadIn(node) ? node.address.slice("/m/".length) : null;
};
console.log(JSON.stringify(addresses.map(led)));
