// What rules of access ask of a request and of its connection.

import { parseIp } from '../../base/index.ts';
import type { Address, SecureFacts } from '../../net/index.ts';
import type { AccessFacts, RequestView, SourceKind } from '../../policy/index.ts';
import { clientOf, type RequestState } from '../exchange/index.ts';

/** The ends of a connection, as rules of access see them. */
export interface Ends {
  /** The peer of the socket, and who that or a PROXY header says to be connecting. */
  readonly direct: Address;
  readonly remote: Address;
  readonly local: Address;
  readonly secure: SecureFacts | null;
  /** As a listener filter read it. */
  readonly serverName?: string | null;
}

export class ConnectionFacts implements AccessFacts {
  readonly head: RequestView = noHead;
  protected readonly ends: Ends;

  constructor(ends: Ends) {
    this.ends = ends;
  }

  source(of: SourceKind): Uint8Array | null {
    return ipOf(of === 'direct' ? this.ends.direct : this.ends.remote);
  }

  destination(): Uint8Array | null {
    return ipOf(this.ends.local);
  }

  get destinationPort(): number {
    const { local } = this.ends;
    return local.kind === 'ip' ? local.port : -1;
  }

  get serverName(): string {
    return this.ends.secure?.serverName ?? this.ends.serverName ?? '';
  }

  principals(): readonly string[] | null {
    const { secure } = this.ends;
    if (secure === null || !secure.verified || secure.peer === null) return null;
    const { sans, subject } = secure.peer;
    const named = (kind: 'uri' | 'dns') => sans.filter((san) => san.kind === kind).map(({ value }) => value);
    return [...named('uri'), ...named('dns'), subject];
  }

  metadata(_filter: string): Readonly<Record<string, unknown>> | undefined {
    return undefined;
  }
}

export class RequestFacts extends ConnectionFacts {
  override readonly head: RequestView;
  private readonly request: RequestState;

  constructor(request: RequestState) {
    super(request.owner);
    this.request = request;
    this.head = request.head;
  }

  override source(of: SourceKind): Uint8Array | null {
    return of === 'client' ? parseIp(clientOf(this.request)) : super.source(of);
  }

  override metadata(filter: string): Readonly<Record<string, unknown>> | undefined {
    return this.request.metadata?.get(filter);
  }
}

function ipOf(address: Address): Uint8Array | null {
  return address.kind === 'ip' ? parseIp(address.host) : null;
}

const noHead: RequestView = { method: '', authority: '', path: '', getName: () => null };
