import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { load } from "./fake.mjs";

const { cases } = JSON.parse(readFileSync(new URL("cookie_cases.json", import.meta.url), "utf8"));
const datasetOf = ({ granted = [], services = {} }) => ({
  decided: "true",
  granted: ["session", ...granted].join(" "),
  services: Object.entries(services)
    .map(([id, on]) => `${id}=${on ? 1 : 0}`)
    .join(" "),
});
const state = (granted, services = {}) => ({
  decided: true,
  granted: ["session", ...granted],
  refused: [],
  services,
  id: "0",
  policy_version: "1",
  decided_at: "2026-11-01T00:00:00+00:00",
});

test("every cookie of the table is written as the server would send it", () => {
  for (const row of cases) {
    const { document, page } = load({ unknown: row.unknown, dataset: datasetOf(row) });
    document.cookie = row.cookie;
    assert.deepEqual(page.writes, row.sent === null ? [] : [row.sent], row.why);
  }
});

test("the cookie store gives the same answers", async () => {
  for (const row of cases) {
    const [pair, ...attributes] = row.cookie.split(";");
    if (attributes.length || !pair.includes("=")) continue;
    const set = [];
    class CookieStore {
      async set(...values) {
        set.push(values);
      }
      addEventListener() {}
    }
    const { window } = load({
      unknown: row.unknown,
      dataset: datasetOf(row),
      globals: { CookieStore, cookieStore: new CookieStore() },
    });
    const [name, value] = [pair.slice(0, pair.indexOf("=")).trim(), pair.slice(pair.indexOf("=") + 1)];
    await window.cookieStore.set(name, value);
    await window.cookieStore.set({ name, value, expires: Date.now() + 1e12 });
    assert.equal(set.length, row.sent === null ? 0 : 2, row.why);
  }
});

test("what nobody has answered is not refused, but for what a signal refuses", () => {
  const names = ({ refused, unanswered }) => [[...refused], [...unanswered]];
  const of = (dataset) =>
    names(load({ dataset: { decided: "false", granted: "session", ...dataset } }).window.cookieConsent.state);
  const sold = ["advertising", "social", "unclassified"];
  const rest = ["login", "preferences", "analytics"];
  const [refused, unanswered] = of({});
  assert.deepEqual([refused, new Set(unanswered)], [[], new Set([...rest, ...sold])]);
  assert.deepEqual(of({ services: "acme=1" })[0], []);
  assert.deepEqual(of({ gpc: "1" }), [sold, rest]);
  assert.deepEqual(of({ decided: "true" })[1], []);
});

test("refused storage is swallowed, the rest stays", () => {
  const { window } = load({ dataset: datasetOf({}) });
  window.localStorage.setItem("_ga", "1");
  window.localStorage.setItem("cart", "2");
  window.sessionStorage.setItem("acme_x", "1");
  assert.equal(window.localStorage.getItem("_ga"), null);
  assert.equal(window.localStorage.getItem("cart"), "2");
  assert.equal(window.sessionStorage.getItem("acme_x"), null);
});

test("what was held back is done once it is allowed, the latest of each name", async () => {
  const { window, document, page } = load({ dataset: datasetOf({}), served: state(["preferences"]) });
  document.cookie = "theme=dark";
  document.cookie = "theme=light";
  document.cookie = "acme=1";
  window.localStorage.setItem("chat", "open");
  assert.deepEqual(page.writes, []);
  await window.cookieConsent.refresh();
  assert.deepEqual(page.writes, ["theme=light"]);
  assert.equal(window.localStorage.getItem("chat"), "open");
  assert.deepEqual(page.left, []);
});

test("refused cookies are expired on load: host, parents, known paths and the page's own", () => {
  const { emit, page } = load({ cookies: ["acme=1", "cart=2", "remember=3"] });
  assert.deepEqual(page.writes, []);
  emit("load", {});
  assert.ok(page.writes.every((text) => text.startsWith("acme=;Max-Age=0;")));
  for (const part of ["Path=/;Secure", "Path=/a/b;Domain=www.site.test;Secure", "Path=/a/;Domain=site.test;Secure"])
    assert.ok(page.writes.includes(`acme=;Max-Age=0;${part}`), part);
  assert.ok(!page.writes.some((text) => /Domain=test\b/.test(text)));
});

test("a withdrawal clears and leaves, a grant does not", async () => {
  const grant = load({ dataset: datasetOf({}), served: state(["analytics"]) });
  await grant.window.cookieConsent.refresh();
  assert.deepEqual(grant.page.left, []);
  const served = state([]);
  const { window, page } = load({ dataset: datasetOf({ granted: ["analytics"] }), served });
  window.localStorage.setItem("acme", "1");
  await window.cookieConsent.refresh();
  assert.equal(window.localStorage.getItem("acme"), null);
  assert.deepEqual(page.left, ["reload"]);
  assert.deepEqual(grant.page.added, []);
  assert.match(page.added[0].content, /^default-src 'self' /, "nothing reaches another host until the page is left");
});

test("a page that the browser kept asks no other host if consent was withdrawn meanwhile", async () => {
  const kept = load({ dataset: datasetOf({ granted: ["analytics"] }), served: state([]) });
  kept.window.localStorage["cookie_consent.state"] = '[true,["session"],{}]';
  kept.emit("pageshow", { persisted: true });
  assert.equal(kept.page.added[0].httpEquiv, "Content-Security-Policy");
  await new Promise(setImmediate);
  assert.ok(kept.page.left.includes("reload"));
  const more = load({ dataset: datasetOf({}), served: state(["analytics"]) });
  more.window.localStorage["cookie_consent.state"] = '[true,["session","analytics"],{}]';
  more.emit("pageshow", { persisted: true });
  await new Promise(setImmediate);
  assert.deepEqual([more.page.added, more.page.left], [[], []]);
});

