// Intercepts what a page's scripts write in the browser, in the page and in the frames that it creates. Returns a
// function that instruments a window. `parse` parses a cookie, and `decide` returns what to do with it. `mayStore`
// returns whether a name may be stored, `mayOpen` whether a database may be opened, for which it finds out what it does
// not know, and `holdStorage` records that one was held, and returns whether it is refused for certain. `makeReady` is
// called before a script reads cookies or storage. `arms` instrument the window for connections. `beginOther` is called for windows that a script opens, and `takeViolation`
// for violations in them.
const makeArm = (tools) => {
  const { parse, decide, mayStore, mayOpen, holdStorage, makeReady, arms, beginOther, takeViolation } = tools;
  const armed = new WeakSet();
  const reading = (read) =>
    function (...values) {
      makeReady();
      return read.apply(this, values);
    };
  const arm = (realm) => {
    const page = realm.Document.prototype;
    if (armed.has(page)) return;
    armed.add(page);
    wrap(
      page,
      "cookie",
      (set) =>
        function (value) {
          const text = `${value}`;
          const { pair, rest, name, value: content, seconds } = parse(text);
          const verdict = decide(name, content, seconds, () => {
            this.cookie = text;
          });
          if (verdict === "keep") set.call(this, text);
          else if (verdict === "session") set.call(this, [pair, ...rest].join(";"));
          else if (verdict !== "drop") set.call(this, [pair, ...rest, ` Max-Age=${verdict}`].join(";"));
        },
      "set",
    );
    wrap(
      realm.CookieStore?.prototype,
      "set",
      (set) =>
        function (...values) {
          const options = typeof values[0] === "object" ? { ...values[0] } : { name: values[0], value: values[1] };
          const { name, value, expires, maxAge } = options;
          const seconds = maxAge ?? (expires == null ? undefined : (expires - Date.now()) / 1000);
          const verdict = decide(`${name}`, `${value}`, seconds, () => this.set(options));
          if (verdict === "keep") return set.apply(this, values);
          if (verdict === "drop") return Promise.resolve();
          delete options.maxAge;
          return set.call(this, { ...options, expires: verdict === "session" ? null : Date.now() + verdict * 1000 });
        },
    );
    wrap(
      realm.Storage?.prototype,
      "setItem",
      (setItem) =>
        function (...values) {
          const name = `${values[0]}`;
          if (mayStore(name)) return setItem.apply(this, values);
          holdStorage(name, () => this.setItem(...values));
        },
    );
    wrap(
      realm.IDBFactory?.prototype,
      "open",
      (open) =>
        function (...values) {
          const name = `${values[0]}`;
          if (mayOpen(name)) return open.apply(this, values);
          // It must fail as in a browser without storage, so the creation of a new database is aborted.
          if (holdStorage(name)) this.deleteDatabase(name);
          const request = open.apply(this, values);
          request.addEventListener("upgradeneeded", (event) => {
            event.stopImmediatePropagation();
            request.transaction.abort();
          });
          return request;
        },
    );
    wrap(
      realm.CacheStorage?.prototype,
      "open",
      (open) =>
        function (...values) {
          if (mayOpen(`${values[0]}`)) return open.apply(this, values);
          holdStorage(`${values[0]}`);
          return Promise.reject(new DOMException("not agreed to", "SecurityError"));
        },
    );
    wrap(page, "cookie", reading, "get");
    for (const name of ["localStorage", "sessionStorage"]) wrap(realm, name, reading, "get");
    for (const name of ["get", "getAll"]) wrap(realm.CookieStore?.prototype, name, reading);
    for (const other of arms) other(realm);
    realm.addEventListener("securitypolicyviolation", takeViolation, true);
    // A frame or window that a script creates has its own prototypes.
    for (const kind of ["IFrame", "Frame", "Object"]) {
      for (const name of ["contentWindow", "contentDocument"]) {
        const reach = (get) =>
          function () {
            const inner = get.call(this);
            armOther(inner);
            return inner;
          };
        wrap(realm[`HTML${kind}Element`]?.prototype, name, reach, "get");
      }
    }
    wrap(
      realm,
      "open",
      (open) =>
        function (...values) {
          const opened = open.apply(this ?? realm, values);
          if (opened) beginOther();
          armOther(opened);
          return opened;
        },
    );
  };
  // Pages of the site have their own guard. Those of another origin can neither be reached nor reach this page.
  const armOther = (inner) => {
    try {
      const realm = inner?.defaultView ?? inner;
      if (realm && !/^http/.test(realm.location.protocol)) arm(realm);
    } catch {}
  };

  return arm;
};
