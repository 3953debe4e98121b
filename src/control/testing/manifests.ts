// Small manifests for tests.

export function service(name: string, namespace = 'bank'): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;
}

export function slice(service: string, addresses: readonly string[], namespace = 'bank'): string {
  const endpoints = addresses.map((address) => `{ addresses: [${address}] }`).join(', ');
  return `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [${endpoints}]
`;
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
