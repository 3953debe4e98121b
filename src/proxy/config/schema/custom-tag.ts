// Table: what spans and entries of access logs say besides.

import { f, message, required } from './field.ts';
import { metadataKey } from './rate-limit.ts';

const tag = (name: string) => `envoy.type.tracing.v3.CustomTag${name}`;
const kind = (name: string) => message(`envoy.type.metadata.v3.MetadataKind.${name}`, {});

export const customTag = message(
  tag(''),
  {
    tag: f.string(1, '', required),
    literal: f.message(2, message(tag('.Literal'), { value: f.string(1, '', required) })),
    environment: f.message(
      3,
      message(tag('.Environment'), { name: f.string(1, '', required), default_value: f.string(2) }),
    ),
    request_header: f.message(
      4,
      message(tag('.Header'), { name: f.string(1, '', required), default_value: f.string(2) }),
    ),
    metadata: f.message(
      5,
      message(tag('.Metadata'), {
        kind: f.message(
          1,
          message(
            'envoy.type.metadata.v3.MetadataKind',
            { request: f.message(1, kind('Request')), route: f.message(2, kind('Route')) },
            [['request', 'route']],
          ),
        ),
        metadata_key: f.message(2, metadataKey),
        default_value: f.string(3),
      }),
    ),
  },
  [['literal', 'environment', 'request_header', 'metadata']],
);