test("a choice that is sent as a form makes other pages ask the server", async () => {
  const { emit, page, window } = load({ dataset: datasetOf({}) });
  emit("submit", { target: { address: "/x", action: "https://site.test/elsewhere" } });
  emit("pagehide", {});
  const posted = () => page.channels.flatMap((channel) => channel.posted);
  assert.deepEqual(posted(), []);
  emit("submit", { target: { address: "/x", action: "https://site.test/_consent/choices" } });
  emit("pagehide", {});
  assert.deepEqual(posted(), [""]);
  assert.equal(window.localStorage.getItem("cookie_consent.state"), "");
});

test("what only a new document can do is known by its category and service", () => {
  const { document, run, window } = load({ dataset: { ...datasetOf({}), held: "analytics/acme preferences/-" } });
  const link = {};
  window.dispatchEvent(new window.CustomEvent("cookieconsent:guard", { detail: link }));
  assert.equal(
    link.isLost((category, service) => category === "analytics" && service === "acme"),
    true,
  );
  assert.equal(
    link.isLost((category) => category === "preferences"),
    true,
  );
  assert.equal(
    link.isLost((category) => category === "advertising"),
    false,
  );
  document.cookie = "theme=dark"; // done again when it is allowed
  run("localStorage.setItem('chat', '1')");
  const { window: other } = load({ dataset: datasetOf({}) });
  const second = {};
  other.dispatchEvent(new other.CustomEvent("cookieconsent:guard", { detail: second }));
  assert.equal(
    second.isLost(() => true),
    false,
  );
});

test("a key that a script sets past the guard is taken away, and put back when it is allowed", async () => {
  const { emit, window } = load({ dataset: datasetOf({}), served: state(["preferences"]) });
  window.localStorage.chat = "open";
  emit("load", {});
  assert.equal(window.localStorage.getItem("chat"), null);
  await window.cookieConsent.refresh();
  assert.equal(window.localStorage.getItem("chat"), "open");
});

test("a service that is refused in a granted category is a withdrawal; one that was refused before is none", async () => {
  const withdrawn = load({
    dataset: datasetOf({ granted: ["analytics"] }),
    served: state(["analytics"], { acme: false }),
  });
  await withdrawn.window.cookieConsent.refresh();
  assert.deepEqual(withdrawn.page.left, ["reload"]);
  const none = load({ dataset: datasetOf({}), served: state(["analytics"], { acme: false }) });
  await none.window.cookieConsent.refresh();
  assert.deepEqual(none.page.left, []);
});

test("an answer that comes late does not undo one to a later question", async () => {
  const answers = [];
  const fetch = () => new Promise((done) => answers.push((now) => done({ ok: true, json: async () => now })));
  const { window, page } = load({ dataset: datasetOf({ granted: ["analytics"] }), globals: { fetch } });
  const told = [];
  window.cookieConsent.onChange((now) => told.push([...now.granted]));
  const asked = [window.cookieConsent.refresh(), window.cookieConsent.refresh(), window.cookieConsent.refresh()];
  answers[1](state([]));
  await asked[1];
  assert.deepEqual(page.left, ["reload"]);
  answers[0](state(["analytics"]));
  assert.deepEqual([...(await asked[0]).granted], ["session"]);
  answers[2](state(["analytics"]));
  assert.deepEqual([...(await asked[2]).granted], ["session"], "the page is being left");
  assert.deepEqual(told, []);
});

test("of two answers the one to the later question counts, though nothing is withdrawn", async () => {
  const answers = [];
  const fetch = () => new Promise((done) => answers.push((now) => done({ ok: true, json: async () => now })));
  const { window } = load({ dataset: datasetOf({}), globals: { fetch } });
  const asked = [window.cookieConsent.refresh(), window.cookieConsent.refresh()];
  answers[1](state(["analytics"]));
  await asked[1];
  answers[0](state(["analytics", "preferences"]));
  await asked[0];
  assert.equal(window.cookieConsent.allows("preferences"), false);
});

test("while a page is being left, a withdrawal counts, and nothing is allowed", async () => {
  const dataset = { ...datasetOf({ granted: ["analytics"] }), method: "POST" };
  const answers = [state([]), state(["analytics"])];
  const fetch = async () => ({ ok: true, json: async () => answers.shift() });
  const { window, page, emit } = load({ dataset, globals: { fetch } });
  await window.cookieConsent.refresh();
  await window.cookieConsent.refresh();
  assert.equal(window.cookieConsent.allows("analytics"), false);
  assert.deepEqual(page.left, ["/a/b?q=1"]);
  answers.push(state(["analytics"]));
  emit("pageshow", { persisted: true });
  await new Promise(setImmediate);
  assert.equal(window.cookieConsent.allows("analytics"), true, "it has come back");
});

test("a page that answered a form is fetched without sending the form again", async () => {
  const { window, page } = load({
    dataset: { ...datasetOf({ granted: ["analytics"] }), method: "POST" },
    served: state([]),
  });
  await window.cookieConsent.refresh();
  assert.deepEqual(page.left, ["/a/b?q=1"]);
});

test("a page with another choice makes this one ask the server, not believe it", async () => {
  const { page, emit } = load({ dataset: datasetOf({}), served: state([]) });
  emit("load");
  const [channel] = page.channels;
  channel.onmessage({ data: '[true,["session","analytics"],{}]' });
  await new Promise(setImmediate);
  assert.equal(page.sent.length, 1);
  assert.match(page.sent[0][0], /\/_consent\/state$/);
});

test("no event that a script makes up changes the state", () => {
  const { window, document } = load({ dataset: datasetOf({}) });
  document.dispatchEvent(new window.CustomEvent("cookieconsent:change", { detail: state(["analytics"]) }));
  assert.equal(window.cookieConsent.allows("analytics"), false);
});

