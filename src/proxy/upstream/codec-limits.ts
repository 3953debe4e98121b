// What a cluster's answers over HTTP/1 may be, for connections that begin now.

import { defaultHttp1Limits, type Http1Limits } from '../../wire/http1/index.ts';
import type { ClusterConfig } from '../config/types.ts';

export function codecLimits({ headBytesMax, headerCountMax, http1: rules }: ClusterConfig): Http1Limits {
  return { ...defaultHttp1Limits, headBytesMax, headerCountMax, rules };
}
