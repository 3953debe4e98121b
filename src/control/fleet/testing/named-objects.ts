// Objects of an API server by their names, as server-side apply sees them: whose they are, and under which uid.

import { ok } from '../../../base/index.ts';
import { fieldOf, type KubeApi, type KubeObject, type KubeRequest, textOf } from '../../kubernetes/types.ts';

export class NamedObjects implements KubeApi {
  /** By path. */
  readonly objects = new Map<string, KubeObject>();
  readonly asked: KubeRequest[] = [];
  /** What a write gets in place of its answer; null: nothing else. */
  refuse: (request: KubeRequest) => { readonly status: number; readonly message?: string } | null = () =>
    null;
  /** Until then no answer comes. */
  held: Promise<void> = Promise.resolve();
  private made = 0;

  async request(request: KubeRequest) {
    this.asked.push(request);
    await this.held;
    const { status, body } = this.answer(request);
    return ok({ status, body, retryAfterMs: 0 });
  }

  watch(): () => void {
    return () => {};
  }

  /** What was written since the last look. */
  look(): readonly string[] {
    const writes = this.asked.splice(0).filter(({ method }) => method !== 'GET');
    return writes.map(({ method, path }) => `${method} ${path.split('?')[0]}`);
  }

  private answer(request: KubeRequest): { readonly status: number; readonly body: KubeObject } {
    const { method, body } = request;
    const [path = ''] = request.path.split('?');
    const known = this.objects.get(path);
    const fault = method === 'GET' ? null : this.refuse(request);
    if (fault !== null) return { status: fault.status, body: { message: fault.message ?? '' } };
    if (method === 'APPLY') return this.apply(path, body ?? {}, known);
    if (known === undefined) return { status: 404, body: {} };
    if (method === 'GET') return { status: 200, body: known };
    const asked = textOf(body, 'preconditions', 'uid');
    if (asked !== '' && asked !== textOf(known, 'metadata', 'uid')) return { status: 409, body: {} };
    this.objects.delete(path);
    return { status: 200, body: {} };
  }

  /** As an API server of 1.37 answered when it was asked. */
  private apply(path: string, body: KubeObject, known: KubeObject | undefined) {
    const asked = textOf(body, 'metadata', 'uid');
    const uid = textOf(known, 'metadata', 'uid') || `object-${++this.made}`;
    if (asked !== '' && asked !== uid) return { status: known === undefined ? 409 : 422, body: {} };
    const managedFields = [{ manager: 'weft-control', operation: 'Apply' }];
    const metadata = { ...(fieldOf(body, 'metadata') as KubeObject), uid, managedFields };
    this.objects.set(path, { ...body, metadata });
    return { status: known === undefined ? 201 : 200, body: { metadata } };
  }
}
