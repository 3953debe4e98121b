// An API server that knows pods, and nothing else.

import { fail, MeshError, ok } from '../../../base/index.ts';
import { type KubeApi, type KubeObject, textOf } from '../../../control/index.ts';

export class PodsApi implements KubeApi {
  readonly pods: KubeObject[] = [];
  /** null: nobody answers. */
  status: number | null = 200;

  /** In the namespace shop; its UID is `uid-NAME` unless said otherwise. */
  add(
    name: string,
    annotations: Readonly<Record<string, string>>,
    more: KubeObject = {},
    uid = `uid-${name}`,
  ): void {
    this.pods.push({ ...more, metadata: { namespace: 'shop', name, uid, annotations } });
  }

  async request({ path }: { readonly path: string }): ReturnType<KubeApi['request']> {
    if (this.status === null)
      return fail(new MeshError('connect-failed', 'upstream', 'yes', 'nobody answers'));
    if (this.status !== 200) return ok({ status: this.status, body: { message: 'no' }, retryAfterMs: 0 });
    const { pathname } = new URL(path, 'http://api');
    if (pathname === '/api/v1/pods')
      return ok({ status: 200, body: { metadata: {}, items: this.pods }, retryAfterMs: 0 });
    const pod = this.pods.find(
      (one) => pathname === `/api/v1/namespaces/shop/pods/${textOf(one, 'metadata', 'name')}`,
    );
    return ok(
      pod === undefined
        ? { status: 404, body: {}, retryAfterMs: 0 }
        : { status: 200, body: pod, retryAfterMs: 0 },
    );
  }

  watch(): () => void {
    throw new Error('nobody watches');
  }
}
