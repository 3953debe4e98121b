// docs/json.md: what the JSON answers of the control plane and of the console hold, field by field, from the types that
// their code is checked against.

import { type JsonField, type JsonRoot, listJsonFields } from './json-fields.ts';

/** The answers, by path. */
export const jsonAnswers = {
  mesh: {
    name: 'MeshView',
    files: [
      'src/control/admin/mesh-view.ts',
      'src/control/model/types.ts',
      'src/control/model/status.ts',
      'src/control/model/catalog.ts',
      'src/control/status/report.ts',
      'src/control/status/nacks.ts',
      'src/control/source/types.ts',
      'src/xds/server/types.ts',
      'src/base/result.ts',
    ],
    elsewhere: {
      ServicePolicySettings:
        'the `spec` of [ServicePolicy](policy.md), every default filled in; `timeouts.attemptIsGiven`: somebody wrote `attempt`',
    },
  },
  state: { name: 'ConsoleState', files: ['src/console/view.ts'] },
  history: { name: 'HistoryPoint', list: true, files: ['src/console/view.ts'] },
} as const satisfies Record<string, JsonRoot>;

export async function generateJsonReference(): Promise<string> {
  return `${[
    '# The JSON answers',
    'Made from the types by `npm run documents`. All are read on the admin port of the control plane (`--admin`, 15014), by GET, under a loopback or configured name only. Names that end in `Ms` are milliseconds: times (`atMs`, `…AtMs`) Unix time, everything else a length; `…Seconds` are seconds, shares are 0 to 1. **`null` is "not known"**, which is neither 0 nor good. A field is there always, except where it says so; fields may be added, so a reader skips those that it does not know.',
    '## `/api/v1/mesh`',
    'The mesh as the control plane knows it. `weft xds status` reads the same.',
    table(listJsonFields(jsonAnswers.mesh)),
    '## `/console/state`',
    'What the console shows, read from the proxies when it is asked, at most every 1.5 s; it costs nothing otherwise. Signals are of the interval between two looks, so the first answer knows none.',
    table(listJsonFields(jsonAnswers.state)),
    '## `/console/history`',
    'The looks of the last five minutes, as far as somebody looked: a list, the oldest first.',
    table(listJsonFields(jsonAnswers.history)),
  ].join('\n\n')}\n`;
}

function table(fields: readonly JsonField[]): string {
  const rows = fields.map(
    ({ path, type, nullable, optional, doc }) =>
      `| \`${path}\` | ${type.replaceAll('|', '\\|')}${nullable ? ' or null' : ''}${optional ? '; may be absent' : ''} | ${doc.replaceAll('|', '\\|')} |`,
  );
  return ['| field | value | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}
