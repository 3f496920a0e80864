// What a page that passes the cookie_consent middleware has: `window.cookieConsent`, an event, and an element.

/** What the visitor has chosen. It comes from the server, and is frozen. */
export interface ConsentState {
  /** Whether nothing that is asked for is unanswered. */
  readonly decided: boolean;
  /** The categories that are granted; the necessary ones are among them. */
  readonly granted: readonly string[];
  readonly refused: readonly string[];
  /** The categories that are neither. They are held like refused ones. */
  readonly unanswered: readonly string[];
  /** Services that were answered one by one, whatever their category. */
  readonly services: Readonly<Record<string, boolean>>;
  /** The services that granted categories cover; null where that is not known. */
  readonly named: readonly string[] | null;
  /** The services that are new since the answer. */
  readonly pending: readonly string[];
  /** The services that are allowed for this visit only. */
  readonly visit: readonly string[];
  /** The consent id; null before the server was asked, and for a visitor who has refused all. */
  readonly id: string | null;
  readonly policy_version: string;
  /** When it was answered, in ISO 8601; null before the server was asked. */
  readonly decided_at: string | null;
}

/** Something that is held back on this page. */
export interface HeldItem {
  readonly kind: "cookie" | "storage" | "host" | "call" | "worker" | "element" | "header";
  readonly name: string;
  readonly category: string;
  /** Empty where no service is known. */
  readonly service: string;
  readonly layer: "guard" | "csp" | "html" | "header";
  /** Set for a host that a script wanted to show in a frame. */
  readonly frame?: boolean;
}

/** An answer for categories, services or both. Without `granted` the services alone change. */
export interface ConsentChoice {
  /** The categories that are granted. All others are refused. */
  granted?: readonly string[];
  /** Exceptions from the categories. */
  services?: Readonly<Record<string, boolean>>;
}

export interface CookieConsent {
  readonly state: ConsentState;
  readonly held: readonly HeldItem[];
  /** Whether a category or a service is granted. */
  allows(name: string): boolean;
  /** Leads to the banner, or to the settings after a choice. */
  show(): void;
  /** Grants all that is asked for. Rejects outside a visitor's click or key. Pending where the page is loaded again. */
  accept(): Promise<ConsentState>;
  /** Refuses all that is not necessary. */
  refuse(): Promise<ConsentState>;
  /** Saves an answer. Rejects if it grants something outside a visitor's click or key. */
  save(choice: ConsentChoice): Promise<ConsentState>;
  /** Calls the listener at each change; returns what removes it. */
  onChange(listener: (state: ConsentState) => void): () => void;
  /** Asks the server for the state. */
  refresh(): Promise<ConsentState>;
}

/** `<consent-placeholder service="ID">` */
export interface ConsentPlaceholderElement extends HTMLElement {}

declare global {
  interface Window {
    /** Missing where the policy switches the guard off. */
    readonly cookieConsent?: CookieConsent;
  }
  interface DocumentEventMap {
    "cookieconsent:change": CustomEvent<ConsentState>;
  }
  interface HTMLElementTagNameMap {
    "consent-placeholder": ConsentPlaceholderElement;
  }
}
