// The router filter, which ends every chain: what it tells endpoints and clients, and whom it believes.

import { type RouterOptions, type StrictHeader, strictHeaders } from '../router-types.ts';
import type { AnyValue } from '../schema/field.ts';
import { type Faults, join, router, unpack } from '../schema/index.ts';

export const routerDefaults: RouterOptions = {
  quiet: false,
  strictHeaders: [],
  believesExpected: false,
  hidesGrpcCodes: false,
};

/** What is no router was refused where it stands. */
export function translateRouter(filter: AnyValue | undefined, path: string, faults: Faults): RouterOptions {
  const message = unpack(filter, router);
  if (message === null) return routerDefaults;
  message.strict_check_headers.forEach((name, index) => {
    if (!isStrictHeader(name))
      faults.add(
        `${join(path, 'strict_check_headers')}[${index}]`,
        `must be of ${strictHeaders.join(', ')}`,
        name,
      );
  });
  return {
    quiet: message.suppress_envoy_headers === true,
    strictHeaders: message.strict_check_headers.filter(isStrictHeader),
    believesExpected: message.respect_expected_rq_timeout === true,
    hidesGrpcCodes: message.suppress_grpc_request_failure_code_stats === true,
  };
}

function isStrictHeader(name: string): name is StrictHeader {
  return strictHeaders.some((each) => each === name);
}