test("only the banner's own script makes the banner known, and nothing takes its place", async () => {
  const { window, meet, emit } = load({ dataset: datasetOf({}), served: state([]) });
  const told = [];
  const forged = () => told.push("forged");
  for (const src of [null, "", "https://site.test/own.js", "https://cdn.test/_consent/assets/banner.0.js"]) {
    assert.ok(meet({ answer: forged }, src).guard, "who asks gets the tools");
  }
  meet({}); // a guard that has come with a fragment
  const answers = [window.cookieConsent.refuse()];
  await new Promise(setImmediate);
  assert.deepEqual(told, []);
  meet({ answer: (control) => told.push(control) });
  await Promise.all(answers);
  for (const src of [null, "https://site.test/own.js", undefined]) meet({ answer: forged }, src);
  meet({});
  await window.cookieConsent.refuse();
  assert.deepEqual(told, ["refuse-all", "refuse-all"]);
  emit("load");
  await window.cookieConsent.refuse();
  assert.equal(told.length, 3);
});

test("a banner that comes after the page has loaded is as good", async () => {
  const { window, meet, emit } = load({ dataset: datasetOf({}), served: state([]) });
  emit("load");
  await assert.rejects(window.cookieConsent.refuse(), /no banner/);
  const told = [];
  meet({ answer: (control) => told.push(control) });
  await window.cookieConsent.refuse();
  assert.deepEqual(told, ["refuse-all"]);
});

test("the interface answers for categories and services and cannot be changed", () => {
  const { window } = load({ dataset: datasetOf({ granted: ["analytics"], services: { acme: false, chat: true } }) });
  const api = window.cookieConsent;
  assert.equal(api.allows("analytics"), true);
  assert.equal(api.allows("acme"), false);
  assert.equal(api.allows("chat"), true);
  assert.equal(api.allows("google-analytics"), true);
  assert.equal(api.allows("preferences"), false);
  assert.equal(api.allows("constructor"), false);
  assert.equal(api.allows("session"), true);
  assert.deepEqual([...api.state.granted], ["session", "analytics"]);
  assert.ok(api.state.refused.includes("advertising"));
  assert.throws(() => api.state.granted.push("advertising"));
  assert.throws(() => {
    api.allows = () => true;
  });
  assert.throws(() => api.onChange("no function"), { name: "TypeError" });
});

test("listeners are told, one that fails does not hold up the others, and they can leave", async () => {
  const { window, document, page } = load({ dataset: datasetOf({}), served: state(["analytics"]) });
  const told = [];
  window.cookieConsent.onChange(() => {
    throw new Error("theirs");
  });
  window.cookieConsent.onChange((now) => told.push(["listener", now.granted.length]));
  window.cookieConsent.onChange(() => told.push("gone"))();
  document.addEventListener("cookieconsent:change", ({ detail }) => told.push(["event", detail.granted.length]));
  await window.cookieConsent.refresh();
  await window.cookieConsent.refresh();
  assert.deepEqual(told, [
    ["listener", 2],
    ["event", 2],
  ]);
  assert.equal(page.timers.length >= 1, true);
  assert.equal(window.cookieConsent.state.id, "0");
});

test("names are reported once, after the load, without a value", () => {
  const { window, document, page, emit, tick } = load({ dataset: datasetOf({}) });
  document.cookie = "acme=secret";
  document.cookie = "acme=secret2";
  document.cookie = "what=secret";
  document.cookie = "basket=secret";
  window.localStorage.setItem("_ga", "secret");
  window.localStorage.setItem("cart", "secret");
  assert.equal(page.sent.length, 0);
  document.readyState = "complete";
  emit("load");
  tick();
  const [[address, { body, keepalive }]] = page.sent;
  assert.match(address, /\/_consent\/report$/);
  assert.equal(keepalive, true);
  assert.deepEqual(JSON.parse(body), {
    path: "/a/b",
    held: [
      { kind: "cookie", name: "acme" },
      { kind: "cookie", name: "what" },
      { kind: "storage", name: "_ga" },
    ],
  });
  document.cookie = "acme=3";
  emit("pagehide");
  assert.equal(page.sent.length, 1);
});

// The hosts that the guard reports after errors on a page with these held scripts.
const hostsOfErrors = (errors, scripts) => {
  const { page, document, emit } = load({ dataset: { ...datasetOf({}), site: "site.test" } });
  document.baseURI = "https://www.site.test/a/b";
  document.querySelectorAll = (selector) => {
    assert.equal(selector, "script[data-consent-src]:not([async])");
    return scripts.map((dataset) => ({ dataset }));
  };
  for (const event of errors) emit("error", event);
  emit("pagehide");
  const bodies = page.sent.map(([, { body }]) => JSON.parse(body));
  assert.doesNotMatch(JSON.stringify(bodies), /secret|jQuery/);
  return bodies.flatMap(({ held }) => held.map(({ kind, name }) => [kind, name]));
};

test("where a script of the site fails, the hosts of held scripts are reported, and no message", () => {
  const scripts = [
    { consentSrc: "https://code.jquery.test/secret.js?v=3" },
    { consentSrc: "//code.jquery.test/ui.js", consentType: "text/javascript" },
    { consentSrc: "https://modules.test/m.js", consentType: "module" },
  ];
  const missing = new ReferenceError("jQuery is not defined");
  const own = "https://www.site.test/a/b?secret";
  const found = [["script-error", "code.jquery.test"]];
  for (const [error, filename, expected] of [
    [missing, own, found],
    [new TypeError("jQuery.fn.x is not a function"), "https://static.site.test/own.js", found],
    [new SyntaxError("jQuery"), own, []], // no name is missing
    [new Error("jQuery"), own, []],
    [null, "", []], // "Script error." of a script from another origin
    [undefined, own, []], // an image that could not be loaded
    [missing, "https://other.test/x.js", []],
    [missing, "chrome-extension://abc/x.js", []],
    [missing, "no address", []],
    [{ name: { toString: () => assert.fail } }, own, []],
  ]) {
    assert.deepEqual(hostsOfErrors([{ error, filename }], scripts), expected, `${error} ${filename}`);
  }
  assert.deepEqual(hostsOfErrors([], scripts), []);
  assert.deepEqual(hostsOfErrors([{ error: missing, filename: own }], []), []);
});

