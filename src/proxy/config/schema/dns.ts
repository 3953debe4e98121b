// Tables: who is asked for the names of a DNS cluster.

import { address } from './core.ts';
import { f, forPeople, message, only } from './field.ts';

const resolvers = f.repeated(f.message(1, address, 'name servers, by IP address and port; at least one'));

const resolverOptions = message('envoy.config.core.v3.DnsResolverOptions', {
  use_tcp_for_dns_lookups: f.bool(1, 'false: TCP where an answer does not fit', only(false)),
  no_default_search_domain: f.bool(2, 'names are asked as they are in any case'),
});

export const dnsResolutionConfig = message('envoy.config.core.v3.DnsResolutionConfig', {
  resolvers,
  dns_resolver_options: f.message(2, resolverOptions, 'none that changes how names are asked'),
});

export const caresResolver = message(
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
  {
    resolvers,
    use_resolvers_as_fallback: f.bool(3, 'false', only(false)),
    filter_unroutable_families: f.bool(4, 'false', only(false)),
    dns_resolver_options: f.message(2, resolverOptions, 'none that changes how names are asked'),
    udp_max_queries: f.uint32Value(5, 'no effect: sockets are the library’s'),
  },
);

const getAddrInfoResolver = message(
  'envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig',
  {},
);

export const dnsResolver = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople),
  typed_config: f.any(2, [caresResolver, getAddrInfoResolver], 'getaddrinfo is the system, as without one'),
});
