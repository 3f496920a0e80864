// Keeps the page from lying under the open banner for good: the page can be scrolled on by the banner's height, and what
// gets the focus is scrolled out from under it. Both in a style sheet of our own, which leaves the page's styles alone.
const makeRoom = (root) => {
  let sheet = null;
  let written = "";
  let frame = 0;
  let sizes = null;
  const ROOM = "data-cookie-consent-room";
  // One that is modal keeps the visitor from using the page, and needs no room. One in the page's flow covers nothing.
  const panelOf = () =>
    root.matches(".cc-inline") ? null : root.querySelector(".cc-panel:is(:not(dialog), .cc-beside)");
  const isTop = () => root.className.includes("cc-top");

  // Returns where the page ends, in pixels from its top. The content of a body with a fixed height may go on below.
  const pageEnd = () => {
    const { documentElement: html, body } = document;
    let { bottom } = html.getBoundingClientRect();
    const isOwnScroller = [html, body].every((node) => node && getComputedStyle(node).overflowY !== "visible");
    // Where there is no standards mode, the body's scrollHeight is the viewport's.
    if (body && !isOwnScroller && document.compatMode === "CSS1Compat") {
      bottom = Math.max(bottom, body.getBoundingClientRect().top + body.scrollHeight);
    }
    return Math.ceil(bottom + scrollY);
  };

  // Returns the element that scrolls under the banner where the page itself cannot be scrolled.
  const innerScroller = () => {
    const { documentElement: html, body } = document;
    const [outer, inner] = [html, body].map((node) => (node ? getComputedStyle(node).overflowY : "visible"));
    const own = outer === "visible" ? inner : outer; // a body's overflow is the viewport's where <html> has none
    if (own !== "hidden" && own !== "clip") return null;
    for (const share of [0.5, 0.25, 0.75]) {
      for (const node of document.elementsFromPoint(innerWidth * share, innerHeight - 2)) {
        if (root.contains(node) || node === html) continue;
        if (node === body && outer === "visible") continue;
        if (/^(auto|scroll)$/.test(getComputedStyle(node).overflowY)) return node;
      }
    }
    return null;
  };
  let marked = null;
  const mark = (node) => {
    if (node === marked) return;
    marked?.removeAttribute(ROOM);
    marked = node;
    node?.setAttribute(ROOM, "");
  };

  const measure = () => {
    frame = 0;
    const panel = panelOf();
    if (!sheet || !panel || !document.documentElement) return;
    const isUp = root.classList.contains("cc-up");
    const { top, bottom, height } = panel.getBoundingClientRect();
    const isAbove = isTop() && !isUp;
    const above = height && isAbove ? Math.ceil(bottom) : 0;
    const covered = height && !isAbove ? Math.ceil(isUp && !isTop() ? bottom : innerHeight - top) : 0;
    // The box is positioned, so that it lengthens what can be scrolled and takes no place in the layout.
    mark(innerScroller());
    const css =
      `:root,[${ROOM}]{scroll-padding-top:${above}px!important;scroll-padding-bottom:${covered}px!important}` +
      ":root::after{all:initial!important;content:''!important;position:absolute!important;left:0!important;" +
      `top:${pageEnd()}px!important;width:1px!important;height:${covered}px!important;` +
      "visibility:hidden!important;pointer-events:none!important}" +
      `[${ROOM}]::after{content:''!important;display:block!important;flex:none!important;clear:both!important;` +
      `height:${covered}px!important}@media print{:root::after,[${ROOM}]::after{display:none!important}}`;
    if (css === written) return;
    written = css;
    sheet.replaceSync(css);
  };
  const soon = () => {
    frame ||= requestAnimationFrame(measure);
  };

  // Returns by how many pixels an element would have to move up to be seen beside what may cover it; less than 0 is down.
  const overlap = (node, cover) => {
    const under = node.getBoundingClientRect();
    const over = cover.getBoundingClientRect();
    if (!over.height || !node.isConnected || under.height > innerHeight - over.height) return 0;
    const isCovered =
      under.left < over.right && over.left < under.right && under.top < over.bottom && over.top < under.bottom;
    if (!isCovered) return 0;
    return cover.matches(".cc-panel") && isTop()
      ? Math.min(0, Math.floor(under.top - over.bottom))
      : Math.max(0, Math.ceil(under.bottom - over.top));
  };
  let focused = null;
  // Scrolls what has the focus out from under the banner, or moves the banner to the other side where nothing can be
  // scrolled.
  // Of what there is after a choice, only what covers it moves: the rest could cover something there.
  const reveal = () => {
    const node = focused;
    // Not for a click: what was pressed must not move away before the button is released.
    if (!node || root.contains(node) || !node.matches(":focus-visible")) return;
    const panel = panelOf();
    const parts = panel ? [] : root.querySelectorAll(".cc-back,.cc-revision,.cc-status");
    for (const part of [root, ...parts]) part.classList.remove("cc-up");
    for (const part of parts) if (overlap(node, part)) part.classList.add("cc-up");
    if (!panel) return;
    for (let box = node.parentElement; box && overlap(node, panel); box = box.parentElement) {
      if (box === document.documentElement || getComputedStyle(box).overflowY !== "visible") {
        box.scrollBy({ top: overlap(node, panel), behavior: "instant" });
      }
    }
    if (overlap(node, panel)) root.classList.add("cc-up");
  };
  addEventListener("focusin", ({ target }) => {
    focused = target instanceof Element ? target : null;
    requestAnimationFrame(reveal); // after the browser has scrolled
  });
  addEventListener("scrollend", reveal, true);

  // Begins or ends, as the banner is open or not.
  const update = () => {
    const isOpen = Boolean(panelOf()) && root.isConnected;
    if (isOpen === Boolean(sheet)) {
      if (isOpen) watch();
      return;
    }
    if (isOpen) {
      try {
        sheet = new CSSStyleSheet();
        document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      } catch {
        sheet = null; // a browser that has none
        return;
      }
      sizes = self.ResizeObserver && new ResizeObserver(soon);
      addEventListener("scroll", soon, { passive: true });
      addEventListener("resize", soon);
      watch(); // which measures once all has its place: here, the browser would lay out the page a second time
      if (!sizes) measure();
      return;
    }
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    sheet = null;
    written = "";
    mark(null);
    sizes?.disconnect();
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    root.classList.remove("cc-up");
  };
  // The page may have replaced its body, or all of it.
  let watched = [];
  const watch = () => {
    const nodes = [document.documentElement, document.body, panelOf()].filter(Boolean);
    if (nodes.length === watched.length && nodes.every((node, at) => node === watched[at])) return;
    watched = nodes;
    sizes?.disconnect();
    for (const node of nodes) sizes?.observe(node);
  };
  return { update };
};
