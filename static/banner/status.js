// The message after a choice: it stays until it is dismissed, also when the choice has the page loaded again.
const makeStatus = (root) => {
  const KEY = "cookie_consent.said";
  let said = null;

  const dismiss = () => {
    said = null;
    root.querySelector(".cc-status")?.replaceChildren();
  };

  // `receipt` is the URL of a refusal's record. The consent cookie of a refusal has no id to find it by later.
  const show = (text, receipt) => {
    const status = root.querySelector(".cc-status");
    if (!status || !text) return;
    const parts = [text];
    if (receipt) {
      const link = document.createElement("a");
      Object.assign(link, { href: receipt, textContent: root.dataset.receipt });
      parts.push(" ", link);
    }
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "cc-fold", textContent: root.dataset.close });
    button.addEventListener("click", dismiss);
    status.replaceChildren(...parts, " ", button);
  };

  addEventListener("pagehide", () => {
    try {
      if (said) sessionStorage.setItem(KEY, JSON.stringify([location.href, ...said]));
    } catch {} // a sandboxed document, or a browser without storage
  });
  // The first access to storage takes several milliseconds, so the page is read first.
  const take = () => {
    try {
      const [address, ...kept] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      sessionStorage.removeItem(KEY);
      if (said || address !== location.href) return; // something has been said on this page since
      said = kept;
      show(...kept);
    } catch {} // as above
  };
  if (self.requestIdleCallback) requestIdleCallback(take, { timeout: 1000 });
  else setTimeout(take);

  return {
    show,
    dismiss,
    // Has the message shown on the page that a reload brings. `isTold` shows it on this one as well.
    tell: (text, receipt, isTold = true) => {
      said = [text, receipt ?? ""];
      if (isTold) show(text, receipt);
    },
  };
};
