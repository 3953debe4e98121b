// Options of the connection manager that few listeners set: one value, null where none is set.

import type { HeaderEdits } from '../../../policy/index.ts';
import {
  earlyHeaderMutation,
  type Faults,
  type httpConnectionManager,
  join,
  type MessageOf,
  unpack,
} from '../schema/index.ts';
import type { ProxyStatusOptions, SpecialOptions } from '../special-types.ts';
import { translateMutation } from './header-mutation.ts';

type Manager = MessageOf<typeof httpConnectionManager>;

const nothing: SpecialOptions = {
  makesRequestId: true,
  scheme: null,
  namesProxy: false,
  mappedAddress: false,
  earlyEdits: null,
  passesExpectation: false,
  tellsOverload: false,
  keepsMalformed: false,
  proxyStatus: null,
};

export function translateSpecial(hcm: Manager, path: string, faults: Faults): SpecialOptions | null {
  const special: SpecialOptions = {
    makesRequestId: hcm.generate_request_id ?? true,
    scheme: translateScheme(hcm),
    namesProxy: hcm.add_user_agent ?? false,
    mappedAddress: hcm.represent_ipv4_remote_address_as_ipv4_mapped_ipv6 ?? false,
    earlyEdits: translateEarlyEdits(hcm, join(path, 'early_header_mutation_extensions'), faults),
    passesExpectation: hcm.proxy_100_continue ?? false,
    tellsOverload: hcm.append_local_overload ?? false,
    keepsMalformed:
      hcm.http_protocol_options?.override_stream_error_on_invalid_http_message ??
      hcm.stream_error_on_invalid_http_message ??
      false,
    proxyStatus: translateProxyStatus(hcm),
  };
  const keys = Object.keys(nothing) as (keyof SpecialOptions)[];
  return keys.every((key) => special[key] === nothing[key]) ? null : special;
}

function translateScheme({ scheme_header_transformation: said }: Manager): SpecialOptions['scheme'] {
  const scheme = said?.scheme_to_overwrite;
  if (scheme === 'http' || scheme === 'https') return scheme;
  return said?.match_upstream === true ? 'upstream' : null;
}

function translateEarlyEdits(hcm: Manager, path: string, faults: Faults): HeaderEdits | null {
  const steps = hcm.early_header_mutation_extensions.flatMap(({ typed_config: config }, index) => {
    const at = `${path}[${index}].typed_config`;
    if (config === undefined) faults.add(at, 'must be set');
    const { mutations = [] } = unpack(config, earlyHeaderMutation) ?? {};
    return mutations.flatMap((mutation, place) =>
      translateMutation(mutation, `${join(at, 'mutations')}[${place}]`, faults),
    );
  });
  return steps.length === 0 ? null : steps;
}

function translateProxyStatus({ proxy_status_config: config }: Manager): ProxyStatusOptions | null {
  if (config === undefined) return null;
  return {
    name: config.use_node_id === true ? { node: true } : (config.literal_proxy_name ?? ''),
    details: config.remove_details !== true,
    flags: config.remove_response_flags !== true,
    recommendedStatus: config.set_recommended_response_code ?? false,
  };
}
