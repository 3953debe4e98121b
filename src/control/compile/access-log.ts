// What a fence refused, or would have where it is only audited, as a line of the sidecar's own output: who asked for
// what, and the rule by its name. Everything else stays unlogged. Of bytes Envoy writes what is audited alone: its
// filter does not say whom it refused.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilterSchema,
  AccessLogSchema,
  StdoutAccessLogSchema,
} from '../../xds/api.ts';
import { packAny } from './messages.ts';

const verdicts = { enforced: 'enforced_engine_result', audited: 'shadow_engine_result' } as const;

/** What is said of one that was refused, beside the filter's verdicts. */
const kinds = {
  requests: {
    filter: 'envoy.filters.http.rbac',
    fields: {
      rule: '%RESPONSE_CODE_DETAILS%',
      caller: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
      method: '%REQ(:METHOD)%',
      authority: '%REQ(:AUTHORITY)%',
      path: '%PATH(NQ)%',
      status: '%RESPONSE_CODE%',
    },
  },
  bytes: {
    filter: 'envoy.filters.network.rbac',
    fields: {
      rule: '%CONNECTION_TERMINATION_DETAILS%',
      caller: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
      port: '%DOWNSTREAM_LOCAL_PORT%',
    },
  },
} as const;

export function refusalsLog(of: keyof typeof kinds): AccessLog {
  const { filter, fields } = kinds[of];
  const said = (key: string) => `%DYNAMIC_METADATA(${filter}:${key})%`;
  const line = {
    access: 'refused',
    time: '%START_TIME%',
    enforced: said(verdicts.enforced),
    audited: said(verdicts.audited),
    ...fields,
  };
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stdout',
    filter: {
      filterSpecifier: {
        case: 'orFilter',
        value: { filters: Object.values(verdicts).map((key) => whereDenied(filter, key)) },
      },
    },
    configType: {
      case: 'typedConfig',
      value: packAny(StdoutAccessLogSchema, {
        accessLogFormat: { case: 'logFormat', value: { format: { case: 'jsonFormat', value: line } } },
      }),
    },
  });
}

function whereDenied(filter: string, key: string): MessageInitShape<typeof AccessLogFilterSchema> {
  const denied = {
    case: 'stringMatch' as const,
    value: { matchPattern: { case: 'exact' as const, value: 'denied' } },
  };
  const matcher = {
    filter,
    path: [{ segment: { case: 'key' as const, value: key } }],
    value: { matchPattern: denied },
  };
  // Where nobody said anything nothing was refused.
  return { filterSpecifier: { case: 'metadataFilter', value: { matcher, matchIfKeyNotFound: false } } };
}
