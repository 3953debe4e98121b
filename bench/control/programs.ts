// The programs of the bench of the control plane.

import { fileURLToPath } from 'node:url';

/** Builds a program on go-control-plane's module. Throws with what the compiler says. */
export function buildPeer(path: '.' | './clients', output: string): void {
  const source = fileURLToPath(new URL('../../tools/peers/go-control-plane', import.meta.url));
  const built = Bun.spawnSync(['go', 'build', '-o', output, path], { cwd: source });
  if (!built.success) throw new Error(`${path} cannot be built: ${built.stderr.toString()}`);
}

/** As `weft control` begins itself (docs/decisions/0020). */
const smallHeap = `BUN_JSC_forceRAMSize=${4 * 1024 ** 3}`;

/** Weft's control plane with so many Services, and commands on its standard input (serve.ts). */
export function controlCommand(services: number, endpoints: number): readonly string[] {
  const serve = fileURLToPath(new URL('serve.ts', import.meta.url));
  return ['env', smallHeap, process.execPath, serve, String(services), String(endpoints)];
}