test("errors without end are not looked into without end", () => {
  let looks = 0;
  const { window, document, emit } = load({ dataset: datasetOf({}) });
  document.querySelectorAll = () => {
    looks++;
    return [];
  };
  for (let at = 0; at < 1000; at++) {
    emit("error", { error: new TypeError(), filename: `https://${window.location.hostname}/` });
  }
  assert.equal(looks, 20);
});

test("a page that writes endless names does not fill the memory", () => {
  const { window, document } = load({ unknown: "block", dataset: datasetOf({}) });
  for (let at = 0; at < 1000; at++) document.cookie = `n${at}=1`;
  assert.equal(window.cookieConsent.held.length, 100);
});

test("violations of our own policy are taken note of, with their owner; others are not", () => {
  const { window, emit } = load({ dataset: datasetOf({}) });
  const ours = "script-src 'self'; report-uri /_consent/report";
  const violation = (blockedURI, originalPolicy, disposition = "enforce") =>
    emit("securitypolicyviolation", { blockedURI, originalPolicy, disposition });
  violation("https://www.googletagmanager.com/gtag/js", ours);
  violation("https://unknown.test/x", ours);
  violation("https://other.test/x", "script-src 'self'");
  violation("https://tried.test/x", ours, "report");
  violation("inline", ours);
  assert.deepEqual(
    [...window.cookieConsent.held].map(({ kind, name, category, service }) => [kind, name, category, service]),
    [
      ["host", "www.googletagmanager.com", "analytics", "google-analytics"],
      ["host", "unknown.test", "unclassified", "unknown.test"],
    ],
  );
});

test("a second copy of the guard does nothing", () => {
  const { window, page, run, source } = load({ dataset: datasetOf({}) });
  const first = window.cookieConsent;
  page.script = { src: "https://site.test/_consent/assets/guard.0.js", dataset: { granted: "session analytics" } };
  run(source);
  assert.equal(window.cookieConsent, first);
  assert.equal(first.allows("analytics"), false);
});

// The servers that the guard lets a connection ask.
const serversOf = (address, dataset) => {
  class RTCPeerConnection {
    constructor(options) {
      this.asked = options.iceServers.map(({ urls }) => urls);
    }
    setConfiguration() {}
    close() {}
  }
  const { window, page, document, emit } = load({ dataset, globals: { RTCPeerConnection } });
  const { asked } = new window.RTCPeerConnection({ iceServers: [{ urls: `stun:${address}` }] });
  document.readyState = "complete";
  emit("pagehide");
  const bodies = page.sent.map(([, { body }]) => JSON.parse(body ?? "{}").held ?? []);
  return [asked.length === 1, bodies.flat().map(({ name }) => name)];
};

test("hosts of the site's domain are first party, and are reported", () => {
  for (const [host, dataset, isAllowed, reported] of [
    ["www.site.test", {}, true, []],
    ["site.test", {}, false, ["site.test"]],
    ["site.test", { site: "site.test" }, true, ["site.test"]],
    ["a.b.SITE.test.", { site: "site.test" }, true, ["a.b.site.test."]],
    ["evilsite.test", { site: "site.test" }, false, ["evilsite.test"]],
    ["site.test.evil", { site: "site.test" }, false, ["site.test.evil"]],
    ["www.site.test", { site: "site.test" }, true, []],
  ]) {
    assert.deepEqual(serversOf(host, dataset), [isAllowed, reported], host);
  }
});

test("known beacons on own hosts are not asked for by scripts", async () => {
  const XMLHttpRequest = class {
    open(...values) {
      this.opened = values;
    }
    send() {
      this.isSent = true;
    }
  };
  const made = (dataset) => {
    const beacons = [];
    class Navigator {
      sendBeacon(...values) {
        beacons.push(values[0]);
        return true;
      }
    }
    const globals = { XMLHttpRequest: class extends XMLHttpRequest {}, Navigator, TypeError };
    const XML = globals.XMLHttpRequest;
    for (const name of ["open", "send"]) XML.prototype[name] = XMLHttpRequest.prototype[name];
    globals.navigator = new Navigator();
    const loaded = load({ dataset, globals });
    loaded.document.baseURI = "https://www.site.test/a/b";
    return { ...loaded, beacons };
  };
  for (const [address, isBeacon, body] of [
    ["/matomo.php?idsite=1&rec=1", true],
    ["https://m.site.test/x/m%61tomo.php?rec=1&idsite=2", true],
    ["/matomo.php", true, "idsite=1&rec=1"],
    ["/matomo.php", true, { size: 9 }], // a Blob, which cannot be read at once
    ["/matomo.php", false],
    ["/matomo.php?idsite=1", false],
    ["/g/collect?v=2&tid=G-1", true],
    ["/g/collect?v=2&tid=X-1", false],
    ["/collect?v=1&tid=UA-1-1", true],
    ["/collect", true, "v=1&tid=UA-1-1"],
    ["/collect", false, { size: 9 }], // anybody's
    ["/b/ss/shop/1/JS-2/s1", true],
    ["/api/event", false, '{"n":"pageview"}'],
    ["/api/event", false, { size: 9 }],
    ["https://other.test/matomo.php?idsite=1&rec=1", false], // left to the policy
  ]) {
    const { window, page, beacons } = made({ site: "site.test" });
    const options = body ? { method: "POST", body } : {};
    const rejection = await window.fetch(address, options).then(
      () => null,
      (error) => error.message,
    );
    const why = `${address} ${JSON.stringify(body)}`;
    assert.equal(rejection, isBeacon ? "Failed to fetch" : null, why);
    assert.equal(page.sent.filter(([sent]) => sent === address).length, isBeacon ? 0 : 1, why);
    assert.equal(window.navigator.sendBeacon(address, body), true);
    assert.deepEqual(beacons, isBeacon ? [] : [address], why);
    const request = new window.XMLHttpRequest();
    request.open("POST", address);
    request.send(body);
    assert.equal(request.opened[1], isBeacon ? "about:invalid" : address, why);
    assert.ok(request.isSent);
    const agreed = made({ site: "site.test", granted: "session analytics" });
    await agreed.window.fetch(address, options);
    assert.equal(agreed.page.sent.length, 1, why);
  }
});

