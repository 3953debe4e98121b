// Two of five hosts vanish in the kernel's own network: what an Envoy pays with every connection that is to go there,
// Weft pays once, by the same bootstrap.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { describeSkipped, describeWith, run } from '../testing/programs.ts';
import type { Report } from './testing/black-hole.ts';

setDefaultTimeout(60_000);

const mayUnshare =
  process.getuid?.() === 0 && (await run(['unshare', '-n', 'true']).catch(() => null))?.code === 0;
const name = 'hosts that vanish, beside Envoy';

function body(): void {
  test('cost requests of Weft nothing once it is known, over HTTP/1.1, HTTP/2 and TCP', async () => {
    const program = join(import.meta.dir, 'testing/black-hole.ts');
    const { code, out, err } = await run(['unshare', '-n', process.execPath, program]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { envoy, weft } = JSON.parse(out) as Report;
    console.log(`requests that waited for a host that is not there: ${out.trim()}`);
    for (const [kind, counted] of Object.entries(weft)) {
      const { failed, timeouts } = counted;
      expect({ kind, failed, late: timeouts[1] }).toEqual({ kind, failed: 0, late: 0 });
      // Otherwise there was nothing to see.
      expect({ kind, found: timeouts[0] > 0, theirs: envoy[kind]!.timeouts[1] > 0 }).toEqual({
        kind,
        found: true,
        theirs: true,
      });
    }
  });
}

if (mayUnshare) describeWith(['unshare', 'ip', 'nft', 'envoy'], name, body);
else describeSkipped('it takes root and a network namespace', name, body);
