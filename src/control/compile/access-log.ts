// What a fence refused, or would have where it is only audited, as a line of the sidecar's own output: who asked for
// what, and the rule by its name. Everything else stays unlogged.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilterSchema,
  AccessLogSchema,
  StdoutAccessLogSchema,
} from '../../xds/api.ts';
import { packAny } from './messages.ts';

const filterName = 'envoy.filters.http.rbac';
const verdicts = { enforced: 'enforced_engine_result', audited: 'shadow_engine_result' } as const;

const said = (key: string) => `%DYNAMIC_METADATA(${filterName}:${key})%`;

const fields = {
  access: 'refused',
  time: '%START_TIME%',
  enforced: said(verdicts.enforced),
  audited: said(verdicts.audited),
  rule: '%RESPONSE_CODE_DETAILS%',
  caller: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  method: '%REQ(:METHOD)%',
  authority: '%REQ(:AUTHORITY)%',
  path: '%PATH(NQ)%',
  status: '%RESPONSE_CODE%',
};

export function refusalsLog(): AccessLog {
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stdout',
    filter: {
      filterSpecifier: { case: 'orFilter', value: { filters: Object.values(verdicts).map(whereDenied) } },
    },
    configType: {
      case: 'typedConfig',
      value: packAny(StdoutAccessLogSchema, {
        accessLogFormat: { case: 'logFormat', value: { format: { case: 'jsonFormat', value: fields } } },
      }),
    },
  });
}

function whereDenied(key: string): MessageInitShape<typeof AccessLogFilterSchema> {
  const denied = {
    case: 'stringMatch' as const,
    value: { matchPattern: { case: 'exact' as const, value: 'denied' } },
  };
  const matcher = {
    filter: filterName,
    path: [{ segment: { case: 'key' as const, value: key } }],
    value: { matchPattern: denied },
  };
  // Where nobody said anything nothing was refused.
  return { filterSpecifier: { case: 'metadataFilter', value: { matcher, matchIfKeyNotFound: false } } };
}