const settled = () => new Promise((done) => setImmediate(done));
const asked = ({ sent }) => sent.filter(([address]) => address.endsWith("/known.json")).length;

test("what the registry may know waits for its rules, and is asked for once", async () => {
  const { document, page, window } = load({ unknown: "asking" });
  document.cookie = "mine=1"; // of nobody known
  document.cookie = "sessionid=1"; // which most sites need at once
  assert.deepEqual(page.writes, ["mine=1", "sessionid=1"]);
  assert.equal(asked(page), 0);
  document.cookie = "_ga=1; Max-Age=60";
  document.cookie = "_ga_ABC123=1";
  document.cookie = "__Secure-_ga=1; Secure";
  window.localStorage.setItem("_cltk", "1");
  assert.equal(page.writes.length, 2);
  assert.equal(asked(page), 1);
  assert.equal(window.cookieConsent.held.length, 0);
  await settled();
  const held = [...window.cookieConsent.held].map(({ kind, name, service }) => [kind, name, service]);
  assert.deepEqual(held, [
    ["cookie", "_ga", "google-analytics"],
    ["cookie", "_ga_ABC123", "google-analytics"],
    ["cookie", "__Secure-_ga", "google-analytics"],
    ["storage", "_cltk", "clarity"],
  ]);
  assert.equal(page.writes.filter((text) => !/Max-Age=0/.test(text)).length, 2);
  document.cookie = "_gid=1";
  assert.equal(page.writes.at(-1)?.startsWith("_gid=1"), false);
  assert.equal(asked(page), 1);
});

test("what turns out to be allowed is written after all, the latest value of each name", async () => {
  const { document, page, window } = load({
    unknown: "asking",
    dataset: { granted: "session analytics", services: "clarity=1" },
  });
  document.cookie = "_ga=1";
  document.cookie = "_ga=2; Max-Age=60";
  window.localStorage.setItem("_cltk", "3");
  assert.deepEqual([page.writes, window.localStorage.getItem("_cltk")], [[], null]);
  await settled();
  assert.deepEqual(page.writes, ["_ga=2; Max-Age=60"]);
  assert.equal(window.localStorage.getItem("_cltk"), "3");
  document.cookie = "_ga=3";
  assert.equal(page.writes.at(-1), "_ga=3");
  assert.equal(window.cookieConsent.held.length, 0);
});

test("without an answer it stays held, and the guard asks again ever later", async () => {
  const dataset = { granted: "session analytics", named: "google-analytics" };
  const { document, page, tick } = load({ unknown: "asking", dataset, failure: { isOffline: true } });
  document.cookie = "_ga=1";
  await settled();
  document.cookie = "_gat=1";
  await settled();
  assert.deepEqual([page.writes, asked(page)], [[], 1], "writes do not ask one by one");
  for (let at = 0; at < 20; at++) {
    tick();
    await settled();
  }
  assert.equal(asked(page), 8, "not without end");
  page.isOffline = false;
  document.cookie = "_gid=1";
  await settled();
  assert.deepEqual(page.writes, ["_ga=1", "_gat=1", "_gid=1"]);
  assert.equal(asked(page), 9);
});

test("one write that fails does not keep back the others", async () => {
  const { document, page, tick, window } = load({
    unknown: "asking",
    dataset: { decided: "true", granted: "session analytics", named: "google-analytics", services: "clarity=1" },
  });
  Object.defineProperty(window.localStorage, "_cltk", {
    set: () => {
      throw new TypeError("full");
    },
  });
  window.localStorage.setItem("_cltk", "1");
  document.cookie = "_ga=1";
  await settled();
  assert.deepEqual(page.writes, ["_ga=1"]);
  assert.equal(asked(page), 1);
  assert.throws(tick, { message: "full" }, "the page hears of its error");
});

test("a cookie of *session* waits if its service can be refused, where the rules are not here", async () => {
  const written = async (unknown, dataset) => {
    const { document, page } = load({ unknown, dataset: { decided: "true", granted: "session", ...dataset } });
    document.cookie = "datadome=1";
    document.cookie = "euconsent-v2=1"; // by a pattern
    document.cookie = "sessionid=1"; // of a necessary service
    const first = [...page.writes];
    const waiting = asked(page);
    await settled();
    return [first, waiting, page.writes.slice(first.length)];
  };
  const agreed = { named: "", services: "datadome=1 iab-consent=1" };
  const all = ["datadome=1", "euconsent-v2=1", "sessionid=1"];
  assert.deepEqual(await written("asking", { named: "" }), [["sessionid=1"], 1, []]);
  assert.deepEqual(await written("asking", agreed), [["sessionid=1"], 1, all.slice(0, 2)]);
  // These guards have the rules for such names.
  assert.deepEqual((await written("blocking", { named: "" }))[0], ["sessionid=1"]);
  const [first, , later] = await written("blocking", agreed);
  assert.deepEqual([first, later], [["datadome=1", "sessionid=1"], ["euconsent-v2=1"]]);
});

test("what a script wrote earlier is deleted once the rules say so, and not before", async () => {
  const { document, page } = load({ unknown: "asking", cookies: ["_ga=1", "mine=1"] });
  assert.equal(asked(page), 0);
  assert.ok(document.cookie.includes("mine=1")); // now the guard looks at them too
  assert.deepEqual(page.writes, []);
  await settled();
  assert.ok(page.writes.some((text) => text.startsWith("_ga=;Max-Age=0")));
  assert.ok(!page.writes.some((text) => text.startsWith("mine")));
});

