// original_ip_detection_extensions: how the client of a request is found out.

import {
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
    if (xff !== null) return [{ kind: 'forwarded-for', hops: xff.xff_num_trusted_hops ?? 0 }];
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
