// Finds an endpoint's load report in the head or the trailers of its answer, as Envoy 1.40 does:
// `endpoint-load-metrics` with its form in front (BIN, JSON, TEXT), or the older `endpoint-load-metrics-bin`, which
// goes before it.

import type { LoadReport } from '../../policy/index.ts';
import type { Head } from '../../wire/index.ts';
import { orcaLimits } from './limits.ts';
import { ReportError } from './report-draft.ts';
import { parseBase64Report, parseJsonReport, parseTextReport } from './report-forms.ts';

const forms = [
  ['BIN ', parseBase64Report],
  ['JSON ', parseJsonReport],
  ['TEXT ', parseTextReport],
] as const;

/** null: there is none. Of several fields the first holds. */
export function readReport(head: Head): LoadReport | 'refused' | null {
  const binary = head.findName('endpoint-load-metrics-bin');
  const at = binary < 0 ? head.findName('endpoint-load-metrics') : binary;
  if (at < 0) return null;
  const value = head.valueAt(at);
  if (value.length > orcaLimits.reportBytesMax) return 'refused';
  try {
    return binary < 0 ? parseWithForm(value) : parseBase64Report(value);
  } catch (error) {
    if (error instanceof ReportError) return 'refused';
    throw error;
  }
}

function parseWithForm(value: string): LoadReport {
  const form = forms.find(([prefix]) => value.startsWith(prefix));
  if (form === undefined) throw new ReportError('has no form');
  const [prefix, parse] = form;
  return parse(value.slice(prefix.length));
}
