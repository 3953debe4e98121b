// The request that a client's bytes are carried in where an endpoint is a proxy itself (tunneling_config).

import type { FormatSource } from '../../observe/index.ts';
import { createConnectHead, createRequestHead, type RequestHead } from '../../wire/index.ts';
import type { TunnelingConfig } from '../config/types.ts';
import { writeSteps } from '../exchange/index.ts';

export function createTunnelHead(config: TunnelingConfig, source: FormatSource): RequestHead {
  const { host, postPath, edits } = config;
  const authority = typeof host === 'string' ? host : host.format(source);
  const head =
    postPath === null ? createConnectHead(authority, []) : createRequestHead('POST', authority, postPath, []);
  if (edits !== null) writeSteps(head, edits, source);
  return head;
}
