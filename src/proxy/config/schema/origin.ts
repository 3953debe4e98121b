// Tables: how the HTTP connection manager finds out where a request comes from, and what it says instead of an answer.

import { accessLogFilter, formatString } from './access-log.ts';
import { cidrRange, dataSource, headerValueOption } from './core.ts';
import { f, forPeople, message, required } from './field.ts';

const managers = 'envoy.extensions.filters.network.http_connection_manager.v3';
const detections = 'envoy.extensions.http.original_ip_detection';

export const internalAddressConfig = message(`${managers}.HttpConnectionManager.InternalAddressConfig`, {
  unix_sockets: f.bool(1),
  cidr_ranges: f.repeated(f.message(2, cidrRange)),
});

export const xffDetection = message(`${detections}.xff.v3.XffConfig`, {
  xff_num_trusted_hops: f.uint32(1, 'not with xff_trusted_cidrs'),
  xff_trusted_cidrs: f.message(
    2,
    message(`${detections}.xff.v3.XffTrustedCidrs`, { cidrs: f.repeated(f.message(1, cidrRange)) }),
  ),
  skip_xff_append: f.boolValue(3, 'default true'),
});

export const headerDetection = message(`${detections}.custom_header.v3.CustomHeaderConfig`, {
  header_name: f.string(1, '', required),
  allow_extension_to_set_address_as_trusted: f.bool(2),
  reject_with_status: f.message(
    3,
    message('envoy.type.v3.HttpStatus', { code: f.uint32(1, 'other than 400 to 599: 403') }),
  ),
});

export const originalIpDetection = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople, required),
  typed_config: f.any(2, [xffDetection, headerDetection], 'in order: the first that finds an address'),
});

const responseMapper = message(`${managers}.ResponseMapper`, {
  filter: f.message(1, accessLogFilter),
  status_code: f.uint32Value(2, '200 to 599'),
  body: f.message(3, dataSource),
  body_format_override: f.message(4, formatString),
  headers_to_add: f.repeated(f.message(5, headerValueOption)),
});

export const localReplyConfig = message(`${managers}.LocalReplyConfig`, {
  mappers: f.repeated(f.message(1, responseMapper, 'the first whose filter takes the answer')),
  body_format: f.message(2, formatString, 'not of what is refused before it is a request'),
});