test("what the policy declares waits for nothing", async () => {
  const { document, page } = load({ unknown: "asking" });
  document.cookie = "acme=1"; // refused
  document.cookie = "basket=1";
  document.cookie = "_ga=; Max-Age=0"; // deleting is always possible
  assert.deepEqual(page.writes, ["basket=1", "_ga=; Max-Age=0"]);
  assert.equal(asked(page), 0);
});

// -- hosts of the registry, which the guard does not have ------------------------------------------------------------

const GA = "www.google-analytics.com";
const DECIDED = { decided: "true", granted: "session", named: "" };
// Returns a page, and what asks it whether a host may be contacted, and whether the page may lead there by itself.
const loadHosts = (unknown, dataset, more = {}) => {
  class RTCPeerConnection {
    constructor(options) {
      this.asked = options.iceServers.length;
    }
  }
  const page = load({
    unknown,
    dataset,
    ...more,
    globals: { RTCPeerConnection, navigator: { userActivation: { hasBeenActive: false } }, ...more.globals },
  });
  page.window.top = page.window;
  page.window.parent = page.window;
  const mayAsk = (host) => new page.window.RTCPeerConnection({ iceServers: [{ urls: `stun:${host}` }] }).asked > 0;
  const mayLead = (address) => {
    const before = page.page.left.length;
    const form = new page.window.HTMLFormElement();
    form.address = address;
    form.submit();
    return page.page.left.length > before;
  };
  return { ...page, mayAsk, mayLead };
};
const heldHosts = ({ window }) =>
  [...window.cookieConsent.held].map(({ name, category, service }) => [name, category, service]);

test("a known host is held like an unknown one at first, and gets its name when the rules are here", async () => {
  const at = loadHosts("asking", DECIDED);
  assert.equal(at.mayAsk(GA), false);
  assert.equal(at.mayAsk("nobody.test"), false);
  assert.deepEqual(heldHosts(at), [
    [GA, "unclassified", GA],
    ["nobody.test", "unclassified", "nobody.test"],
  ]);
  assert.deepEqual([asked(at.page), at.page.asked.length], [1, 0], "nothing waits for them");
  const link = at.meet({ answer() {} });
  let told = 0;
  link.held = () => told++;
  await settled();
  assert.deepEqual(heldHosts(at), [
    [GA, "analytics", "google-analytics"],
    ["nobody.test", "unclassified", "nobody.test"],
  ]);
  assert.equal(told, 1);
  assert.equal(
    link.isLost((category, service) => category === "analytics" && service === "google-analytics"),
    true,
    "agreeing to the service loads the page again",
  );
  assert.equal(at.mayAsk(GA), false);
  assert.equal(heldHosts(at).length, 2);
});

test("a service that is declared by name does not hold the closer paths of the registry's others", async () => {
  for (const granted of ["session", "session analytics"]) {
    const at = loadHosts("named", { decided: "true", granted, named: "paypal-analytics" });
    const mayLead = (path) => at.mayLead(`https://www.paypal.com/${path}`);
    for (const _ of ["before the rules are here", "after that"]) {
      assert.equal(mayLead("sdk/js"), true);
      assert.equal(mayLead("tagmanager/pptm.js"), false);
      assert.equal(mayLead("ts"), granted !== "session");
      at.mayAsk(GA);
      await settled();
    }
  }
});

test("where nothing known is met, nobody asks for the rules", async () => {
  const at = loadHosts("asking", DECIDED);
  // The filter takes about one unknown host in 25 for a known one: none of these.
  for (const host of ["nobody.test", "nowhere.test", "api.stripe.com", "www.site.test"]) at.mayAsk(host);
  assert.equal(at.mayAsk("api.stripe.com"), true, "necessary ones pass");
  assert.equal(at.mayLead("https://idp.test/login"), true);
  await settled();
  assert.deepEqual([asked(at.page), at.page.asked.length], [0, 0]);
});

// Each row: why, the guard, the visitor's state, hosts that may be asked, and those that may not.
const passing = [
  ["undeclared hosts pass by the policy", "open", DECIDED, ["nobody.test"], [GA, "connect.facebook.net"]],
  ["before any choice too", "open", { granted: "session" }, ["nobody.test"], [GA, "connect.facebook.net"]],
  [
    "undeclared hosts have been accepted",
    "asking",
    { decided: "true", granted: "session unclassified" },
    ["nobody.test"],
    [GA, "connect.facebook.net"],
  ],
  [
    "a host was accepted by its name, and is known by now",
    "asking",
    { decided: "true", granted: "session unclassified", named: `nobody.test ${GA}` },
    ["nobody.test"],
    [GA, "elsewhere.test"],
  ],
  [
    "likewise by itself",
    "asking",
    { decided: "true", granted: "session", named: "", services: `nobody.test=1 ${GA}=1` },
    ["nobody.test"],
    [GA],
  ],
  [
    "one service of the registry is agreed to",
    "asking",
    { decided: "true", granted: "session analytics", named: "google-analytics" },
    [GA],
    ["static.hotjar.com", "connect.facebook.net", "nobody.test"],
  ],
  [
    "likewise by itself, against its category",
    "asking",
    { decided: "true", granted: "session", named: "", services: "google-analytics=1" },
    [GA],
    ["static.hotjar.com", "nobody.test"],
  ],
  [
    "a category is granted as a whole, but for a service",
    "asking",
    { decided: "true", granted: "session analytics", services: "hotjar=0" },
    [GA],
    ["static.hotjar.com", "connect.facebook.net", "nobody.test"],
  ],
  [
    "undeclared hosts pass, and a service is refused in a granted category",
    "open",
    { decided: "true", granted: "session analytics", services: "hotjar=0" },
    [GA, "nobody.test"],
    ["static.hotjar.com", "connect.facebook.net"],
  ],
];

