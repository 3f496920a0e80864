// Compiled, never run: how a site in TypeScript uses `window.cookieConsent`. What must be an error is marked as one.
import type { ConsentChoice, ConsentState } from "../../static/cookie-consent";

const choice: ConsentChoice = { granted: ["analytics"], services: { youtube: true } };
const told: string[] = [];
const tell = ({ decided, granted, named }: ConsentState) => told.push(`${decided} ${granted.join()} ${named?.length}`);

export const begin = async () => {
  const consent = window.cookieConsent;
  if (!consent?.allows("analytics")) await consent?.accept();
  const stop = consent?.onChange(tell);
  const state: ConsentState | undefined = await consent?.save(choice);
  document.addEventListener("cookieconsent:change", ({ detail }) => tell(detail));
  const place: HTMLElement = document.createElement("consent-placeholder");
  place.setAttribute("service", "youtube");
  for (const { kind, name } of consent?.held ?? []) told.push(kind === "cookie" ? name : "");
  // @ts-expect-error - the state is read only
  if (state) state.granted = [];
  // @ts-expect-error - granted is a list
  await consent?.save({ granted: "analytics" });
  // @ts-expect-error - the page may have no guard
  window.cookieConsent.refuse();
  stop?.();
};
