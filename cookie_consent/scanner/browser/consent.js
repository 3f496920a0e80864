// Finds consent tools, says what they know of the visitor's choice, and finds how to answer them.
// It is evaluated as a function whose result has three members. The names of interfaces are their makers'
// documented ones.
function consent() {
  const call = (work) => {
    try {
      return work();
    } catch {
      return undefined;
    }
  };
  const short = (value) => {
    const found = call(() => (typeof value === "string" ? value : JSON.stringify(value)));
    return typeof found === "string" ? found.slice(0, 500) : "";
  };
  const g = globalThis;
  const tools = [
    {
      name: "cookie_consent",
      is: () => g.cookieConsent && typeof g.cookieConsent.allows === "function",
      state: () => g.cookieConsent.state,
      accept: ":is(#consent-root, #cookie-consent) [data-action=accept], .cc-panel [data-action=accept]",
      refuse: ":is(#consent-root, #cookie-consent) [data-action=refuse], .cc-panel [data-action=refuse]",
    },
    {
      name: "Cookiebot",
      is: () => g.Cookiebot,
      state: () => g.Cookiebot.consent,
      accept: "#CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll, #CybotCookiebotDialogBodyButtonAccept",
      refuse: "#CybotCookiebotDialogBodyButtonDecline",
      acceptBy: () => g.Cookiebot.submitCustomConsent(true, true, true),
      refuseBy: () => g.Cookiebot.submitCustomConsent(false, false, false),
    },
    {
      name: "OneTrust",
      is: () => g.OneTrust,
      state: () => g.OnetrustActiveGroups,
      accept: "#onetrust-accept-btn-handler",
      refuse: "#onetrust-reject-all-handler",
      acceptBy: () => g.OneTrust.AllowAll(),
      refuseBy: () => g.OneTrust.RejectAll(),
    },
    {
      name: "Usercentrics",
      is: () => g.UC_UI || g.__ucCmp || g.usercentrics,
      state: () => g.UC_UI?.getServicesBaseInfo?.().map((each) => [each.name, each.consent?.status]),
      accept: "[data-testid=uc-accept-all-button]",
      refuse: "[data-testid=uc-deny-all-button]",
      acceptBy: () => (g.__ucCmp ?? g.UC_UI).acceptAllConsents(),
      refuseBy: () => (g.__ucCmp ?? g.UC_UI).denyAllConsents(),
    },
    {
      name: "Didomi",
      is: () => g.Didomi,
      state: () => g.Didomi.getCurrentUserStatus?.().purposes,
      accept: "#didomi-notice-agree-button",
      refuse: "#didomi-notice-disagree-button",
      acceptBy: () => g.Didomi.setUserAgreeToAll(),
      refuseBy: () => g.Didomi.setUserDisagreeToAll(),
    },
    {
      name: "Klaro",
      is: () => g.klaro?.getManager,
      state: () => g.klaro.getManager().consents,
      accept: ".klaro .cm-btn-accept-all, .klaro .cm-btn-success",
      refuse: ".klaro .cn-decline, .klaro .cm-btn-decline",
      acceptBy: () => {
        g.klaro.getManager().changeAll(true);
        g.klaro.getManager().saveAndApplyConsents();
      },
      refuseBy: () => {
        g.klaro.getManager().changeAll(false);
        g.klaro.getManager().saveAndApplyConsents();
      },
    },
    {
      name: "tarteaucitron",
      is: () => g.tarteaucitron,
      state: () => g.tarteaucitron.state,
      accept: "#tarteaucitronPersonalize2, #tarteaucitronAllAllowed",
      refuse: "#tarteaucitronAllDenied2, #tarteaucitronAllDenied",
      acceptBy: () => g.tarteaucitron.userInterface.respondAll(true),
      refuseBy: () => g.tarteaucitron.userInterface.respondAll(false),
    },
    {
      name: "CookieConsent (orestbida)",
      is: () => g.CookieConsent?.acceptCategory,
      state: () => g.CookieConsent.getUserPreferences?.().acceptedCategories,
      accept: "#cc-main [data-role=all]",
      refuse: "#cc-main [data-role=necessary]",
      acceptBy: () => g.CookieConsent.acceptCategory("all"),
      refuseBy: () => g.CookieConsent.acceptCategory([]),
    },
    {
      name: "Osano",
      is: () => g.Osano?.cm,
      state: () => g.Osano.cm.getConsent?.(),
      accept: ".osano-cm-accept-all, .osano-cm-accept",
      refuse: ".osano-cm-denyAll, .osano-cm-deny",
    },
    {
      name: "Complianz",
      is: () => g.complianz,
      state: () => document.cookie.match(/cmplz_[a-z_-]+=[a-z]+/g),
      accept: ".cmplz-cookiebanner .cmplz-accept",
      refuse: ".cmplz-cookiebanner .cmplz-deny",
      acceptBy: () => g.cmplz_accept_all(),
      refuseBy: () => g.cmplz_deny_all(),
    },
    {
      name: "CookieYes",
      is: () => g.getCkyConsent || document.querySelector("[data-cky-tag]"),
      state: () => g.getCkyConsent?.().categories,
      accept: "[data-cky-tag=accept-button]",
      refuse: "[data-cky-tag=reject-button]",
      acceptBy: () => g.performBannerAction("accept_all"),
      refuseBy: () => g.performBannerAction("reject"),
    },
    {
      name: "iubenda",
      is: () => g._iub?.cs,
      state: () => g._iub.cs.consent,
      accept: ".iubenda-cs-accept-btn",
      refuse: ".iubenda-cs-reject-btn",
    },
    {
      name: "consentmanager",
      is: () => typeof g.__cmp === "function" && (g.cmp_id || document.querySelector("#cmpbox")),
      state: () => g.__cmp("getCMPData"),
      accept: "#cmpbntyestxt, #cmpwelcomebtnyes a",
      refuse: "#cmpbntnotxt, #cmpwelcomebtnno a",
      acceptBy: () => g.__cmp("setConsent", 1),
      refuseBy: () => g.__cmp("setConsent", 0),
    },
    {
      name: "Cookie Script",
      is: () => g.CookieScript?.instance,
      state: () => g.CookieScript.instance.currentState?.(),
      accept: "#cookiescript_accept",
      refuse: "#cookiescript_reject",
      acceptBy: () => g.CookieScript.instance.acceptAllAction(),
      refuseBy: () => g.CookieScript.instance.rejectAllAction(),
    },
    {
      name: "TrustArc",
      is: () => g.truste,
      state: () => g.truste.cma?.callApi?.("getConsent", location.hostname),
      accept: "#truste-consent-button",
      refuse: "#truste-consent-required",
    },
    {
      name: "Termly",
      is: () => g.Termly || document.querySelector("[data-tid=banner-accept]"),
      state: () => g.Termly?.getConsentState?.(),
      accept: "[data-tid=banner-accept]",
      refuse: "[data-tid=banner-decline]",
    },
    {
      name: "HubSpot",
      is: () => document.querySelector("#hs-eu-cookie-confirmation"),
      state: () => document.cookie.match(/__hs_cookie_cat_pref=[^;]*/)?.[0],
      accept: "#hs-eu-confirmation-button",
      refuse: "#hs-eu-decline-button",
    },
    {
      name: "Axeptio",
      is: () => g.axeptioSDK || g._axcb,
      state: () => g.axeptioSDK?.userPreferencesManager?.choices,
      accept: "#axeptio_btn_acceptAll",
      refuse: "#axeptio_btn_dismiss",
    },
    {
      name: "Sourcepoint",
      is: () => g._sp_,
      state: () => "",
      accept: "button.sp_choice_type_11",
      refuse: "button.sp_choice_type_13",
    },
  ];
  const found = () => tools.filter((tool) => call(tool.is));

  // Interfaces that several makers share.
  const tell = (name, ask) =>
    new Promise((done) => {
      if (typeof g[name] !== "function") return done(null);
      setTimeout(() => done({ name, state: "no answer" }), 1000);
      call(() => ask((state) => done({ name, state: short(state) })));
    });
  const states = async () => {
    const shared = await Promise.all([
      tell("__tcfapi", (done) =>
        g.__tcfapi("ping", 2, (ping) =>
          done(
            `cmpId=${ping?.cmpId} status=${ping?.cmpStatus} display=${ping?.displayStatus} gdprApplies=${ping?.gdprApplies}`,
          ),
        ),
      ),
      tell("__uspapi", (done) => g.__uspapi("getUSPData", 1, (data) => done(data?.uspString))),
      tell("__gpp", (done) => g.__gpp("ping", (ping) => done(ping?.gppString ?? `cmpId=${ping?.cmpId}`))),
    ]);
    const own = found().map((tool) => ({ name: tool.name, state: short(call(tool.state)) }));
    return [...own, ...shared.filter(Boolean)];
  };

  const roots = () => {
    const all = [document];
    for (const root of all) {
      for (const element of root.querySelectorAll("*")) {
        if (element.shadowRoot && all.length < 50) all.push(element.shadowRoot);
      }
    }
    return all;
  };
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";
  };
  const first = (selectors) => {
    for (const root of roots()) {
      for (const element of root.querySelectorAll(selectors)) if (shown(element)) return element;
    }
    return null;
  };

  const subject =
    /cookie|consent|gdpr|privacy|datenschutz|einwillig|vie privée|confidentialit|traceurs|privacidad|privacidade|riservatezza|toestemming|personvern|samtyck|samtykke|evästee|soukrom|prywatno|adatvéd|súkrom|confidențialit|απόρρητ|конфиденциал/i;
  const words = {
    refuse:
      /\b(reject|refuse|decline|deny|disagree|do not (accept|agree|allow|consent)|don['’]t (accept|agree|allow)|no,? thanks|without (accepting|agreeing|consent)|(only|just) (the )?(strictly )?(necessary|essential|required)|(strictly )?(necessary|essential|required)( cookies)? only|opt out)\b|ablehnen|verweigern|nur (notwendige|erforderliche|essenzielle|essentielle|technisch)|ohne (einwilligung|zustimmung)|refuser|rejeter|sans accepter|interdire|uniquement les (cookies )?(nécessaires|essentiels)|rechazar|denegar|no acepto|solo (las |los )?(cookies )?(necesari|esencial)|rifiut|nega\b|solo (i |cookie )?necessari|senza accettare|weiger|afwijz|alleen (noodzakelijk|functione)|rejeitar|recusar|apenas (os )?(cookies )?(necess|essenc)|avvisa|neka\b|endast nödvändig|afvis|kun nødvendig|avvis|hylkää|kiellä|vain (välttäm|pakoll)|odmítn|odmiet|pouze (nezbytn|nutn)|odrzuć|odmawiam|tylko niezbędn|elutasít|csak a szükséges|refuz|respinge|απόρριψη|отклон|відхил|odbij|zavrni|keeldu|noraid|atmest/i,
    accept:
      /\b(accept|agree|allow|i consent|consent to all|got it|understood|i understand|enable all|yes,? i)\b|^ok(ay)?[.!]?$|akzeptier|zustimm|einverstanden|alle (cookies )?(zulassen|erlauben|auswählen)|accepter|autoriser|j['’]accepte|tout accepter|d['’]accord|acept|permitir tod|accett|acconsent|consenti\b|accepteer|akkoord|toestaan|aceit|concordo|godkänn|acceptera|tillåt|accepter alle|tillad|godta|godkjenn|tillat|hyväksy|salli|souhlasím|přijm|povolit|prijať|súhlasím|akceptuj|zgadzam|zezwól|elfogad|engedélyez|accept[aă]|αποδοχή|συμφων|принять|согла|прийняти|prihvati|sprejmi|nõustu|piekrītu|sutinku/i,
  };
  const label = (element) => {
    const text = element.innerText || element.value || element.getAttribute("aria-label") || element.title || "";
    return String(text).replace(/\s+/g, " ").trim();
  };
  // The nearest ancestor that stands out from the page and speaks of cookies or privacy.
  const dialogue = (element) => {
    for (let at = element, depth = 0; at && depth < 15; depth += 1) {
      if (at instanceof Element) {
        const place = getComputedStyle(at).position;
        const stands =
          place === "fixed" ||
          place === "sticky" ||
          /^(alert)?dialog$/.test(at.getAttribute("role") ?? "") ||
          at.localName === "dialog" ||
          subject.test(`${at.id} ${at.getAttribute("class") ?? ""} ${at.getAttribute("aria-label") ?? ""}`);
        if (stands && at !== document.body && at !== document.documentElement) {
          const text = (at.innerText ?? "").slice(0, 5000);
          if (subject.test(text)) return at;
        }
      }
      at = at.parentNode instanceof ShadowRoot ? at.parentNode.host : at.parentNode;
    }
    return null;
  };
  const worded = (action) => {
    const buttons = [];
    for (const root of roots()) {
      for (const element of root.querySelectorAll("button, [role=button], input[type=button], input[type=submit], a")) {
        if (buttons.length >= 2000) break;
        buttons.push(element);
      }
    }
    for (const element of buttons) {
      const text = label(element);
      if (!text || text.length > 70 || !shown(element)) continue;
      const refuses = words.refuse.test(text);
      if ((action === "refuse" ? refuses : !refuses && words.accept.test(text)) && dialogue(element)) return element;
    }
    return null;
  };

  return {
    states,
    dialogue,
    // The button that gives the answer, or null.
    button: (action) => {
      const selectors = found()
        .map((tool) => tool[action])
        .filter(Boolean);
      return (selectors.length && first(selectors.join(","))) || worded(action);
    },
    // Gives the answer by a tool's own interface; returns the tool's name, or nothing.
    answer: (action) => {
      for (const tool of found()) {
        const by = tool[`${action}By`];
        if (!by) continue;
        try {
          by();
          return tool.name;
        } catch {}
      }
      return "";
    },
  };
}
