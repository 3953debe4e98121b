// How far the runtime lets its heap grow between collections follows the memory of the machine, as for a program that
// has it to itself. A proxy has not, as there is one beside every replica; nor has a control plane. The runtime hears
// of that by its environment alone, and only when it starts, so the process begins itself anew (docs/decisions/0020).

import { totalmem } from 'node:os';

/** As on a machine of so much memory. Heaps of real meshes are small beside it, so that they are not collected more. */
const machineBytes = 4 * 1024 ** 3;
const variable = 'BUN_JSC_forceRAMSize';

/** Starts this process again with the small heap, at the cost of 5 ms, and does not return; or returns: it has one. */
export function takeSmallHeap(): void {
  if (process.env[variable] !== undefined || totalmem() <= machineBytes) return;
  if (process.platform !== 'linux' || process.execve === undefined) return;
  const [, script = '', ...rest] = process.argv;
  const source = script.startsWith('/$bunfs/') ? [] : [...process.execArgv, script];
  try {
    process.execve(process.execPath, [process.argv0, ...source, ...rest], {
      ...process.env,
      [variable]: String(machineBytes),
    });
  } catch {
    // Where a process may not begin another one, it goes on with the heap it has.
  }
}
