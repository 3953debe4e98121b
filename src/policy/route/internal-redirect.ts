// Redirects that the proxy follows in its client's place (Envoy's internal_redirect_policy): where an answer points to,
// and what a route allows of it.

/** What a route follows. */
export interface InternalRedirects {
  /** Of one request. */
  readonly max: number;
  readonly statuses: readonly number[];
  /** From https to http and back. */
  readonly crossScheme: boolean;
  /** Lower-case names of fields that the next request takes from the answer: absent there, absent here. */
  readonly copied: readonly string[];
  /** All must agree. */
  readonly predicates: readonly RedirectPredicate[];
}

export type RedirectPredicate =
  /** Routes that it may lead to, by their names. */
  | { readonly kind: 'allow-listed'; readonly names: ReadonlySet<string> }
  /** None that this route has led to before. */
  | { readonly kind: 'previous' }
  /** Never from http to https. */
  | { readonly kind: 'safe-cross-scheme' };

export interface RedirectTarget {
  readonly scheme: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
}

/** Envoy's: absolute, with a host; user and fragment are left out. null: it is no such location. */
export function parseLocation(text: string): RedirectTarget | null {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^#]*)(?:#.*)?$/.exec(text);
  const [, scheme = '', place = '', rest = ''] = match ?? [];
  const authority = place.slice(place.lastIndexOf('@') + 1);
  if (!isAuthority(authority) || /[^!-~]/.test(rest)) return null;
  return { scheme: scheme.toLowerCase(), authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

function isAuthority(text: string): boolean {
  const match = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

/** What a request has been through: where its redirects led to, by the routes that said so. */
export class RedirectHistory {
  count = 0;
  private readonly led = new Map<string, Set<string>>();

  /** False: it did so before. */
  note(from: string, to: string): boolean {
    const before = this.led.get(from) ?? new Set();
    if (before.has(to)) return false;
    this.led.set(from, before.add(to));
    return true;
  }
}

export interface RedirectStep {
  /** Names of routes. */
  readonly from: string;
  readonly to: string;
  readonly fromHttps: boolean;
  readonly toHttps: boolean;
}

/** Whether all agree; those before the first that does not have noted the step. */
export function allowsRedirect(
  { predicates }: InternalRedirects,
  step: RedirectStep,
  history: RedirectHistory,
): boolean {
  return predicates.every((predicate) => {
    switch (predicate.kind) {
      case 'allow-listed':
        return predicate.names.has(step.to);
      case 'previous':
        return history.note(step.from, step.to);
      default:
        return step.fromHttps || !step.toHttps;
    }
  });
}
