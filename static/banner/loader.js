// Loads the late part of the banner's script. `file` is its name, beside the endpoint; `take` gets the function that it is.
// A site's policy that lets the banner's own script run lets this one run too, by the same nonce or by a listed hash, which
// the server writes at our element. Where scripts may not give elements an address (Trusted Types), the server sends it
// with the page.
const makeLoader = (root, file, endpoint, take) => {
  const own = root.querySelector("script") ?? document.currentScript;
  const { nonce, dataset } = own ?? {};
  const integrity = dataset?.more;
  let loading = null;
  const find = () => {
    const found = {};
    dispatchEvent(new CustomEvent("cookieconsent:more", { detail: found }));
    return found.make;
  };
  const fetchMore = () =>
    new Promise((done, fail) => {
      const script = document.createElement("script");
      if (nonce) script.nonce = nonce;
      if (integrity) script.integrity = integrity;
      const end = (settle) => () => {
        script.remove();
        settle(new Error("the second part of the banner's script could not be loaded"));
      };
      script.addEventListener("load", end(done));
      script.addEventListener("error", end(fail));
      script.src = new URL(`assets/${file}`, endpoint).href;
      (root.isConnected ? root : document.documentElement).append(script);
    });
  const load = async () => {
    if (!find()) await fetchMore();
    return take(find());
  };
  // Returns a promise of what `take` returns. What failed is tried again the next time.
  return () => {
    loading ??= load().catch((error) => {
      loading = null;
      throw error;
    });
    return loading;
  };
};
