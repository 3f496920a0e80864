// Global Privacy Control where the browser has it on but no header came, such as behind a cache that takes headers off.
// A choice that was made without the signal does not cover sale and sharing then. The server is told by a cookie.
const makeSignal = (rules, { gpc, sight }) => {
  const isOn = navigator.globalPrivacyControl === true;
  const isUnheard = isOn && gpc === undefined;
  const isSold = (category) => rules.sold.includes(category);
  const categoryOf = (service) => rules.owners.find(([id]) => id === service)?.[1] ?? "unclassified";
  return {
    // What is left of what was granted, unless the choice was made in sight of the signal.
    limit: ({ granted, services }) => {
      if (!isUnheard || sight !== undefined) return { granted, services };
      const kept = Object.entries(services).filter(([id, on]) => !(on && isSold(categoryOf(id))));
      return { granted: granted.filter((category) => !isSold(category)), services: Object.fromEntries(kept) };
    },
    // Sets the cookie, or deletes it once the signal is off. Says whether the next page can be another one for it.
    tell: (read, write) => {
      const isTold = () => read().split("; ").includes(`${rules.signal}=1`);
      const wasTold = isTold();
      const flags = `;Path=/;SameSite=Lax${location.protocol === "https:" ? ";Secure" : ""}`;
      if (isUnheard) write(`${rules.signal}=1${flags}`);
      else if (wasTold && !isOn) write(`${rules.signal}=;Max-Age=0${flags}`);
      return !wasTold && isTold();
    },
  };
};