// Nobody answers, there is no such file, and what another server says.
const FAILURES = [{ isOffline: true }, { instead: '{"error":"not-found"}' }, { instead: "null" }, { instead: "[]" }];

test("a refused host of the registry is held wherever an unknown one would pass", async () => {
  for (const [why, unknown, dataset, allowed, refused] of passing) {
    const all = [...refused, ...allowed, ...refused]; // before the rules are here, and after that
    const at = loadHosts(unknown, dataset);
    assert.deepEqual(all.filter(at.mayAsk), allowed, why);
    assert.ok(at.page.asked.length <= 1, why);
    for (const failure of FAILURES) {
      const blind = loadHosts(unknown, dataset, { failure });
      const known = allowed.filter((host) => host === GA);
      assert.deepEqual(
        all.filter(blind.mayAsk),
        allowed.filter((host) => !known.includes(host)),
        `${why}, ${JSON.stringify(failure)}`,
      );
      blind.document.cookie = "_ga=1"; // throws nothing
      await settled();
      Object.assign(blind.page, { isOffline: false, instead: undefined });
      for (let at = 0; at < 2; at++) {
        blind.tick();
        blind.mayAsk("static.hotjar.com"); // asks again, without waiting
        await settled();
      }
      assert.deepEqual(all.filter(blind.mayAsk), allowed, `${why}, online again`);
    }
  }
});

test("a page leads itself anywhere but to refused services of the registry", () => {
  for (const unknown of ["asking", "open"]) {
    const at = loadHosts(unknown, DECIDED);
    assert.equal(at.mayLead("https://idp.test/login"), true);
    assert.equal(at.page.asked.length, 0);
    assert.equal(at.mayLead(`https://${GA}/collect`), false);
    assert.equal(at.page.asked.length, 1);
    assert.equal(at.mayLead("https://ad.doubleclick.net/x"), false);
    assert.equal(at.page.asked.length, 1);
    assert.deepEqual(heldHosts(at)[0], [GA, "analytics", "google-analytics"]);
    for (const failure of FAILURES) {
      const blind = loadHosts(unknown, DECIDED, { failure });
      assert.equal(blind.mayLead(`https://${GA}/collect`), false);
      assert.equal(blind.mayLead("https://idp.test/login"), true);
    }
    const agreed = loadHosts(unknown, { decided: "true", granted: "session analytics", named: "google-analytics" });
    assert.equal(agreed.mayLead(`https://${GA}/collect`), true);
  }
});

test("where the page stops for want of the rules, it goes on once they are here", async () => {
  const dataset = { decided: "true", granted: "session analytics", named: "google-analytics" };
  const failure = { isSyncForbidden: true };
  const allowed = `https://${GA}/collect`;
  const lead = async (address, meanwhile = "") => {
    const at = loadHosts("asking", dataset, { failure });
    assert.equal(at.mayLead(address), false);
    at.run(meanwhile);
    await settled();
    return at;
  };
  assert.deepEqual((await lead(allowed)).page.left, [allowed]);
  const refused = "https://ad.doubleclick.net/x";
  const at = await lead(refused);
  assert.deepEqual([at.page.left, at.mayLead(refused)], [[], false]);
  const late = await lead(allowed, "const later = Date.now() + 60000; Date.now = () => later");
  assert.deepEqual([[...late.page.left], late.mayLead(allowed)], [[], true], "the visitor reads something else by now");
});

test("hosts below a public suffix are not taken for others below it", async () => {
  const at = loadHosts("asking", DECIDED);
  for (const host of ["nobody.co.uk", "www.nobody.com.au", "d0.cloudfront.net"]) at.mayAsk(host);
  assert.equal(asked(at.page), 0);
  at.mayAsk("cdn.eventbrite.co.uk");
  assert.equal(asked(at.page), 1);
});

test("services that have a part of one host each are all named", async () => {
  const at = loadHosts("asking", DECIDED);
  const originalPolicy = "script-src 'self'; report-uri /_consent/report";
  for (const path of ["maps/x", "pagead/x", "maps/y"]) {
    const blockedURI = `https://www.google.com.au/${path}`;
    at.emit("securitypolicyviolation", { blockedURI, originalPolicy, disposition: "enforce" });
  }
  assert.equal(heldHosts(at).length, 1);
  await settled();
  assert.deepEqual(
    heldHosts(at).map(([, , service]) => service),
    ["google-maps", "google-ads"],
  );
});

// Returns whether a script gets an answer from an address, which the guard leaves to the policy unless that allows it.
const fetched = ({ window }, address) =>
  window.fetch(address).then(
    () => true,
    () => false,
  );

test("a refused part of what is agreed to is held, before the rules are here too", async () => {
  for (const failure of [{}, { isOffline: true }]) {
    // The policy declares files.hotjar.com, and the registry *.hotjar.com for a service that is agreed to.
    const dataset = { decided: "true", granted: "session analytics", named: "hotjar" };
    const below = loadHosts("below", dataset, { failure });
    assert.equal(await fetched(below, "https://files.hotjar.com/x"), false);
    await settled();
    assert.equal(await fetched(below, "https://files.hotjar.com/x"), false);
    const agreed = loadHosts("below", { ...dataset, services: "files=1" }, { failure });
    assert.equal(await fetched(agreed, "https://files.hotjar.com/x"), true);
    // A host was agreed to by its name, and a service of the registry has a part of it.
    const named = loadHosts("asking", { ...DECIDED, services: "www.google.com.au=1" }, { failure });
    assert.equal(await fetched(named, "https://www.google.com.au/pagead/x"), false);
    assert.equal(await fetched(named, "https://elsewhere.test/x"), true, "left to the policy");
  }
});

test("without an enforced policy, what is on other hosts waits for nothing", async () => {
  const at = loadHosts("lenient", DECIDED);
  assert.equal(await fetched(at, `https://${GA}/collect`), true);
  assert.deepEqual(at.page.asked, []);
});

