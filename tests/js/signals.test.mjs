// What vendors are told: when, and what becomes of it where the page takes their lists in hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./fake.mjs";

const OWNERS = [["", "analytics"]];
const DEFAULT = ["default", "list", ["queue"], ["default"], OWNERS, OWNERS];
const UPDATE = ["update", "list", ["queue"], ["update"], OWNERS, OWNERS];
const GRANT = ["grant", "list", ["queue"], ["grant"], OWNERS];
const REFUSE = ["refuse", "list", ["queue"], ["refuse"], OWNERS];
const LIFT = ["lift", "list", ["queue"], ["lift"], OWNERS];
const KEEPS = [["granted", "denied"], 0, "", 1];
const EAGER = [...UPDATE, ...KEEPS];
const LATER = [...REFUSE, null, ...KEEPS];

const stateOf = (granted, more) => ({
  decided: true,
  granted: ["session", ...granted],
  refused: [],
  services: {},
  id: "0",
  policy_version: "1",
  decided_at: "2026-11-01T00:00:00+00:00",
  ...more,
});
const open = (rows, dataset = {}, globals = {}) => {
  const served = {};
  const page = load({
    served,
    dataset: { signals: JSON.stringify(rows), ...dataset },
    globals: { queueMicrotask, ...globals },
  });
  const choose = (granted, more) => {
    Object.assign(served, stateOf(granted, more));
    return page.window.cookieConsent.refresh();
  };
  const read = (code) => JSON.parse(page.run(`JSON.stringify(${code})`) ?? "null");
  return { ...page, choose, read, said: () => read("queue").map((call) => call.join(" ")) };
};
const AGREED = { decided: "true", granted: "session analytics" };
const REFUSED = { decided: "true" };

test("who has accepted is told of although something new is to be chosen", () => {
  const isTold = (dataset) => open([UPDATE], dataset).said();
  assert.deepEqual(isTold({}), []);
  assert.deepEqual(isTold(REFUSED), ["update denied"]);
  assert.deepEqual(isTold(AGREED), ["update granted"]);
  assert.deepEqual(isTold({ ...AGREED, decided: "false", pending: "acme" }), ["update granted"]);
  const owners = [["acme", "analytics"]];
  const row = ["update", "list", ["queue"], ["update"], owners, owners];
  assert.deepEqual(open([row], { services: "acme=1" }).said(), ["update granted"]); // by a placeholder
});

test("a vendor that keeps the last answer hears when a choice has run out", async () => {
  const page = open([EAGER]);
  assert.deepEqual(page.said(), ["update denied"]);
  await page.choose([]);
  assert.deepEqual(page.said(), ["update denied"], "that is no news");
  await page.choose(["analytics"]);
  assert.deepEqual(page.said(), ["update denied", "update granted"]);
});

test("a refusal that nobody made is not said to who would keep it", async () => {
  const page = open([REFUSE, LATER.with(3, ["kept"])]);
  assert.deepEqual(page.said(), ["refuse"]);
  await page.choose([]);
  assert.deepEqual(page.said(), ["refuse", "kept"]);
  assert.deepEqual(open([LATER], REFUSED).said(), ["refuse"]);
  const left = open([LATER], AGREED);
  assert.deepEqual(left.said(), []);
  await left.choose([], { decided: false });
  assert.deepEqual(left.said(), ["refuse"], "it was allowed here, and is no more");
});

test("what a refusal has set is lifted before the grant, and only then", async () => {
  assert.deepEqual(open([LIFT, GRANT], AGREED).said(), ["grant"]);
  const page = open([REFUSE, LIFT, GRANT]);
  await page.choose(["analytics"]);
  assert.deepEqual(page.said(), ["refuse", "lift", "grant"]);
});

test("a list is there from the beginning, and a function is not", () => {
  const call = ["refuse", "call", ["track"], ["no"], OWNERS];
  const method = ["refuse", "method", ["object"], ["no"], OWNERS];
  const page = open([DEFAULT, call, method]);
  assert.equal(page.run("Array.isArray(window.queue)"), true);
  assert.deepEqual(page.read("[typeof track, typeof object]"), ["undefined", "undefined"]);
  page.run("var queue = window.queue = window.queue || []; queue.push(['page'])");
  assert.deepEqual(page.said(), ["default denied", "page"]);
});

test("a page's own list is told before all else that comes", () => {
  const page = open([DEFAULT]);
  page.run("queue = [['page']]; queue.push(['more'])");
  assert.deepEqual(page.said(), ["page", "default denied", "more"]);
});

test("a copy of a list has what was told, and a new list hears only what holds", async () => {
  const event = ["update", "items", ["queue"], [["event"]], OWNERS];
  for (const copy of ["queue.concat([['x']])", "[['x'], ...queue]", "new Proxy(queue, {})"]) {
    const page = open([DEFAULT, UPDATE, event], REFUSED);
    const before = page.said();
    page.run(`queue = ${copy}`);
    assert.deepEqual(
      page.said().filter((call) => call !== "x"),
      before,
      copy,
    );
  }
  const page = open([DEFAULT, UPDATE, GRANT, LATER]);
  await page.choose([]);
  await page.choose(["analytics"]);
  const all = ["default denied", "refuse", "update granted", "grant"];
  assert.deepEqual(page.said(), ["default denied", "update denied", ...all.slice(1)]);
  page.run("queue = queue.concat([]); queue = []");
  assert.deepEqual(page.said(), ["default denied", "update granted", "grant"]);
  page.choose([]); // the page is left, and says so before
  await null;
});

test("what comes up while a vendor is told is told too", async () => {
  const call = ["update", "call", ["hear"], [], OWNERS, OWNERS];
  const page = open([call, UPDATE], {}, { again: null });
  page.run("var heard = []; function listen(word) { heard.push(word); again?.(); }; hear = listen");
  await page.choose([]);
  let answer;
  page.window.again = () => {
    page.window.again = null;
    answer = page.choose(["analytics"]);
  };
  page.run("hear = (word) => { heard.push(word); again?.() }");
  await page.choose([], { decided: false });
  await answer;
  assert.equal(page.read("heard").at(-1), "granted");
  assert.equal(page.said().at(-1), "update granted");
});

test("what a page has set up stays, but for a state", () => {
  const set = (path, value, ...state) => ["default", "set", path.split("."), value, OWNERS, ...state];
  const rows = [set("own.mode", ["v2"]), set("own.consent.products", [["PA"]])];
  const page = open([...rows, set("own.consent.preset.PA", [], OWNERS)], AGREED);
  const ours = { mode: "v2", consent: { products: ["PA"], preset: { PA: "granted" } } };
  assert.deepEqual(page.read("own"), ours);
  page.run("own = { mode: 'v1', consent: { products: ['PA', 'DMP'], preset: { PA: 'essential', DMP: 'x' } } }");
  const theirs = { products: ["PA", "DMP"], preset: { PA: "granted", DMP: "x" } };
  assert.deepEqual(page.read("own"), { mode: "v1", consent: theirs });
});

test("an answer comes once the page has asked, and a long list is read once", () => {
  const answer = [...GRANT, null, ["granted", "denied"], 0, "ask"];
  const page = open([answer], AGREED);
  page.run(`
    var reads = 0;
    for (let at = 0; at < 300; at += 1) {
      const item = ["page"];
      Object.defineProperty(item, "0", { get: () => ((reads += 1), "page") });
      queue.push(item);
    }`);
  assert.ok(page.read("reads") <= 300);
  page.run("queue.push(['ask']); queue.push(['page'])");
  assert.deepEqual(page.said().slice(300), ["ask", "grant", "page"]);
});
