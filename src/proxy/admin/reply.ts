// What a page returns, and what it is given.

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  /** A whole text, or slices that are made and sent one a turn of the event loop. */
  readonly body: string | Iterator<string, void>;
}

export function text(body: string, status = 200): AdminReply {
  return { status, contentType: 'text/plain; charset=UTF-8', body };
}

export function json(value: unknown, status = 200): AdminReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}
