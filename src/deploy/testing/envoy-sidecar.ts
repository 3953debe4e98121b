// Envoy as the sidecar of a pod: the same pod as injected, with the other program in the proxy's place. It takes the
// same bootstrap, written for it, and runs as the image `envoy`.

interface Container {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** Of a pod that `weft inject` has made. */
export interface InjectedPod {
  readonly initContainers?: readonly Container[];
}

export function withEnvoy<P extends InjectedPod>(pod: P): P {
  const initContainers = pod.initContainers?.map((container) =>
    container.name === 'weft-proxy' ? toEnvoy(container) : forEnvoy(container),
  );
  return { ...pod, initContainers };
}

function forEnvoy(container: Container): Container {
  if (container.name !== 'weft-bootstrap') return container;
  const { args = [] } = container as { readonly args?: readonly string[] };
  return { ...container, args: [...args, '--for', 'envoy'] };
}

function toEnvoy(container: Container): Container {
  const { args: _, startupProbe: _s, readinessProbe: _r, ...rest } = container;
  const ready = ['curl', '-sf', 'http://127.0.0.1:15000/ready'];
  return {
    ...rest,
    image: 'envoy',
    args: ['-c', '/var/run/weft/bootstrap.json', '--concurrency', '1'],
    startupProbe: { exec: { command: ready }, periodSeconds: 1, failureThreshold: 60 },
  };
}
