// What the guard does where the browser has Global Privacy Control on and no header came.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./fake.mjs";

const ON = { navigator: { globalPrivacyControl: true } };
const AGREED = { decided: "true", granted: "advertising analytics session unclassified", services: "" };
const COOKIE = "cookie_consent_gpc=1;Path=/;SameSite=Lax;Secure";
const policies = ({ added }) => added.filter(({ httpEquiv }) => httpEquiv === "Content-Security-Policy");

test("a choice made without the signal does not cover sale and sharing, and the page comes again", () => {
  const { window, writes, page } = load({ dataset: AGREED, globals: ON, keeps: true });
  assert.deepEqual([...window.cookieConsent.state.granted], ["analytics", "session"]);
  assert.equal(window.cookieConsent.allows("advertising"), false);
  assert.deepEqual(writes, [COOKIE]);
  assert.equal(policies(page).length, 1);
  assert.deepEqual(page.left, ["reload"]);
});

test("a page that answered a form is asked for, not sent again", () => {
  const { page } = load({ dataset: { ...AGREED, method: "POST" }, globals: ON, keeps: true });
  assert.deepEqual(page.left, ["/a/b?q=1"]);
});

test("where no cookie can be written the page does not come again for ever", () => {
  const { page } = load({ dataset: AGREED, globals: ON });
  assert.equal(policies(page).length, 1);
  assert.deepEqual(page.left, []);
});

test("a page that comes unchanged in spite of the cookie is shut and stays", () => {
  const { page } = load({ dataset: AGREED, globals: ON, keeps: true, cookies: ["cookie_consent_gpc=1"] });
  assert.equal(policies(page).length, 1);
  assert.deepEqual(page.left, []);
});

test("before a choice the server is told, and the page stays", () => {
  const { writes, page } = load({ globals: ON, keeps: true });
  assert.deepEqual(writes, [COOKIE]);
  assert.equal(policies(page).length, 0);
  assert.deepEqual(page.left, []);
});

test("a choice in sight of the signal holds, and the server is told for the next one", () => {
  const { window, writes, page } = load({ dataset: { ...AGREED, sight: "1" }, globals: ON, keeps: true });
  assert.equal(window.cookieConsent.allows("advertising"), true);
  assert.deepEqual(writes, [COOKIE]);
  assert.deepEqual(page.left, []);
});

test("what the server has seen is not told again", () => {
  const { window, writes } = load({ dataset: { ...AGREED, gpc: "1" }, globals: ON, keeps: true });
  assert.equal(window.cookieConsent.allows("advertising"), true);
  assert.deepEqual(writes, []);
});

test("the cookie goes once the signal is off", () => {
  const { document, writes, page } = load({ dataset: AGREED, cookies: ["a=b", "cookie_consent_gpc=1"] });
  assert.deepEqual(writes, []);
  assert.ok(document.cookie); // from now on, cookies are in use
  assert.deepEqual(writes, ["cookie_consent_gpc=;Max-Age=0;Path=/;SameSite=Lax;Secure"]);
  assert.deepEqual(page.left, []);
});

test("without the signal nothing is written", () => {
  const { window, writes, page } = load({ dataset: AGREED });
  assert.equal(window.cookieConsent.allows("advertising"), true);
  assert.deepEqual([writes, page.left, policies(page)], [[], [], []]);
});
