// Keeps what the visitor has typed while the banner loads the page again, which Chromium would not. It is kept in the
// tab's own storage until the page is there again, and what must not be stored is a reason not to load it again.
const makeTyped = (root) => {
  const KEY = "cookie_consent.typed";
  const MOST = 100_000; // characters
  const FIELDS = "input,select,textarea";
  const SECRET = /(^|\s)(cc-\S+|\S*-password|one-time-code)(\s|$)/i;
  const typed = new Set();
  addEventListener(
    "input",
    ({ isTrusted, target }) => {
      if (isTrusted && !root.contains(target)) typed.add(target);
    },
    true,
  );

  const isChecked = (field) => /^(checkbox|radio)$/.test(field.type);
  const mayStore = (field) =>
    field.matches?.(FIELDS) && !/^(password|file)$/.test(field.type) && !SECRET.test(field.autocomplete);
  const fieldsOf = () => [...document.querySelectorAll(FIELDS)].filter((field) => !root.contains(field));
  const nameOf = (field) => `${field.localName} ${field.type} ${field.name} ${field.id}`;
  const contentOf = (field) =>
    isChecked(field)
      ? field.checked
      : field.multiple && field.options
        ? [...field.options].map((option) => option.selected)
        : field.value;
  const entries = () => {
    const fields = fieldsOf();
    const all = [...typed].filter((field) => field.isConnected);
    return all.map((field) => [fields.indexOf(field), nameOf(field), contentOf(field)]);
  };
  const setValue = (field, value) => {
    if (isChecked(field)) field.checked = value;
    else if (Array.isArray(value)) for (const [at, option] of [...field.options].entries()) option.selected = value[at];
    else field.value = value;
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  };

  const restore = () => {
    try {
      const [address, kept] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      sessionStorage.removeItem(KEY);
      const fields = fieldsOf();
      if (address !== location.href) return;
      for (const [at, name, value] of kept) {
        const field = fields[at] && nameOf(fields[at]) === name ? fields[at] : null;
        if (field) setValue(field, value);
        if (field) typed.add(field);
      }
    } catch {} // a sandboxed document, or a browser without storage
  };
  addEventListener("load", restore);

  return {
    // Returns whether nothing that was typed would be lost.
    mayKeep: () =>
      [...typed].every((field) => !field.isConnected || mayStore(field)) && JSON.stringify(entries()).length < MOST,
    keep: () => {
      try {
        if (typed.size) sessionStorage.setItem(KEY, JSON.stringify([location.href, entries()]));
      } catch {} // as above
    },
  };
};
