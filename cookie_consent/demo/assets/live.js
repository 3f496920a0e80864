// Keeps the list up to date: polls once a second, and inserts the server's own markup when something has changed.
(() => {
  const list = document.getElementById("live");
  let shown = "";
  async function update() {
    try {
      const state = await (await fetch("/live.json")).text();
      if (shown && state !== shown) {
        const page = await (await fetch("/")).text();
        const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("live");
        list.replaceChildren(...fresh.childNodes);
      }
      shown = state;
    } catch {
      // The demo has been stopped; try again.
    }
    setTimeout(update, 1000);
  }
  update();
})();
