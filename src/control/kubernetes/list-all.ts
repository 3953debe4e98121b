// A collection of the API server read to its end, page by page.

import { fail, MeshError, ok, type Result } from '../../base/index.ts';
import { kubeLimits } from './limits.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from './types.ts';

/** `absent`: the API server knows no such kind; `refused`: it does not tell us, and why. */
export type ListOutcome =
  | { readonly kind: 'objects'; readonly objects: readonly KubeObject[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Objects read of one collection at most; what is beyond is an error, not a shorter list. */
const objectsMax = 200_000;

/** `path` may have a query. An error: the API server did not answer. */
export async function listAll(api: KubeApi, path: string): Promise<Result<ListOutcome, MeshError>> {
  const objects: KubeObject[] = [];
  let next = '';
  do {
    const paged = `${path}${path.includes('?') ? '&' : '?'}limit=${kubeLimits.pageSize}`;
    const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
    const answer = await api.request({ method: 'GET', path: paged + more });
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    if (status === 404) return ok({ kind: 'absent' });
    if (status !== 200)
      return ok({ kind: 'refused', reason: `${status} ${textOf(body, 'message')}`.trimEnd() });
    const items = fieldOf(body, 'items');
    objects.push(...(Array.isArray(items) ? items.filter(isRecord) : []));
    if (objects.length > objectsMax)
      return fail(
        new MeshError('too-large', 'upstream', 'no', `${path} holds more than ${objectsMax} objects`),
      );
    next = textOf(body, 'metadata', 'continue');
  } while (next !== '');
  return ok({ kind: 'objects', objects });
}
