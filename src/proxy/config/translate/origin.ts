// original_ip_detection_extensions: how the client of a request is found out.

import { createIpRange, type IpRange } from '../../../base/index.ts';
import {
  type cidrRange,
  type Faults,
  headerDetection,
  type httpConnectionManager,
  join,
  type MessageOf,
  unpack,
  xffDetection,
} from '../schema/index.ts';
import type { OriginDetection } from '../types.ts';

export function translateDetections(
  hcm: MessageOf<typeof httpConnectionManager>,
  path: string,
  faults: Faults,
): readonly OriginDetection[] | null {
  const extensions = hcm.original_ip_detection_extensions;
  const at = join(path, 'original_ip_detection_extensions');
  if (extensions.length === 0) return null;
  if (hcm.use_remote_address === true) faults.add(at, 'must not be set with use_remote_address');
  if ((hcm.xff_num_trusted_hops ?? 0) > 0) faults.add(at, 'must not be set with xff_num_trusted_hops');
  return extensions.flatMap(({ typed_config: config }, index): readonly OriginDetection[] => {
    const xff = unpack(config, xffDetection);
    if (xff !== null) return [translateForwardedFor(xff, `${at}[${index}].typed_config`, faults)];
    const header = unpack(config, headerDetection);
    if (header === null) {
      if (config === undefined) faults.add(`${at}[${index}].typed_config`, 'must be set');
      return [];
    }
    const code = header.reject_with_status?.code ?? 0;
    return [
      {
        kind: 'header',
        name: (header.header_name ?? '').toLowerCase(),
        trusted: header.allow_extension_to_set_address_as_trusted ?? false,
        rejectStatus: header.reject_with_status === undefined ? 0 : code >= 400 && code < 600 ? code : 403,
      },
    ];
  });
}

function translateForwardedFor(
  xff: MessageOf<typeof xffDetection>,
  path: string,
  faults: Faults,
): OriginDetection {
  const hops = xff.xff_num_trusted_hops ?? 0;
  const { xff_trusted_cidrs: trusted } = xff;
  const at = join(path, 'xff_trusted_cidrs');
  if (trusted !== undefined && hops > 0) faults.add(at, 'must not be set with xff_num_trusted_hops');
  const proxies = trusted === undefined ? [] : translateRanges(trusted.cidrs, join(at, 'cidrs'), faults);
  return {
    kind: 'forwarded-for',
    hops,
    proxies: proxies.length === 0 ? null : proxies,
    appends: xff.skip_xff_append === false,
  };
}

export function translateRanges(
  ranges: readonly MessageOf<typeof cidrRange>[],
  path: string,
  faults: Faults,
): readonly IpRange[] {
  return ranges.flatMap(({ address_prefix = '', prefix_len = 0 }, at) => {
    const range = createIpRange(address_prefix, prefix_len);
    if (range === null)
      faults.add(`${path}[${at}]`, 'must be an IP literal with a prefix that fits it', address_prefix);
    return range === null ? [] : [range];
  });
}