test("the rules are fetched ahead where somebody may have to wait for them", async () => {
  const ahead = async (unknown, dataset, nodes = []) => {
    const at = loadHosts(unknown, dataset);
    at.document.baseURI = "https://www.site.test/a/b";
    at.document.querySelectorAll = () =>
      nodes.map((src) => ({ src: src ?? "", hasAttribute: () => src === undefined }));
    const atOnce = asked(at.page);
    at.emit("DOMContentLoaded");
    assert.equal(asked(at.page), atOnce, "only when the page is idle");
    at.tick();
    const isUrgent = at.page.sent.slice(atOnce).some(([, { priority }]) => priority !== "low");
    await settled();
    at.mayLead(`https://${GA}/collect`);
    return [atOnce, asked(at.page), at.page.asked.length, isUrgent];
  };
  assert.deepEqual(await ahead("asking", DECIDED), [0, 0, 1, false]);
  assert.deepEqual(await ahead("asking", DECIDED, ["https://www.site.test/own.js"]), [0, 0, 1, false]);
  assert.deepEqual(await ahead("asking", DECIDED, ["https://cdn.test/other.js"]), [0, 1, 0, false]);
  assert.deepEqual(await ahead("asking", DECIDED, [undefined]), [0, 1, 0, false], "something is held");
  assert.deepEqual(await ahead("open", DECIDED), [1, 1, 0, false]);
  for (const services of ["hotjar=1", "hotjar=0", `${GA}=1`]) {
    assert.deepEqual(await ahead("asking", { ...DECIDED, services }), [1, 1, 0, false], services);
  }
  assert.deepEqual(await ahead("asking", { ...DECIDED, services: "nobody.test=1" }), [0, 0, 1, false]);
});

test("a choice that names a service of the registry waits for its rules", async () => {
  const served = { ...state(["analytics"]), named: ["google-analytics"] };
  const at = loadHosts("asking", DECIDED, { served });
  await at.window.cookieConsent.refresh();
  assert.equal(asked(at.page), 1);
  assert.equal(at.window.cookieConsent.allows("google-analytics"), true);
  assert.equal(at.window.cookieConsent.allows("hotjar"), false);
  assert.equal(at.mayAsk(GA), true);
  assert.equal(at.page.asked.length, 0);
  // Taking it back leaves the page, whether its rules are here or not.
  for (const isOffline of [false, true]) {
    const before = loadHosts(
      "asking",
      { decided: "true", granted: "session analytics", named: "google-analytics" },
      { served: { ...state(["analytics"]), named: [] } },
    );
    before.page.isOffline = isOffline;
    await before.window.cookieConsent.refresh();
    assert.deepEqual(before.page.left, ["reload"]);
  }
});

test("refusing everything leaves no page, though a refused service has a necessary cookie", async () => {
  const served = { ...state([]), named: [] };
  const at = loadHosts("asking", { decided: "false", granted: "session" }, { served });
  at.mayAsk(GA);
  await settled();
  assert.equal(at.window.cookieConsent.held[0].service, "google-analytics", "all rules are here");
  await at.window.cookieConsent.refresh();
  assert.deepEqual(at.page.left, []);
});

test("without the header of GPC, a service counts as sold until its rules say otherwise", async () => {
  const services = "criteo=1 chartbeat=1 nobody.test=1";
  const dataset = { decided: "true", granted: "session", named: "", services };
  const globals = { navigator: { globalPrivacyControl: true, userActivation: { hasBeenActive: false } } };
  const loadSold = (more, failure) => load({ unknown: "open", dataset: { ...dataset, ...more }, globals, failure });
  const servicesOf = ({ window }) => ({ ...window.cookieConsent.state.services });
  const rest = { chartbeat: true, "nobody.test": true }; // which this policy does not count as sold
  const at = loadSold({});
  assert.deepEqual([servicesOf(at), at.page.asked.length], [rest, 1]);
  assert.equal(at.page.added.length, 1, "the page is stopped, since one was sold");
  const unsold = loadSold({ services: "chartbeat=1" });
  assert.deepEqual([servicesOf(unsold), unsold.page.added], [{ chartbeat: true }, []]);
  assert.deepEqual(servicesOf(loadSold({ gpc: "1" })), { criteo: true, ...rest });
  const blind = loadSold({}, { isSyncForbidden: true });
  const told = [];
  blind.window.cookieConsent.onChange(({ services: now }) => told.push({ ...now }));
  blind.document.cookie = "_cb=1";
  assert.deepEqual(servicesOf(blind), { "nobody.test": true });
  await settled();
  assert.deepEqual([servicesOf(blind), told], [rest, [rest]]);
  assert.ok(blind.page.writes.includes("_cb=1"));
});

test("a necessary cookie is kept until the browser closes at once, and for longer once that is known", async () => {
  const written = async (granted, text) => {
    const { document, page } = load({ unknown: "asking", dataset: { decided: "true", granted, named: "" } });
    document.cookie = text;
    const first = [...page.writes];
    await settled();
    return [first, page.writes.slice(first.length), asked(page)];
  };
  const login = "wordpress_logged_in_0123456789abcdef0123456789abcdef=1";
  const lasting = `${login}; Max-Age=60`;
  assert.deepEqual(await written("session", lasting), [[login], [], 0]);
  assert.deepEqual(await written("session login", login), [[login], [], 0]);
  assert.deepEqual(await written("session login", lasting), [[login], [lasting], 1]);
  // Undeclared ones last if that was agreed to, and those of *session* do not.
  const session = "PHPSESSID=1; Max-Age=60";
  assert.deepEqual(await written("session", session), [["PHPSESSID=1"], [], 0]);
  assert.deepEqual(await written("session unclassified", session), [["PHPSESSID=1"], ["PHPSESSID=1"], 1]);
  const mine = "mine=1; Max-Age=60";
  assert.deepEqual(await written("session unclassified", mine), [["mine=1"], [mine], 1]);
});
