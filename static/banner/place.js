// Where the banner stands: behind the body, as a child of <html>, so that it is no part of the page's layout, and stays
// when a script replaces the body or empties it. Before the body, a page that looks for its first form, button or field
// would find ours; so the panel is first in the order of Tab by its `tabindex` alone.
// Where the browser has popovers it is in the top layer too, which neither a transform nor fullscreen covers.
const makePlace = (root, { isOpen, receive, added }) => {
  // A page that takes the element out more often than that has its way.
  const MOST_RETURNS = 10;
  const SPAN = 10_000; // milliseconds
  let returns = [];
  let isGivenUp = false;
  let isBehindDialog = false;

  // A <link> that is appended elsewhere loads its style sheet again, and the banner would be without it until then. So it
  // is moved as it is, ahead of the banner, or copied where the browser has no such moves.
  const link = root.querySelector('link[rel="stylesheet"]');
  const copyStyles = () => {
    try {
      const copy = new CSSStyleSheet({ media: link.media });
      copy.replaceSync([...link.sheet.cssRules].map(({ cssText }) => cssText).join("\n"));
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, copy];
    } catch {} // a browser that has none, or a style sheet from another host
  };
  const canMove = Boolean(document.documentElement.moveBefore);
  if (!canMove && link?.sheet) copyStyles();
  else if (!canMove) link?.addEventListener("load", copyStyles, { once: true });
  const putStyles = () => {
    if (!canMove || !link) return;
    if (!link.isConnected)
      root.prepend(link); // the page has removed it: it loads again
    else if (root.contains(link) && root.isConnected) document.documentElement.moveBefore(link, null);
  };

  // A panel in the page's flow stays in the body, in the place that the page has for it.
  const isInFlow = () => root.matches(".cc-inline");

  // Whether this is a page that the panel links to, such as the privacy policy: visitors may read it before they choose.
  const isLinked = (panel) => [...panel.querySelectorAll(".cc-links a")].some(isHere);
  const isHere = ({ origin, pathname, search, hash }) =>
    `${origin}${pathname}`.replace(/\/$/, "") === `${location.origin}${location.pathname}`.replace(/\/$/, "") &&
    (!search || search === location.search) &&
    (!hash || hash === location.hash);

  // Shows the element above everything that is in the top layer. A modal dialog makes all else inert, so that the
  // element has to wait until it closes.
  const raise = () => {
    if (!root.showPopover || !root.isConnected || isInFlow()) return;
    isBehindDialog = [...document.querySelectorAll("dialog:modal")].some((dialog) => !root.contains(dialog));
    if (isBehindDialog) return;
    if (root.popover !== "manual") root.popover = "manual";
    if (root.matches(":popover-open")) root.hidePopover();
    root.showPopover();
    // A modal dialog makes the page inert though a filter list hides it, or nobody knows yet whether to ask.
    const panel = root.querySelector("dialog.cc-panel");
    if (!panel?.getClientRects().length) return;
    const isBeside = isLinked(panel);
    panel.classList.toggle("cc-beside", isBeside);
    const fold = panel.querySelector(".cc-fold:not(.cc-close)");
    if (!isBeside && root.matches(".cc-folded")) fold?.click();
    if (fold) fold.hidden = !isBeside;
    if (panel.matches(":modal") !== isBeside) return;
    if (isBeside) panel.close();
    panel.toggleAttribute("open", isBeside); // without this script it is open, and not modal
    if (isBeside) return;
    panel.showModal();
    panel.focus(); // and not the first button, which a key pressed by chance would use
    if (self.ResizeObserver) new ResizeObserver(() => release(panel)).observe(panel);
  };
  const release = (panel) => {
    if (panel.matches(":modal") && !panel.getClientRects().length) panel.close();
  };
  const afterDialog = () => {
    const panel = root.showPopover && root.querySelector("dialog.cc-panel[open]");
    if (isBehindDialog || (panel && isLinked(panel) === panel.matches(":modal"))) raise();
  };
  document.addEventListener("close", afterDialog, true);

  // Chromium makes all that is outside of a fullscreen element inert, so that the open banner goes into it. A film that
  // can have no content is left alone, and so is any by the link to the settings.
  const parentOf = () => {
    const full = document.fullscreenElement;
    const takesContent = full && !/^(video|audio|iframe|canvas|img|object|embed)$/.test(full.localName);
    return takesContent && isOpen() ? full : document.documentElement;
  };
  const isInPlace = () =>
    (isInFlow() ? document.body?.contains(root) : root.parentNode !== null && root.parentNode === parentOf()) &&
    (!canMove || !link || link.isConnected);
  const put = () => {
    putStyles();
    if (isInFlow()) {
      root.removeAttribute("popover");
      if (!isInPlace()) (document.querySelector("consent-banner") ?? document.body)?.prepend(root);
      return;
    }
    const parent = parentOf();
    if (!parent) return;
    parent.append(root); // not by moveBefore(), after which Chromium crashes now and then where a popover is open
    raise();
  };
  document.addEventListener("fullscreenchange", () => {
    if (isInPlace()) raise();
    else put();
  });
  const putBack = () => {
    const now = Date.now();
    returns = [...returns.filter((at) => now - at < SPAN), now];
    isGivenUp = returns.length > MOST_RETURNS;
    if (!isGivenUp) put();
  };

  // The banners of pages that a script has put into this one. One in the page's own markup has no endpoint.
  const others = () => [...document.querySelectorAll("#consent-root[data-endpoint]")].filter((node) => node !== root);

  const observer = new MutationObserver((records) => {
    if (isGivenUp) return;
    if (!isInPlace()) putBack();
    for (const other of others()) {
      other.remove();
      receive(other);
    }
    afterDialog();
    added(records.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.nodeType === Node.ELEMENT_NODE));
  });

  addEventListener("hashchange", () => {
    afterDialog();
    added([]);
  });
  put();
  observer.observe(document, { childList: true, subtree: true });
  return { raise, put };
};
