// Opens the settings on the page that the visitor is on. Where that fails, the link leads to the preferences page. `dismiss`
// closes the message after a choice, and `opened` is called with the panel and with the link that has opened it.
const makeSettings = ({ root, endpoint, dismiss, opened }) => {
  return (anchor) => {
    const page = root.querySelector(".cc-back").href;
    const isHidden = () => [root, root.querySelector(".cc-panel")].some((node) => node?.getClientRects().length === 0);
    if (isHidden()) return location.assign(page); // by a filter list
    const request = new XMLHttpRequest(); // by which Trusted Types let a document be read
    const address = new URL("settings", endpoint);
    const { language } = root.dataset;
    address.search = new URLSearchParams({ return_to: location.pathname + location.search, language });
    request.open("GET", address);
    request.responseType = "document";
    request.onloadend = () => {
      const panel = request.response?.querySelector("#consent-root .cc-panel");
      if (request.status !== 200 || !panel) return location.assign(page);
      if (root.querySelector(".cc-panel")) return;
      dismiss();
      root.prepend(panel);
      if (isHidden()) {
        panel.remove();
        return location.assign(page);
      }
      opened(panel, anchor);
    };
    request.send();
  };
};
