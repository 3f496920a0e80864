// The job of rewriter.py done by html-rewriter-wasm (npm): prints one line of JSON with its rate in MB/s.
// node benchmarks/peers.mjs CHUNK ROUNDS FILE... ; needs "npm install html-rewriter-wasm" in a folder of NODE_PATH.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { HTMLRewriter } = createRequire(join(process.env.NODE_PATH ?? process.cwd(), "x.js"))("html-rewriter-wasm");
const [chunk, rounds, selector, names, ...files] = process.argv.slice(2);
const pages = files.map((file) => readFileSync(file));
const total = pages.reduce((sum, page) => sum + page.length, 0);
let held = 0;
const handler = {
  element(element) {
    for (const name of names.split(" ")) {
      const value = element.getAttribute(name);
      if (value === null || !/^(\/\/|http)/.test(value)) continue;
      held += 1;
      element.removeAttribute(name);
      element.setAttribute(`data-${name}`, value);
      element.setAttribute("data-consent", "unclassified");
    }
  },
};
let best = Number.POSITIVE_INFINITY;
for (let round = 0; round < Number(rounds); round++) {
  held = 0;
  const start = performance.now();
  for (const page of pages) {
    const rewriter = new HTMLRewriter(() => {});
    rewriter.on(selector, handler);
    for (let at = 0; at < page.length; at += Number(chunk)) await rewriter.write(page.subarray(at, at + Number(chunk)));
    await rewriter.end();
    rewriter.free();
  }
  best = Math.min(best, performance.now() - start);
}
console.log(JSON.stringify({ rate: total / best / 1e3, held }));
