// Injection over manifests: every pod in them, also those that a Deployment or a Job makes, gets its sidecar;
// everything else comes out as it went in, comments included. ServicePolicies and Services among them have their say.

import { type Document, parseAllDocuments } from 'yaml';
import { formatIssue } from '../base/index.ts';
import { SidecarWishes } from '../control/index.ts';
import { type Injection, type InjectOptions, injectPod } from './inject.ts';
import type { PodObject } from './objects.ts';

/** Kind to where its pod is. */
const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

export interface InjectedManifests {
  readonly text: string;
  readonly injected: number;
  /** Pods left alone, with the reason, by object. */
  readonly left: readonly string[];
  readonly faults: readonly string[];
  /** What holds less than its writer may think. */
  readonly notes: readonly string[];
}

export function injectManifests(text: string, options: InjectOptions): InjectedManifests {
  const documents = parseAllDocuments(text);
  const left: string[] = [];
  const faults: string[] = [];
  let injected = 0;
  const take = (name: string, injection: Injection): PodObject | null => {
    if (injection.kind === 'left') left.push(`${name}: ${injection.reason}`);
    else if (injection.kind === 'fault') faults.push(`${name}: ${injection.reason}`);
    if (injection.kind !== 'injected') return null;
    injected += 1;
    return injection.pod;
  };
  if (!Array.isArray(documents)) return { text, injected, left, faults, notes: [] };
  const wishes = new SidecarWishes();
  for (const [at, document] of documents.entries()) {
    const [error] = document.errors;
    if (error !== undefined) faults.push(`document ${at + 1}: ${error.message.split('\n')[0]}`);
    else faults.push(...readWishes(document, wishes));
  }
  for (const document of documents)
    if (document.errors.length === 0)
      for (const place of findPods(document)) injectAt(document, place, { options, wishes }, take);
  // Nothing half-read is printed.
  if (faults.length > 0) return { text: '', injected: 0, left, faults, notes: [] };
  return {
    text: documents
      .map(String)
      .join('---\n')
      .replaceAll(/(---\n)+/g, '---\n'),
    injected,
    left,
    faults,
    notes: wishes
      .listAstray()
      .map((name) => `ServicePolicy ${name}: a Service that it names is not among the manifests`),
  };
}

/** What is wrong with the policies; Services are judged where they are applied. */
function readWishes(document: Document, wishes: SidecarWishes): readonly string[] {
  return listItems(document.toJS()).flatMap(({ value }) => {
    if (!isRecord(value) || (value['kind'] !== 'Service' && value['kind'] !== 'ServicePolicy')) return [];
    const issues = wishes.takeIn(value);
    return value['kind'] === 'Service' ? [] : issues.map(formatIssue);
  });
}

interface PodPlace {
  readonly name: string;
  readonly namespace: string;
  readonly path: readonly (string | number)[];
}

interface Item {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
}

/** The object, or those of a List. */
function listItems(value: unknown): readonly Item[] {
  const items =
    isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items']) ? value['items'] : null;
  if (items === null) return [{ value, path: [] }];
  return items.map((item, at) => ({ value: item, path: ['items', at] }));
}

function findPods(document: Document): readonly PodPlace[] {
  return listItems(document.toJS()).flatMap(findPod);
}

function findPod({ value, path }: Item): readonly PodPlace[] {
  if (!isRecord(value) || typeof value['kind'] !== 'string') return [];
  const below = Object.hasOwn(podPaths, value['kind']) ? podPaths[value['kind']] : undefined;
  if (below === undefined) return [];
  const metadata = isRecord(value['metadata']) ? value['metadata'] : {};
  const name = [metadata['namespace'], value['kind'], metadata['name'] ?? metadata['generateName']];
  return [
    {
      name: name.filter((part) => part !== undefined).join('/'),
      namespace: String(metadata['namespace'] ?? 'default'),
      path: [...path, ...below],
    },
  ];
}

function injectAt(
  document: Document,
  { name, namespace, path }: PodPlace,
  { options, wishes }: { readonly options: InjectOptions; readonly wishes: SidecarWishes },
  take: (name: string, injection: Injection) => PodObject | null,
): void {
  const plain = path.reduce<unknown>(
    (value, part) => (isRecord(value) ? value[part] : undefined),
    document.toJS(),
  );
  if (!isPod(plain)) {
    take(name, { kind: 'fault', reason: 'has no pod with containers' });
    return;
  }
  const wish = wishes.wishFor(namespace, plain.metadata?.labels ?? {});
  const pod = take(name, injectPod(plain, options, wish));
  if (pod === null) return;
  document.setIn([...path, 'metadata'], document.createNode(pod.metadata));
  document.setIn([...path, 'spec', 'initContainers'], document.createNode(pod.spec.initContainers));
  for (const field of ['containers', 'shareProcessNamespace'])
    if (pod.spec[field] !== plain.spec[field])
      document.setIn([...path, 'spec', field], document.createNode(pod.spec[field]));
  document.setIn([...path, 'spec', 'volumes'], document.createNode(pod.spec.volumes));
}

export function isPod(value: unknown): value is PodObject {
  return isRecord(value) && isRecord(value['spec']) && Array.isArray(value['spec']['containers']);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
