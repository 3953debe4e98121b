// What runs on the cluster of kubernetes.peer.test.ts: a shop, its callers, who watches it, who may call it.

export const shop = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: hello, namespace: shop }
spec:
  replicas: 3
  strategy: { rollingUpdate: { maxSurge: 100% } }
  selector: { matchLabels: { app: hello } }
  template:
    metadata: { labels: { app: hello } }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: hello
          image: kubenet/test
          args: [serve]
          ports: [{ name: web, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 }
          lifecycle: { preStop: { sleep: { seconds: 3 } } }
---
apiVersion: v1
kind: Service
metadata: { name: hello, namespace: shop }
spec: { selector: { app: hello }, ports: [{ name: web, port: 80, targetPort: web }] }
---
apiVersion: v1
kind: Pod
metadata: { name: caller, namespace: shop, labels: { app: caller } }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: caller, image: debian, command: [sleep, infinity] }]
`;

/** Its sidecar is made an Envoy. */
export const guest = `
apiVersion: v1
kind: Pod
metadata: { name: guest, namespace: shop, labels: { app: guest } }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: caller, image: debian, command: [sleep, infinity] }]
`;

/** A route of the Service that is called, with a rule that leads to `backend` beside the one that is in use. */
export const branch = (backend: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: hello, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: hello, port: 80 }]
  rules:
    - { matches: [{ path: { value: /ready } }], backendRefs: [{ name: hello, port: 80 }] }
    - { matches: [{ path: { value: /branch } }], backendRefs: [{ name: ${backend}, port: 80 }] }
`;

export const strict = `
apiVersion: v1
kind: Namespace
metadata: { name: strict, labels: { pod-security.kubernetes.io/enforce: restricted } }
`;

export const strictPod = `
apiVersion: v1
kind: Pod
metadata: { name: strict, namespace: strict }
spec:
  containers:
    - name: app
      image: debian
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        allowPrivilegeEscalation: false
        capabilities: { drop: [ALL] }
        seccompProfile: { type: RuntimeDefault }
`;

/** What it calls as it starts and as it runs goes through its sidecar, which counts both; then all of it ends. */
export const job = `
apiVersion: batch/v1
kind: Job
metadata: { name: once, namespace: shop }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      initContainers: [{ name: before, image: debian, command: [curl, -sf, -m, "9", http://hello/ready] }]
      containers:
        - name: once
          image: debian
          command:
            - sh
            - -euc
            - |
              curl -sf -m 9 http://hello/ready
              curl -s "http://127.0.0.1:15000/stats/prometheus?usedonly" | grep "^weft_request_duration_seconds_count"
`;

/**
 * Its first act is a call, and its last one, a second after it was told to end. Its end says how they went and what its
 * proxy counted; the finalizer keeps that until it was read.
 */
export const ordinary = `
apiVersion: v1
kind: Pod
metadata: { name: ordinary, namespace: shop, labels: { app: ordinary }, finalizers: [weft.dev/test] }
spec:
  terminationGracePeriodSeconds: 20
  containers:
    - name: app
      image: debian
      ports: [{ name: http, containerPort: 8080 }]
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
      command:
        - sh
        - -uc
        - |
          call() { curl -s -m 9 -o /dev/null -w "$1 %{http_code}\\n" http://hello/ready >>/dev/termination-log; }
          count() { curl -s "http://127.0.0.1:15000/stats/prometheus?usedonly" | grep "^weft_request_duration_seconds_count" >>/dev/termination-log; }
          trap 'sleep 1; call last; count; exit 0' TERM
          call first
          python3 -m http.server --directory /var 8080 &
          wait
---
apiVersion: v1
kind: Service
metadata: { name: ordinary, namespace: shop }
spec: { selector: { app: ordinary }, ports: [{ name: web, port: 80, targetPort: http }] }
`;

/** The sidecars of a Service, tuned by its policy. */
export const sized = `
apiVersion: v1
kind: Service
metadata: { name: sized, namespace: hooked }
spec: { selector: { run: sized }, ports: [{ port: 80 }] }
---
apiVersion: weft.dev/v1alpha1
kind: ServicePolicy
metadata: { name: sized, namespace: hooked }
spec:
  targetRefs: [{ group: "", kind: Service, name: sized }]
  sidecar: { resources: { requests: { cpu: 60m, memory: 96Mi }, limits: { cpu: 2, memory: 1Gi } }, logLevel: debug }
`;

export const named = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: named, namespace: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: named, namespace: shop, labels: { app: named }, annotations: { weft.dev/calls: hello } }
spec:
  serviceAccountName: named
  terminationGracePeriodSeconds: 1
  containers: [{ name: caller, image: debian, command: [sleep, infinity] }]
---
apiVersion: v1
kind: Pod
metadata: { name: stranger, namespace: shop, annotations: { weft.dev/inject: "false" } }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: caller, image: debian, command: [sleep, infinity] }]
`;

export const monitoring = `
apiVersion: v1
kind: Namespace
metadata: { name: monitoring }
---
apiVersion: v1
kind: Pod
metadata: { name: prometheus, namespace: monitoring }
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers: [{ name: prometheus, image: prometheus }]
`;

export const operated = `
apiVersion: v1
kind: Pod
metadata: { name: operated, namespace: monitoring }
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers: [{ name: prometheus, image: operated }]
`;

export const fence = `
apiVersion: weft.dev/v1alpha1
kind: AccessPolicy
metadata: { name: hello, namespace: shop }
spec:
  targetRefs: [{ group: "", kind: Service, name: hello }]
  rules: [{ from: [{ serviceAccount: { name: named } }], http: [{ methods: [GET], path: { value: /ready } }] }]
`;

/** Names that a Gateway `edge` and a fence of `hello` would have. */
export const taken = `
apiVersion: v1
kind: Service
metadata: { name: edge-weft, namespace: shop }
spec: { selector: { app: theirs }, ports: [{ port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: weft-fence-hello, namespace: shop, labels: { weft.dev/fence: hello } }
spec: { podSelector: { matchLabels: { app: theirs } } }
`;

/** A Gateway whose labels are those by which the Service `hello` finds its pods. */
export const taking = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: weft }
spec: { controllerName: weft.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  gatewayClassName: weft
  infrastructure: { labels: { app: hello } }
  listeners: [{ name: http, protocol: HTTP, port: 8088 }]
`;
