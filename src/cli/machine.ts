// What formats of logs and headers may say of the machine, on every thread of a proxy.

import { hostname } from 'node:os';
import type { ProxyOptions } from '../proxy/index.ts';

export const machine: NonNullable<ProxyOptions['machine']> = {
  hostName: hostname(),
  environment: (name) => process.env[name] ?? null,
};
