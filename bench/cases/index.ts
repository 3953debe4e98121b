// The cases that are measured beside rivals, by name.

import type { BenchCase } from '../harness/case.ts';
import { connections } from './connections.ts';
import { filters } from './filters.ts';
import { grpc } from './grpc.ts';
import { hop } from './hop.ts';
import { http2 } from './http2.ts';
import { messages } from './messages.ts';
import { scale } from './scale.ts';
import { tcp } from './tcp.ts';
import { threads } from './threads.ts';
import { tls } from './tls.ts';

export const cases: readonly BenchCase[] = [
  hop,
  messages,
  connections,
  tls,
  tcp,
  scale,
  filters,
  threads,
  http2,
  grpc,
];
