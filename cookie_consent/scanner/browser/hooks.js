// Runs before any script of a page, in each of its frames and workers, and reports what CDP has no event for: which
// script wrote a cookie or a storage key, started a worker, or read out the device. It keeps its own references to
// what it calls, as pages may replace anything later.
function hooks(binding, most) {
  const scope = globalThis;
  const send = scope[binding];
  if (typeof send !== "function") return;
  try {
    delete scope[binding];
  } catch {}
  const { apply, getOwnPropertyDescriptor, defineProperty, ownKeys } = Reflect;
  const NativeError = Error;
  const { stringify } = JSON;
  const text = String;
  const NativeMap = Map;
  const mapGet = Map.prototype.get;
  const mapSet = Map.prototype.set;
  const setHas = Set.prototype.has;
  const setAdd = Set.prototype.add;
  const slice = String.prototype.slice;
  const indexOf = String.prototype.indexOf;
  const seen = new Set();
  let left = most;

  const stack = () => {
    const limit = getOwnPropertyDescriptor(NativeError, "stackTraceLimit");
    const prepare = getOwnPropertyDescriptor(NativeError, "prepareStackTrace");
    try {
      if (prepare) NativeError.prepareStackTrace = undefined;
      NativeError.stackTraceLimit = 30;
      return apply(slice, text(new NativeError().stack), [0, 6000]);
    } catch {
      return "";
    } finally {
      try {
        if (limit) defineProperty(NativeError, "stackTraceLimit", limit);
        if (prepare) defineProperty(NativeError, "prepareStackTrace", prepare);
      } catch {}
    }
  };
  const where = () => {
    try {
      return [text(scope.location.href), text(scope.origin)];
    } catch {
      return ["", ""];
    }
  };
  // The same thing from the same place is told once: a page that writes a key a million times costs one report.
  const report = (kind, name, value, extra) => {
    if (left <= 0) return;
    const at = stack();
    const key = `${kind}\n${name}\n${extra ?? ""}\n${at}`;
    if (apply(setHas, seen, [key])) return;
    apply(setAdd, seen, [key]);
    left -= 1;
    const [href, origin] = where();
    try {
      send(
        stringify({
          kind,
          name: apply(slice, text(name), [0, 5000]),
          value,
          extra,
          stack: at,
          href,
          origin,
          toJSON: undefined,
        }),
      );
    } catch {}
  };

  const wrap = (owner, name, before) => {
    const found = owner && getOwnPropertyDescriptor(owner, name);
    if (!found || typeof found.value !== "function" || !found.configurable) return;
    const original = found.value;
    const wrapper = {
      [name](...given) {
        try {
          before(this, given);
        } catch {}
        return new.target ? Reflect.construct(original, given, new.target) : apply(original, this, given);
      },
    }[name];
    defineProperty(wrapper, "length", { value: original.length, configurable: true });
    defineProperty(owner, name, { ...found, value: wrapper });
  };
  const wrapAccessor = (owner, name, { set, get }) => {
    const found = owner && getOwnPropertyDescriptor(owner, name);
    if (!found?.configurable || !found.get) return;
    defineProperty(owner, name, {
      ...found,
      get: get
        ? function () {
            try {
              get();
            } catch {}
            return apply(found.get, this, []);
          }
        : found.get,
      set:
        set && found.set
          ? function (value) {
              apply(found.set, this, [value]);
              try {
                set(value);
              } catch {}
            }
          : found.set,
    });
  };
  const wrapConstructor = (name, before) => {
    const found = getOwnPropertyDescriptor(scope, name);
    if (typeof found?.value !== "function") return;
    defineProperty(scope, name, {
      ...found,
      value: new Proxy(found.value, {
        construct(target, given, made) {
          try {
            before(given);
          } catch {}
          return Reflect.construct(target, given, made);
        },
      }),
    });
  };

  // Cookies.
  wrapAccessor(scope.Document?.prototype, "cookie", {
    set: (value) => {
      const line = apply(slice, text(value), [0, 5000]);
      const end = apply(indexOf, line, ["="]);
      report("cookie", apply(slice, line, [0, end < 0 ? 80 : end]), line);
    },
  });
  wrap(scope.CookieStore?.prototype, "set", (_, [first, second]) => {
    const cookie = typeof first === "object" && first ? first : { name: first, value: second };
    report("cookie store", text(cookie.name), {
      value: apply(slice, text(cookie.value), [0, 200]),
      expires: cookie.expires == null ? null : +cookie.expires,
      domain: cookie.domain == null ? "" : text(cookie.domain),
      path: cookie.path == null ? "/" : text(cookie.path),
      sameSite: cookie.sameSite == null ? "strict" : text(cookie.sameSite),
      partitioned: !!cookie.partitioned,
    });
  });

  // Storage.
  if (scope.Storage) {
    let local = null;
    let session = null;
    try {
      local = scope.localStorage;
      session = scope.sessionStorage;
    } catch {}
    wrap(scope.Storage.prototype, "setItem", (store, [name]) => {
      const kind = store === local ? "localStorage" : store === session ? "sessionStorage" : "";
      if (kind) report("key", name, null, kind);
    });
  }
  wrap(scope.IDBFactory?.prototype, "open", (_, [name]) => report("key", name, null, "IndexedDB"));
  wrap(scope.CacheStorage?.prototype, "open", (_, [name]) => report("key", name, null, "CacheStorage"));

  // Workers.
  const address = (given) => text(new URL(text(given), scope.document?.baseURI ?? scope.location.href));
  wrapConstructor("Worker", ([script]) => report("worker", address(script), null, "worker"));
  wrapConstructor("SharedWorker", ([script]) => report("worker", address(script), null, "worker"));
  wrap(scope.ServiceWorkerContainer?.prototype, "register", (_, [script]) =>
    report("worker", address(script), null, "service worker"),
  );

  // What reads out the device. Calls are counted by script, and told at 1, 2, 4, 8 and so on.
  const counts = new NativeMap();
  const count = (name) => {
    if (left <= 0) return;
    const at = stack();
    const key = `${name}\n${at}`;
    const calls = (apply(mapGet, counts, [key]) ?? 0) + 1;
    if (calls === 1 && counts.size >= 500) return;
    apply(mapSet, counts, [key, calls]);
    if ((calls & (calls - 1)) === 0) {
      left -= 1;
      const [href, origin] = where();
      try {
        send(stringify({ kind: "api", name, value: calls, stack: at, href, origin, toJSON: undefined }));
      } catch {}
    }
  };
  const many = (name, least) => {
    const different = new Set();
    let calls = 0;
    return (what) => {
      if (++calls > 20000 || different.size >= least) return;
      apply(setAdd, different, [what]);
      if (different.size >= least) count(name);
    };
  };
  for (const owner of [scope.HTMLCanvasElement, scope.OffscreenCanvas]) {
    for (const name of ["toDataURL", "toBlob", "convertToBlob"]) {
      wrap(owner?.prototype, name, () => count(`canvas.${name}`));
    }
  }
  for (const owner of [scope.CanvasRenderingContext2D, scope.OffscreenCanvasRenderingContext2D]) {
    const fonts = many("measureText, many fonts", 20);
    wrap(owner?.prototype, "getImageData", () => count("canvas.getImageData"));
    wrap(owner?.prototype, "measureText", (context) => fonts(context.font));
  }
  for (const owner of [scope.WebGLRenderingContext, scope.WebGL2RenderingContext]) {
    wrap(owner?.prototype, "readPixels", () => count("webgl.readPixels"));
    wrap(owner?.prototype, "getParameter", (_, [which]) => {
      // VENDOR, RENDERER, and both unmasked (WEBGL_debug_renderer_info)
      if (which === 7936 || which === 7937 || which === 37445 || which === 37446) count("webgl.getParameter, renderer");
    });
  }
  for (const name of ["AudioContext", "OfflineAudioContext"]) wrapConstructor(name, () => count(name));
  wrapConstructor("RTCPeerConnection", () => count("RTCPeerConnection"));
  wrap(scope.Navigator?.prototype, "getBattery", () => count("navigator.getBattery"));
  wrap(scope.NavigatorUAData?.prototype, "getHighEntropyValues", () => count("navigator.userAgentData"));
  wrap(scope.MediaDevices?.prototype, "enumerateDevices", () => count("mediaDevices.enumerateDevices"));
  const checks = many("fonts.check, many fonts", 20);
  wrap(scope.FontFaceSet?.prototype, "check", (_, [font]) => checks(text(font)));
  const traits = many("navigator, many traits", 10);
  for (const owner of [scope.Navigator?.prototype, scope.WorkerNavigator?.prototype, scope.Screen?.prototype]) {
    if (!owner) continue;
    for (const name of ownKeys(owner)) {
      // What ordinary pages read does not count.
      if (
        typeof name !== "string" ||
        /^(serviceWorker|clipboard|credentials|locks|onLine|storage|userActivation|permissions|mediaDevices|geolocation)$/.test(
          name,
        )
      )
        continue;
      wrapAccessor(owner, name, { get: () => traits(name) });
    }
  }
}
