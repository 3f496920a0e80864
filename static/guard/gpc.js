// Global Privacy Control (GPC) where the browser has it on but the server got no header: behind a cache that strips it,
// for example. A choice that was made without GPC then does not cover sale and sharing. A cookie informs the server.
const makeGpc = (rules, { gpc, sight }) => {
  const isOn = navigator.globalPrivacyControl === true;
  const isHeaderMissing = isOn && gpc === undefined;
  // A service whose rules are not here yet may be sold.
  const isSold = (category) => category === undefined || rules.sold.includes(category);
  const categoryOf = (service) => {
    const isUnknown = !rules.known.filter || service.includes(".");
    return rules.owners.find(([id]) => id === service)?.[1] ?? (isUnknown ? "unclassified" : undefined);
  };
  const flags = () => `;Path=/;SameSite=Lax${location.protocol === "https:" ? ";Secure" : ""}`;
  const isAnnounced = (read) => read().split("; ").includes(`${rules.gpcCookie}=1`);
  return {
    isHeaderMissing,
    // Returns what remains granted. A choice that was made with GPC on is not limited.
    limit: ({ granted, services }) => {
      if (!isHeaderMissing || sight !== undefined) return { granted, services };
      const kept = Object.entries(services).filter(([id, on]) => !(on && isSold(categoryOf(id))));
      return { granted: granted.filter((category) => !isSold(category)), services: Object.fromEntries(kept) };
    },
    // Returns whether GPC refuses a category about which nothing else was chosen.
    refuses: (category) => (isOn || gpc !== undefined) && isSold(category),
    // Sets the cookie. Returns whether a reload can make a difference.
    announce: (read, write) => {
      if (!isHeaderMissing || isAnnounced(read)) return false;
      write(`${rules.gpcCookie}=1${flags()}`);
      return isAnnounced(read);
    },
    // Deletes it once GPC is off.
    forget: (read, write) => {
      if (!isOn && isAnnounced(read)) write(`${rules.gpcCookie}=;Max-Age=0${flags()}`);
    },
  };
};
