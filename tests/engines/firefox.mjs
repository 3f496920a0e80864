// Drives Firefox over WebDriver BiDi for `engine.py`: reads one JSON command a line, and answers with one line each.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [executablePath, port] = process.argv.slice(2);
const way = { "network.proxy.type": 1, "network.proxy.no_proxies_on": "" };
for (const scheme of ["http", "ssl"]) {
  way[`network.proxy.${scheme}`] = "127.0.0.1";
  way[`network.proxy.${scheme}_port`] = Number(port);
}
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
  extraPrefsFirefox: { ...way, "intl.accept_languages": "en-US" },
});
const pages = [await browser.newPage()];
let [page] = pages;
const commands = {
  open: (address) => page.goto(address, { waitUntil: "load" }).then(() => null),
  run: (code) => page.evaluate(code),
  cookies: async () => (await page.cookies()).map(({ name }) => name),
  tab: async (number) => {
    pages[number] ??= await browser.newPage();
    page = pages[number];
    await page.bringToFront();
  },
  press: (key) => page.keyboard.press(key).then(() => null),
};
console.log(JSON.stringify({ value: await browser.version() }));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await commands[name](argument)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error}` }));
  }
}
await browser.close();
