// What the published conformance suite is asked to judge: profiles and features that Weft says it has. What passes is
// written into src/control/status-writer/supported-features.ts; a feature that fails may not be claimed.

export interface Suite {
  /** Its report is `docs/conformance/NAME.yaml`. */
  readonly name: 'gateway' | 'mesh';
  /** Profiles, and the core features of each (conformance/utils/suite/profiles.go). */
  readonly profiles: Readonly<Record<string, readonly string[]>>;
  /** As pkg/features names them. */
  readonly extended: readonly string[];
  /** Further flags. */
  readonly flags: readonly string[];
}

export const suites: readonly Suite[] = [
  {
    name: 'gateway',
    profiles: {
      'GATEWAY-HTTP': ['Gateway', 'ReferenceGrant', 'HTTPRoute'],
      'GATEWAY-GRPC': ['Gateway', 'ReferenceGrant', 'GRPCRoute'],
      'GATEWAY-TLS': ['Gateway', 'ReferenceGrant', 'TLSRoute'],
      'GATEWAY-TCP': ['Gateway', 'ReferenceGrant', 'TCPRoute'],
    },
    extended: [
      'BackendTLSPolicy',
      'BackendTLSPolicySANValidation',
      'GRPCRouteNamedRouteRule',
      'GatewayAddressEmpty',
      'GatewayBackendClientCertificate',
      'GatewayFrontendClientCertificateValidation',
      'GatewayFrontendClientCertificateValidationInsecureFallback',
      'GatewayHTTPListenerIsolation',
      'GatewayHTTPSListenerDetectMisdirectedRequests',
      'GatewayInfrastructure',
      'GatewayPort8080',
      'HTTPRoute303RedirectStatusCode',
      'HTTPRoute307RedirectStatusCode',
      'HTTPRoute308RedirectStatusCode',
      'HTTPRouteBackendProtocolH2C',
      'HTTPRouteBackendProtocolWebSocket',
      'HTTPRouteBackendRequestHeaderModification',
      'HTTPRouteBackendTimeout',
      'HTTPRouteCORS',
      'HTTPRouteDestinationPortMatching',
      'HTTPRouteHostRewrite',
      'HTTPRouteMethodMatching',
      'HTTPRouteNamedRouteRule',
      'HTTPRouteParentRefPort',
      'HTTPRoutePathRedirect',
      'HTTPRoutePathRewrite',
      'HTTPRoutePortRedirect',
      'HTTPRouteQueryParamMatching',
      'HTTPRouteRequestMirror',
      'HTTPRouteRequestMultipleMirrors',
      'HTTPRouteRequestPercentageMirror',
      'HTTPRouteRequestTimeout',
      'HTTPRouteResponseHeaderModification',
      'HTTPRouteSchemeRedirect',
      'ListenerSet',
      'TLSRouteModeMixed',
      'TLSRouteModeTerminate',
    ],
    flags: ['-gateway-class=weft'],
  },
  {
    name: 'mesh',
    profiles: {
      'MESH-HTTP': ['Mesh', 'HTTPRoute'],
      'MESH-GRPC': ['Mesh', 'GRPCRoute'],
    },
    extended: [
      'HTTPRoute303RedirectStatusCode',
      'HTTPRoute307RedirectStatusCode',
      'HTTPRoute308RedirectStatusCode',
      'HTTPRouteParentRefPort',
      'HTTPRouteResponseHeaderModification',
      'MeshClusterIPMatching',
      'MeshConsumerRoute',
      'MeshHTTPRouteBackendRequestHeaderModification',
      'MeshHTTPRouteNamedRouteRule',
      'MeshHTTPRouteQueryParamMatching',
      'MeshHTTPRouteRedirectPath',
      'MeshHTTPRouteRedirectPort',
      'MeshHTTPRouteRewritePath',
      'MeshHTTPRouteSchemeRedirect',
    ],
    // Every pod of the suite gets its sidecar as users' pods do.
    flags: ['-namespace-labels=weft.dev/inject=enabled'],
  },
];
