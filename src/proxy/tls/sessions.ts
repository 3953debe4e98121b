// Sessions that a client may resume, each used once: TLS 1.3 servers take a ticket twice only at the client's expense.

import type { TlsSessions } from '../../net/index.ts';

export class KeptSessions implements TlsSessions {
  private readonly kept: Uint8Array[] = [];
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** The newest lives longest. */
  take(): Uint8Array | null {
    return this.kept.pop() ?? null;
  }

  put(session: Uint8Array): void {
    if (this.max === 0) return;
    if (this.kept.length >= this.max) this.kept.shift();
    this.kept.push(session);
  }
}
