// Labels of a Gateway's pods. Its infrastructure may name any, and a Service sends to whatever pods carry its labels:
// those that would put the pods behind one are left out of them, whoever may write a Gateway and not the Service.

import { fieldOf, isRecord, type KubeObject, textOf } from '../kubernetes/types.ts';

type Labels = Readonly<Record<string, string>>;

export interface PodLabels {
  readonly labels: Labels;
  /** Left out, and by which Service's selector; in its order. */
  readonly hidden: readonly { readonly label: string; readonly service: string }[];
}

/** `asked`: of the infrastructure; `own`: what every pod of the Gateway carries besides, which comes before it. */
export function podLabelsOf(asked: Labels, own: Labels, services: readonly KubeObject[]): PodLabels {
  const labels: Record<string, string> = { ...asked };
  const hidden: { label: string; service: string }[] = [];
  for (const service of services) {
    const selector = labelsOf(fieldOf(service, 'spec', 'selector'));
    const wanted = Object.entries(selector);
    // One that asks for a label of the Gateway's own means its pods.
    const meansThem = wanted.some(([label, value]) => own[label] === value);
    if (wanted.length === 0 || meansThem || !fits(wanted, labels)) continue;
    for (const [label] of wanted) {
      if (labels[label] === undefined) continue;
      delete labels[label];
      hidden.push({ label, service: textOf(service, 'metadata', 'name') });
    }
  }
  return { labels, hidden };
}

/** Values that are texts. */
export function labelsOf(value: unknown): Labels {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function fits(wanted: readonly (readonly [string, string])[], labels: Labels): boolean {
  return wanted.every(([label, value]) => labels[label] === value);
}
