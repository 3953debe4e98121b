// Whom a workload says it calls, in an annotation and on the command line: Services by name, or those that it may call.

/** `ledger, rates.market`, or `allowed`; null: neither. */
export function parseCalls(text: string): readonly string[] | 'allowed' | null {
  if (text.trim() === 'allowed') return 'allowed';
  const names = text.split(',').map((name) => name.trim());
  return names.every((name) => serviceName.test(name)) ? names : null;
}

const serviceName = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}(\.svc(\.cluster\.local)?)?)?$/;

/** What it must be. */
export const callsWanted = 'Services as ledger,rates.market, or allowed';
