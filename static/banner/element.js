// <consent-placeholder service="ID">, for what components draw in the browser: until the visitor allows the service, its
// placeholder stands there. From then on the element shows what it contains, and takes it out of a <template>.
const defineElement = ({ put, isAllowed, takeFrame }) => {
  const NAME = "consent-placeholder";
  const elements = new Set();
  const shown = new WeakMap(); // the service whose placeholder an element shows
  const place = async (node, service) => {
    const wanted = { service };
    shown.set(node, wanted);
    const isWanted = () => shown.get(node) === wanted;
    try {
      const frame = await put(node, service, isWanted);
      frame?.addEventListener("load", () => takeFrame(frame));
    } catch {
      if (isWanted()) shown.delete(node); // the late part could not be loaded, and is asked for again with the next change
    }
  };
  const show = (node) => {
    const service = node.getAttribute("service") ?? "";
    const { shadowRoot } = node;
    if (!isAllowed(service)) {
      if (shown.get(node)?.service === service) return;
      shadowRoot.replaceChildren();
      place(node, service);
      return;
    }
    shown.delete(node);
    if (!shadowRoot.querySelector("slot")) shadowRoot.replaceChildren(document.createElement("slot"));
    for (const child of [...node.children]) {
      if (child.localName === "template") child.replaceWith(document.importNode(child.content, true));
    }
  };
  if (!self.customElements || customElements.get(NAME)) return () => {};
  customElements.define(
    NAME,
    class extends HTMLElement {
      constructor() {
        super();
        this.attachShadow({ mode: "open" });
      }
      static get observedAttributes() {
        return ["service"];
      }
      connectedCallback() {
        elements.add(this);
        if (getComputedStyle(this).display === "inline") this.style.display = "block";
        show(this);
      }
      disconnectedCallback() {
        elements.delete(this);
        shown.delete(this);
      }
      attributeChangedCallback() {
        if (elements.has(this)) show(this); // before, it is not yet laid out
      }
    },
  );
  return () => elements.forEach(show);
};
