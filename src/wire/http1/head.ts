// Received HTTP/1 heads: the field lines of received-head.ts with what their start line and their framing fields say.

import { assert } from '../../base/index.ts';
import { headerId, type RequestHead, type ResponseHead } from '../head.ts';
import { assertTargetText } from './assert-text.ts';
import { ReceivedHead } from './received-head.ts';

/** What the framing fields of a head say, as numbers; the reader fills it in while it passes those lines. */
export class FramedHead extends ReceivedHead {
  /** Minor version, 0 or 1. */
  version = 1;
  /** Value of Content-Length, or -1. */
  contentLength = -1;
  chunked = false;
  /** In other letters, such as `Chunked`: readers that compare exactly would see no coding, so it goes out anew. */
  chunkedRespelled = false;
  /** Options of Connection. */
  closeOption = false;
  keepAliveOption = false;
  upgradeOption = false;
  /** Connection names fields of this hop alone; the reader removes them when the head is complete. */
  nominates = false;

  override reset(): void {
    super.reset();
    this.version = 1;
    this.contentLength = -1;
    this.chunked = false;
    this.chunkedRespelled = false;
    this.closeOption = false;
    this.keepAliveOption = false;
    this.upgradeOption = false;
    this.nominates = false;
  }

  /** Whether the peer keeps the connection after this message (RFC 9112 section 9.3). */
  get persistent(): boolean {
    if (this.closeOption) return false;
    return this.version === 1 || this.keepAliveOption;
  }
}

export class ReceivedRequestHead extends FramedHead implements RequestHead {
  /** Set by the reader for methods that it knows, else ''. */
  knownMethod = '';
  methodEnd = 0;
  targetEnd = 0;
  /** Absolute form only: end of the scheme in the target; else 0. */
  schemeEnd = 0;
  /** Absolute and authority form: end of the authority in the target; else 0. */
  authorityEnd = 0;
  /** It asks for a tunnel; the reader says so when the head is complete. */
  tunnel = false;
  editedScheme: string | null = null;
  editedAuthority: string | null = null;
  editedPath: string | null = null;
  private cachedPath: string | null = null;

  get method(): string {
    return this.knownMethod !== '' ? this.knownMethod : this.text.slice(0, this.methodEnd);
  }

  get scheme(): string {
    if (this.editedScheme !== null) return this.editedScheme;
    if (this.schemeEnd === 0) return '';
    return this.text.slice(this.methodEnd + 1, this.schemeEnd).toLowerCase();
  }

  set scheme(scheme: string) {
    assertTargetText(scheme);
    this.editedScheme = scheme;
  }

  get authority(): string {
    if (this.editedAuthority !== null) return this.editedAuthority;
    if (this.authorityEnd !== 0) return this.text.slice(this.authorityStart, this.authorityEnd);
    return this.get(headerId.host) ?? '';
  }

  set authority(authority: string) {
    assertTargetText(authority);
    this.editedAuthority = authority;
  }

  get path(): string {
    if (this.editedPath !== null) return this.editedPath;
    if (this.cachedPath === null) this.cachedPath = this.receivedPath();
    return this.cachedPath;
  }

  set path(path: string) {
    assertTargetText(path);
    assert(path[0] === '/' || path === '*', 'a path starts with a slash');
    this.editedPath = path;
  }

  get upgrade(): string {
    if (!this.tunnel) return '';
    return this.knownMethod === 'CONNECT' ? 'CONNECT' : (this.get(headerId.upgrade) ?? '');
  }

  override reset(): void {
    super.reset();
    this.knownMethod = '';
    this.methodEnd = 0;
    this.targetEnd = 0;
    this.schemeEnd = 0;
    this.authorityEnd = 0;
    this.tunnel = false;
    this.editedScheme = null;
    this.editedAuthority = null;
    this.editedPath = null;
    this.cachedPath = null;
  }

  private get authorityStart(): number {
    return this.schemeEnd === 0 ? this.methodEnd + 1 : this.schemeEnd + 3;
  }

  /** Authority form, which is CONNECT's alone, has none. */
  private receivedPath(): string {
    if (this.knownMethod === 'CONNECT') return '';
    if (this.schemeEnd === 0) return this.text.slice(this.methodEnd + 1, this.targetEnd);
    const path = this.text.slice(this.authorityEnd, this.targetEnd);
    if (path[0] === '/') return path;
    // RFC 9112 section 3.2.4: OPTIONS with an absolute form that has no path asks about the server as a whole.
    if (path === '') return this.method === 'OPTIONS' ? '*' : '/';
    return `/${path}`;
  }
}

export class ReceivedResponseHead extends FramedHead implements ResponseHead {
  status = 0;
  /** The status line can go out as it came: HTTP/1.1 with the space before the reason phrase. */
  statusLineKept = true;

  override reset(): void {
    super.reset();
    this.status = 0;
    this.statusLineKept = true;
  }
}
