// Placeholders for what held scripts would draw. They stand in the places of the scripts' services, and at the buttons
// of forms that need a service. `services` is what the policy says, `allows` returns whether a service is allowed
// by now, and `heldServices` those of which a script is held on this page.
const makePlaces = (services, { endpoint, allows: isGranted, heldServices, announce }) => {
  const MOST = 100; // placeholders on one page
  const MOST_IN_ONE = 5; // times that a place is filled, if the page empties it
  const NARROWEST = 88;
  const LOWEST = 24;
  const DRAWN = "iframe,canvas,video,object,embed";
  // Elements whose content would not be shown, or must not contain a frame.
  const UNFIT =
    /^(area|audio|base|body|br|button|canvas|col|colgroup|embed|head|hr|html|iframe|img|input|link|meta|noscript|object|option|picture|script|select|source|style|table|tbody|template|textarea|tfoot|thead|tr|track|video|wbr)$/;
  const SUBMITS = 'button:not([type]),button[type="submit"],input[type="submit"],input[type="image"]';
  const FIELDS = 'textarea,input[type="password"],input[type="email"],input[type="tel"]';
  const shown = new Map(); // the services by the frames of their placeholders
  const filled = new WeakMap(); // how often each place was filled
  const noted = new WeakMap(); // the frames by the forms at whose buttons they stand

  const allows = ([service, category]) => isGranted(category, service);
  const setStyle = (node, styles) => {
    for (const [name, value] of Object.entries(styles)) node.style.setProperty(name, value, "important");
  };
  const makeFrame = (service, purpose) => {
    const [id, , name] = service;
    const address = new URL("placeholder", endpoint);
    // Filter lists would hide a frame that names a tracker.
    const { lang: language } = document.documentElement;
    const query = { service: btoa(id), return_to: location.pathname + location.search, for: purpose, language };
    address.search = new URLSearchParams(query);
    const frame = document.createElement("iframe");
    frame.title = name;
    frame.setAttribute("data-consent-placeholder", "");
    frame.src = address.href;
    setStyle(frame, { display: "block", "box-sizing": "border-box", border: "0", margin: "0", "max-width": "none" });
    shown.set(frame, service);
    return frame;
  };
  // Makes a frame as high as its content. One that is not in a place of a given height may grow.
  const fit = (frame, height) => {
    setStyle(frame, { height: `${height}px` });
    frame.addEventListener("load", () => {
      const inner = frame.contentDocument?.documentElement;
      if (inner && inner.scrollHeight > inner.clientHeight) {
        setStyle(frame, { height: `${inner.scrollHeight}px` });
      }
    });
  };

  const contentHeight = (node) => {
    const { paddingTop, paddingBottom } = getComputedStyle(node);
    return node.clientHeight - Number.parseFloat(paddingTop) - Number.parseFloat(paddingBottom);
  };
  // Inserts a placeholder and makes it as large as its place, whose content is so high without it.
  const put = (service, height, insert) => {
    if (shown.size >= MOST) return null;
    const frame = makeFrame(service, "place");
    frame.loading = "lazy";
    setStyle(frame, { width: "100%" });
    if (height >= LOWEST) setStyle(frame, { height: "100%" });
    else fit(frame, 220);
    insert(frame);
    if (!frame.getClientRects().length) return frame; // it is not displayed yet
    if (frame.offsetWidth < NARROWEST) setStyle(frame, { width: "300px" });
    // The height of a place is no definite one if it is a minimum, say.
    if (height >= LOWEST && Math.abs(frame.offsetHeight - height) > 1) setStyle(frame, { height: `${height}px` });
    return frame;
  };
  const fill = (node, service) => {
    const times = filled.get(node) ?? 0;
    if (times >= MOST_IN_ONE) return;
    filled.set(node, times + 1);
    const isFilled = isLink(node) || node.firstElementChild || node.textContent.trim();
    put(service, isFilled ? 0 : contentHeight(node), (frame) =>
      isLink(node) ? node.after(frame) : node.append(frame),
    );
  };
  // In a shadow tree nothing but the placeholder is shown, whatever stands in the node itself.
  const putInShadow = (node, id) => {
    const [, , name] = services.find(([service]) => service === id) ?? [id, "", id];
    return put([id, "", name], contentHeight(node), (frame) => node.shadowRoot.append(frame));
  };
  // A link must not contain a frame, which stands behind it instead.
  const isLink = (node) => node.localName === "a";
  const isFree = (node) =>
    node instanceof HTMLElement &&
    !(isLink(node) && shown.has(node.nextElementSibling)) &&
    !UNFIT.test(node.localName) &&
    node.dataset.size !== "invisible" && // a captcha that shows itself only in doubt
    !node.querySelector(DRAWN) &&
    !node.closest("#consent-root,[contenteditable]");

  // -- forms ---------------------------------------------------------------------------------------------------------

  const buttonOf = (form) => [...document.querySelectorAll(SUBMITS)].filter((button) => button.form === form).pop();
  // Says at its button what a form needs.
  const noteAt = (button, form, service) => {
    if (noted.get(form)?.isConnected || !button || shown.size >= MOST) return false;
    const frame = makeFrame(service, "form");
    setStyle(frame, { width: "100%", "min-width": "10em", "max-width": "40em", "margin-block": "0.5em" });
    fit(frame, 60);
    button.after(frame);
    noted.set(form, frame);
    return true;
  };

  let waiting = []; // the held services that forms need, each with whether it has a place on this page
  const isSensitive = (form) =>
    form.getAttribute("method")?.toLowerCase() === "post" || Boolean(form.querySelector(FIELDS));
  // A script without a place is called when a form is sent. The form is not stopped: it may need no such script.
  const attempt = (form, submitter) => {
    if (!(form instanceof HTMLFormElement) || form.closest("#consent-root")) return;
    update();
    const missing = waiting.find(([, hasPlace]) => !hasPlace);
    if (!missing || !isSensitive(form)) return;
    const [service] = missing;
    if (noteAt(submitter ?? buttonOf(form), form, service)) announce(service[2]);
  };
  addEventListener("submit", ({ target, submitter }) => attempt(target, submitter), true);
  // A page's own function may send the form when its button is clicked, and fail.
  addEventListener(
    "click",
    ({ target }) => {
      const button = target instanceof Element ? target.closest("button,input") : null;
      const form = button?.form;
      if (!form || !/^(submit|image|button)$/.test(button.type)) return;
      if (button.type === "button" && buttonOf(form)) return;
      if (form.noValidate || form.matches(":valid")) attempt(form, button);
    },
    true,
  );

  // -- the page changes ----------------------------------------------------------------------------------------------

  let timer = 0;
  const update = () => {
    clearTimeout(timer);
    timer = 0;
    for (const [frame, service] of shown) {
      if (frame.isConnected && !allows(service)) continue;
      frame.remove();
      shown.delete(frame);
    }
    const held = heldServices();
    waiting = [];
    for (const service of services) {
      const [id, , , selectors, isForForms] = service;
      if (!held.has(id) || allows(service)) continue;
      const places = selectors ? [...document.querySelectorAll(selectors)] : [];
      for (const node of places) if (isFree(node)) fill(node, service);
      if (!isForForms) continue;
      waiting.push([service, places.length > 0]);
      for (const node of places) {
        const form = node.form ?? node.closest("form");
        if (form) noteAt(node.matches(SUBMITS) ? node : buttonOf(form), form, service);
      }
    }
  };
  // Not before the page has loaded: a framework may compare it with what it has sent.
  const schedule = () => {
    if (document.readyState === "complete") timer ||= setTimeout(update, 50);
  };
  addEventListener("load", schedule);
  schedule();
  return { update, schedule, putInShadow };
};
