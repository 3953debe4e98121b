// The published definitions of Gateway API, from its Go module.

import { join } from 'node:path';
import { run } from '../../testing/programs.ts';

const gatewayApiModule = 'sigs.k8s.io/gateway-api@v1.6.3';

/** The module's folder; throws where it cannot be had. */
export async function fetchGatewayApi(): Promise<string> {
  const { code, out, err } = await run(['go', 'mod', 'download', '-json', gatewayApiModule]);
  if (code !== 0) throw new Error(`${gatewayApiModule}: ${out}${err}`);
  return (JSON.parse(out) as { Dir: string }).Dir;
}

/** The folder of the definitions of a channel. */
export async function definitionsFolder(channel: 'standard' | 'experimental'): Promise<string> {
  return join(await fetchGatewayApi(), 'config', 'crd', channel);
}
