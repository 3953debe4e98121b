// What a line of the request tables says (server-cases.ts, tunnel-cases.ts).

export interface RequestCase {
  readonly name: string;
  readonly raw: string;
  /** Events heard by the host, first ones last left out where a case ends early. */
  readonly events: readonly string[];
}

export function accepted(name: string, raw: string, ...events: readonly string[]): RequestCase {
  return { name, raw, events };
}

export function refused(name: string, raw: string, status: number, message: string): RequestCase {
  return { name, raw, events: [`refused ${status}: ${message}`] };
}
