// Objects of an API server in memory: read, listed, created, replaced by version, applied and deleted, as Leases and
// statuses need it.

import { fail, MeshError, ok, type Result } from '../../base/index.ts';
import {
  fieldOf,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  type KubeRequest,
  textOf,
} from '../kubernetes/types.ts';

export class MemoryObjects implements KubeApi {
  /** By path. */
  readonly objects = new Map<string, KubeObject>();
  readonly asked: KubeRequest[] = [];
  up = true;
  /** Instead of what a write would get; 0: none. */
  refusal = 0;
  private version = 0;

  put(path: string, object: KubeObject): KubeObject {
    const metadata = {
      ...(fieldOf(object, 'metadata') as KubeObject),
      resourceVersion: String(++this.version),
    };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    return stored;
  }

  async request(request: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    this.asked.push(request);
    await Promise.resolve();
    if (!this.up) return fail(new MeshError('connect-refused', 'upstream', 'yes', 'the API server is away'));
    return ok(this.answer(request));
  }

  watch(): () => void {
    throw new Error('no watches here');
  }

  private answer({ method, path, body }: KubeRequest): KubeAnswer {
    const answer = (status: number, object: KubeObject = {}): KubeAnswer => ({
      status,
      body: object,
      retryAfterMs: 0,
    });
    if (method !== 'GET' && this.refusal !== 0)
      return answer(this.refusal, { message: 'refused by the test' });
    if (method === 'POST') return this.create(path, body ?? {}, answer);
    if (method === 'APPLY') return this.apply(path, body ?? {}, answer);
    if (method === 'GET' && path.includes('?labelSelector=')) return answer(200, { items: this.list(path) });
    const own = path.replace(/\/status$/, '');
    const known = this.objects.get(own);
    if (known === undefined) return answer(404);
    if (method === 'GET') return answer(200, known);
    if (method === 'DELETE') return answer(this.objects.delete(own) ? 200 : 404);
    if (textOf(body, 'metadata', 'resourceVersion') !== textOf(known, 'metadata', 'resourceVersion'))
      return answer(409);
    const changed = own === path ? (body ?? {}) : { ...known, status: fieldOf(body, 'status') };
    return answer(200, this.put(own, changed));
  }

  private create(
    path: string,
    body: KubeObject,
    answer: (status: number, object?: KubeObject) => KubeAnswer,
  ): KubeAnswer {
    const name = textOf(body, 'metadata', 'name') || `generated-${this.objects.size}`;
    if (this.objects.has(`${path}/${name}`)) return answer(409);
    return answer(201, this.put(`${path}/${name}`, body));
  }

  /** As an API server wants it: a name of who applies. */
  private apply(
    path: string,
    body: KubeObject,
    answer: (status: number, object?: KubeObject) => KubeAnswer,
  ): KubeAnswer {
    const [own = '', query = ''] = path.split('?');
    if (!/(^|&)fieldManager=./.test(query)) return answer(400, { message: 'fieldManager: Required value' });
    return answer(200, this.put(own, body));
  }

  /** `PATH?labelSelector=NAME=VALUE`. */
  private list(path: string): readonly KubeObject[] {
    const [folder = '', selector = ''] = path.split('?labelSelector=');
    const [name = '', value] = decodeURIComponent(selector).split('=');
    return [...this.objects]
      .filter(
        ([own, object]) =>
          own.startsWith(`${folder}/`) && fieldOf(object, 'metadata', 'labels', name) === value,
      )
      .map(([, object]) => object);
  }
}
