// Small manifests for tests.

export function service(name: string, namespace = 'bank'): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;
}

export function slice(
  service: string,
  addresses: readonly string[],
  namespace = 'bank',
  port = 8080,
): string {
  const endpoints = addresses.map((address) => `{ addresses: [${address}] }`).join(', ');
  return `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [${endpoints}]
`;
}

/** A Service of the bank whose one endpoint is a port of this machine. */
export function localService(name: string, port: number): string {
  return service(name) + slice(name, ['127.0.0.1'], 'bank', port);
}

export function policy(service: string, spec: string, name = service, namespace = 'bank'): string {
  return `---
apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: { targetRefs: [{ group: "", kind: Service, name: ${service} }], ${spec} }
`;
}

export function route(service: string, rule: string, name = service, namespace = 'bank'): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${namespace} }
spec: { parentRefs: [{ group: "", kind: Service, name: ${service}, namespace: bank }], rules: [{ ${rule} }] }
`;
}
