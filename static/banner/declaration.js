// Puts the cookie declaration into <div data-consent-declaration> of the site's pages. Without scripts, or where the
// site's own policy forbids the connection, what stands in the element stays: a link to the declaration.
const fillDeclarations = (base, language) => {
  const fill = (node) => {
    if (node.dataset.consentDeclaration) return;
    node.dataset.consentDeclaration = "loading";
    const asked = node.closest("[lang]")?.lang || language;
    // A request for a document parses markup without running it, and needs no Trusted Types policy.
    const request = new XMLHttpRequest();
    request.open("GET", `${base}/policy?fragment=1&language=${encodeURIComponent(asked)}`);
    request.responseType = "document";
    request.onloadend = () => {
      const content = request.status === 200 && request.response?.querySelector(".cc-declaration");
      node.dataset.consentDeclaration = content ? "done" : "failed";
      if (content) node.replaceChildren(content);
    };
    request.send();
  };
  for (const node of document.querySelectorAll("[data-consent-declaration]")) fill(node);
};
