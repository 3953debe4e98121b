// The label of every object of an installation, by which what is ours is found again.

import { isRecord, type KubeObject, textOf } from '../control/index.ts';

const partLabel = 'app.kubernetes.io/part-of';
const partValue = 'weft';

/** Of an installation, as `weft install` and the chart write it. */
export function isPart(object: KubeObject): boolean {
  return textOf(object, 'metadata', 'labels', partLabel) === partValue;
}

/** The object with that label and `more`; of what it selects or makes nothing changes. */
export function labelPart(object: KubeObject, more: Readonly<Record<string, string>> = {}): KubeObject {
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const labels = isRecord(metadata['labels']) ? metadata['labels'] : {};
  return { ...object, metadata: { ...metadata, labels: { ...labels, [partLabel]: partValue, ...more } } };
}
