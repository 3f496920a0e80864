"""Stand-ins for what a shop's pages load from others: a payment service, the buyer's bank, a captcha, a film, a map.

They do what the real ones do, as far as the shop, its buyer and their browser see it.
"""

from __future__ import annotations

__all__ = ["BANK", "answer"]

BANK = "acs.bank.test"
"""The buyer's bank. No list names it."""
STRIPE = """
window.Stripe = () => {
  const heard = (origin) => new Promise((resolve) => {
    addEventListener("message", function listen(event) {
      if (event.origin !== origin) return;
      removeEventListener("message", listen);
      resolve(event.data);
    });
  });
  const frame = (src, at = document.body) => at.appendChild(Object.assign(document.createElement("iframe"), { src }));
  frame("https://m.stripe.network/inner.html").hidden = true;
  navigator.sendBeacon("https://r.stripe.com/b", "x");
  document.cookie = "__stripe_mid=1; max-age=31536000; path=/";
  const card = {
    mount(at) { this.frame = frame("https://js.stripe.com/v3/card.html", document.querySelector(at)); },
  };
  return {
    elements: () => ({ create: () => card }),
    async confirmCardPayment() {
      const number = heard("https://js.stripe.com");
      card.frame.contentWindow.postMessage("number?", "https://js.stripe.com");
      if (!(await number)) return { error: "no card number" };
      await fetch("https://api.stripe.com/v1/payment_intents/pi_1/confirm", { method: "POST" });
      const confirmed = heard("https://hooks.stripe.com");
      const check = frame("https://hooks.stripe.com/authenticate.html");
      Object.assign(check.style, { position: "fixed", inset: "10% 10% auto", background: "white" });
      await confirmed;
      check.remove();
      return { paymentIntent: { id: "pi_1", status: "succeeded" } };
    },
  };
};
"""
CARD = """<!doctype html><title>Card</title><input aria-label="Card number"><script>
addEventListener("message", ({ source, origin }) => source.postMessage(document.querySelector("input").value, origin));
</script>"""
CHECK = f"""<!doctype html><title>Check</title><iframe src="https://{BANK}/challenge.html"></iframe><script>
addEventListener("message", ({{ origin }}) => {{
  if (origin === "https://{BANK}") parent.postMessage("confirmed", "*");
}});
</script>"""
CHALLENGE = """<!doctype html><title>Bank</title>
<button onclick="parent.postMessage('confirmed', '*')">Yes, it is me</button>"""
TRANSFER = """<!doctype html><title>Bank</title><form method="post"><input type="hidden" name="result" value="paid">
<button>Transfer the money</button></form><script>
document.forms[0].action = new URLSearchParams(location.search).get("return");
</script>"""
TURNSTILE = """
for (const place of document.querySelectorAll(".cf-turnstile")) {
  const src = "https://challenges.cloudflare.com/turnstile/check.html";
  place.append(Object.assign(document.createElement("iframe"), { src, height: 65 }));
  addEventListener("message", ({ data, origin }) => {
    if (origin !== "https://challenges.cloudflare.com") return;
    const name = "cf-turnstile-response";
    place.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: data }));
  });
}
"""
PAYPAL = """
navigator.sendBeacon("https://t.paypal.com/ts", "x");
window.paypal = { Buttons: ({ onApprove }) => ({ render(at) {
  const src = "https://www.paypal.com/smart/buttons";
  const frame = Object.assign(document.createElement("iframe"), { src, height: 60 });
  document.querySelector(at).append(frame);
  addEventListener("message", ({ source, data }) => source === frame.contentWindow && onApprove(data));
} }) };
"""
BUTTONS = """<!doctype html><title>PayPal</title>
<button onclick="parent.postMessage('order', '*')">Pay with PayPal</button>"""
RECAPTCHA = """
for (const place of document.querySelectorAll(".g-recaptcha")) {
  if (place.childNodes.length) throw Error("reCAPTCHA placeholder element must be empty");
  const src = "https://www.google.com/recaptcha/api2/anchor";
  place.append(Object.assign(document.createElement("iframe"), { src, height: 78 }));
  addEventListener("message", ({ data, origin }) => {
    if (origin !== "https://www.google.com") return;
    const name = "g-recaptcha-response";
    place.append(Object.assign(document.createElement("input"), { type: "hidden", name, value: data }));
  });
}
"""
HUMAN = """<!doctype html><title>Captcha</title><script>parent.postMessage("human", "*")</script>Success!"""
ANSWERS = {
    "js.stripe.com/v3/": ("text/javascript", STRIPE),
    "js.stripe.com/v3/card.html": ("text/html", CARD),
    "hooks.stripe.com/authenticate.html": ("text/html", CHECK),
    f"{BANK}/challenge.html": ("text/html", CHALLENGE),
    f"{BANK}/transfer": ("text/html", TRANSFER),
    "challenges.cloudflare.com/turnstile/v0/api.js": ("text/javascript", TURNSTILE),
    "challenges.cloudflare.com/turnstile/check.html": ("text/html", HUMAN),
    "www.paypal.com/sdk/js": ("text/javascript", PAYPAL),
    "www.paypal.com/smart/buttons": ("text/html", BUTTONS),
    "www.google.com/recaptcha/api.js": ("text/javascript", RECAPTCHA),
    "www.google.com/recaptcha/api2/anchor": ("text/html", HUMAN),
    "www.google.com/maps/embed": ("text/html", "<!doctype html><title>Map</title>A map"),
}


def answer(host: str, path: str) -> tuple[str, bytes] | None:
    """Return the media type and the body of what is at an address; None if it is none of these services."""
    found = ANSWERS.get(f"{host}{path}")
    return (found[0], found[1].encode("utf-8")) if found else None
