// One object that is kept for somebody: looked at before it is written, for its name may be another's. What is not ours
// is left as it is. https://kubernetes.io/docs/reference/using-api/server-side-apply/

import {
  fieldOf,
  isRecord,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  textOf,
} from '../kubernetes/types.ts';
import { fleetLimits } from './limits.ts';

/** An object, and where the API server has its kind. */
export interface FleetObject {
  /** As `/apis/apps/v1` and `deployments`. */
  readonly root: string;
  readonly plural: string;
  /** One without an owner is ours by its name alone. */
  readonly object: KubeObject;
}

/** Why an object is not there as it should be, where that does not pass by itself. */
export interface FleetFault {
  /** Of a condition. */
  readonly reason: 'ObjectNotOurs' | 'ObjectRefused';
  /** A sentence that names the object. */
  readonly message: string;
}

export type WriteOutcome =
  | {
      /** Whether it stands there now as it was sent. */
      readonly kind: 'written';
      /** Of the object; empty: the API server did not say. */
      readonly uid: string;
    }
  | {
      readonly kind: 'failed';
      /** For the log. */
      readonly reason: string;
      /** null: it may pass by itself. */
      readonly fault: FleetFault | null;
    };

const fieldManager = 'weft-control';
/** Of every object that is kept, so that they are found when the mesh is taken away. */
export const managedLabel = 'app.kubernetes.io/managed-by';
export const managedValue = fieldManager;

/** `uid`: of what was made there before; empty: that is not known. */
export async function writeObject(api: KubeApi, item: FleetObject, uid: string): Promise<WriteOutcome> {
  if (ownerOf(item.object) === null) return judge(item, await apply(api, item, '', true));
  if (uid !== '') {
    const answer = await apply(api, item, uid, true);
    // It is gone, or another stands in its place: 409 where none does, 422 where a uid would change.
    if (!answer.ok || (answer.value.status !== 409 && answer.value.status !== 422))
      return judge(item, answer);
  }
  const seen = await api.request({ method: 'GET', path: pathOf(item), only: 'metadata' });
  if (!seen.ok || (seen.value.status !== 200 && seen.value.status !== 404)) return judge(item, seen);
  // Without force: who makes one of that name meanwhile keeps it.
  if (seen.value.status === 404) return judge(item, await apply(api, item, '', false));
  const metadata = fieldOf(seen.value.body, 'metadata');
  if (!isOurs(metadata, item.object)) return foreignObject(item, holderOf(metadata));
  return judge(item, await apply(api, item, textOf(metadata, 'uid'), true));
}

export type RemoveOutcome =
  | { readonly kind: 'removed' }
  /** It is another object by now, which somebody else made under its name. */
  | { readonly kind: 'replaced' }
  | Extract<WriteOutcome, { readonly kind: 'failed' }>;

/** `uid`: of what was made there. */
export async function removeObject(api: KubeApi, path: string, uid: string): Promise<RemoveOutcome> {
  const preconditions = uid === '' ? {} : { preconditions: { uid } };
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...preconditions };
  const answer = await api.request({ method: 'DELETE', path, body });
  if (!answer.ok) return { kind: 'failed', reason: answer.error.message, fault: null };
  const { status } = answer.value;
  if (status === 409) return { kind: 'replaced' };
  if (status === 200 || status === 202 || status === 404) return { kind: 'removed' };
  return { kind: 'failed', reason: wordsOf(answer.value), fault: null };
}

export function pathOf({ root, plural, object }: FleetObject): string {
  const namespace = encodeURIComponent(textOf(object, 'metadata', 'namespace'));
  return `${root}/namespaces/${namespace}/${plural}/${encodeURIComponent(textOf(object, 'metadata', 'name'))}`;
}

/**
 * What belongs to the same owner, or to one of the same name and was applied by us: an owner that was made anew finds
 * the objects of the one before. Of two owners whose objects have one name, it is the first one's.
 */
export function isOurs(metadata: unknown, wanted: KubeObject): boolean {
  const owner = ownerOf(wanted);
  if (owner === null) return true;
  const fits = listOf(metadata, 'ownerReferences').filter(
    (one) => one['kind'] === owner['kind'] && one['name'] === owner['name'],
  );
  return fits.some((one) => one['uid'] === owner['uid']) || (fits.length > 0 && isApplied(metadata));
}

/** Whether we applied it, as the API server keeps account of. */
export function isApplied(metadata: unknown): boolean {
  return listOf(metadata, 'managedFields').some(
    (one) => one['manager'] === fieldManager && one['operation'] === 'Apply',
  );
}

function ownerOf(object: KubeObject): KubeObject | null {
  return listOf(fieldOf(object, 'metadata'), 'ownerReferences')[0] ?? null;
}

function listOf(metadata: unknown, field: string): readonly KubeObject[] {
  const list = fieldOf(metadata, field);
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function apply(api: KubeApi, item: FleetObject, uid: string, force: boolean) {
  const path = `${pathOf(item)}?fieldManager=${fieldManager}${force ? '&force=true' : ''}`;
  return api.request({ method: 'APPLY', path, body: labelled(item.object, uid) });
}

function labelled(object: KubeObject, uid: string): KubeObject {
  const metadata = fieldOf(object, 'metadata') as KubeObject;
  const labels = { ...(fieldOf(metadata, 'labels') as KubeObject), [managedLabel]: managedValue };
  return { ...object, metadata: { ...metadata, labels, ...(uid === '' ? {} : { uid }) } };
}

function judge(item: FleetObject, answer: Awaited<ReturnType<KubeApi['request']>>): WriteOutcome {
  if (!answer.ok) return { kind: 'failed', reason: answer.error.message, fault: null };
  const { status, body } = answer.value;
  if (status === 200 || status === 201) return { kind: 'written', uid: textOf(body, 'metadata', 'uid') };
  const words = wordsOf(answer.value);
  const passes = status < 400 || status >= 500 || status === 409 || status === 429;
  const message = `${describe(item)} was refused: ${words.slice(0, fleetLimits.wordsMax)}`;
  return { kind: 'failed', reason: words, fault: passes ? null : { reason: 'ObjectRefused', message } };
}

/** `holder`: whose it is; empty: nobody of whom the API server knows. */
export function foreignObject(item: FleetObject, holder: string): Extract<WriteOutcome, { kind: 'failed' }> {
  const whose = holder === '' ? 'somebody else’s' : `that of ${holder}`;
  const message = `${describe(item)} is ${whose}, and is left as it is; ours is made once it is gone`;
  return { kind: 'failed', reason: message, fault: { reason: 'ObjectNotOurs', message } };
}

function holderOf(metadata: unknown): string {
  const [owner] = listOf(metadata, 'ownerReferences');
  return owner === undefined ? '' : `${textOf(owner, 'kind')} ${textOf(owner, 'name')}`;
}

function describe({ object }: FleetObject): string {
  return `${textOf(object, 'kind')} ${textOf(object, 'metadata', 'name')} (${textOf(object, 'apiVersion')})`;
}

function wordsOf({ status, body }: KubeAnswer): string {
  return `${status} ${textOf(body, 'message')}`.trim();
}
