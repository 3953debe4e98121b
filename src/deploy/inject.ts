// Puts a sidecar into a pod: a pure function of the pod, behind both `weft inject` and the webhook, so that what a
// person reads is what the API server does. A native sidecar (an init container that stays): it is up before the
// application and ends after it, and a Job ends; before Kubernetes 1.29 an ordinary container comes as near as it can.

import { accountLabel, revisionLabel, type SidecarWish } from '../control/index.ts';
import { annotations } from './annotations.ts';
import { applicationWanted, parseApplication } from './application-ports.ts';
import { callsWanted, parseCalls } from './calls.ts';
import { listPorts, readCapturedTraffic, redirectArgs } from './captured-traffic.ts';
import { encodeRedirectNote, type RedirectNote, redirectAnnotation } from './cni/redirect-note.ts';
import { findReasonToLeave, type LeaveReason } from './leave-alone.ts';
import { meshPorts, proxyUser } from './limits.ts';
import { identityArgs, identityMount, identityVolume } from './mesh-identity.ts';
import { proxyScrapeFor, readyPort } from './monitors.ts';
import type { ContainerObject, PodObject } from './objects.ts';
import { placeNative, placeOrdinary } from './place-sidecar.ts';
import { decideSidecar, type SidecarSettings } from './sidecar-settings.ts';

export interface InjectOptions {
  readonly image: string;
  /** Of the control plane: `host:port`. */
  readonly xds: string;
  /** Of that control plane; absent: it has none. */
  readonly revision?: string;
  /** False: Kubernetes before 1.29, where the sidecar is an ordinary container. Default true. */
  readonly nativeSidecars?: boolean;
  /** A plugin of the nodes sets the rules (`weft install --cni`), and no container needs a right. Default false. */
  readonly cni?: boolean;
}

/** injected: with the new pod; left: why not; fault: the pod asks for what cannot be. */
export type Injection =
  | { readonly kind: 'injected'; readonly pod: PodObject }
  | { readonly kind: 'left'; readonly reason: string; readonly code: LeaveReason['code'] }
  | { readonly kind: 'fault'; readonly reason: string };

const proxyName = 'weft-proxy';
/** Sets the rules, or with a CNI plugin looks whether they are set. */
export const redirectName = 'weft-redirect';
const labelCharsMax = 63;
const folder = '/var/run/weft';

/** `wish`: what ServicePolicies say of its sidecar. */
export function injectPod(pod: PodObject, options: InjectOptions, wish: SidecarWish = {}): Injection {
  const leave = findReasonToLeave(pod, askedOf(pod), proxyName);
  if (leave !== null) return { kind: 'left', reason: leave.text, code: leave.code };
  const fault = findFault(pod, options);
  if (fault !== null) return { kind: 'fault', reason: fault };
  const said = pod.metadata?.annotations ?? {};
  const note = readCapturedTraffic(pod);
  if ('fault' in note) return { kind: 'fault', reason: note.fault };
  const settings = decideSidecar(said, wish);
  if ('fault' in settings) return { kind: 'fault', reason: settings.fault };
  const { policies } = settings;
  const calls = said[annotations.calls];
  if (calls !== undefined && parseCalls(calls) === null)
    return { kind: 'fault', reason: `annotation ${annotations.calls} must be ${callsWanted} (got ${calls})` };
  const { spec, metadata } = pod;
  const { revision } = options;
  const revised = revision === undefined || revision === '' ? {} : { [revisionLabel]: revision };
  const place = options.nativeSidecars === false ? placeOrdinary : placeNative;
  const placed = place(spec, {
    prepare: [
      options.cni === true ? verifyContainer(options) : redirectContainer(options, note),
      bootstrapContainer(options, said, pod),
    ],
    proxy: proxyContainer(options, settings),
  });
  return {
    kind: 'injected',
    pod: {
      ...pod,
      metadata: {
        ...metadata,
        labels: { ...metadata?.labels, ...accountOf(spec) },
        annotations: {
          ...proxyScrapeFor(said),
          ...said,
          [annotations.status]: options.image,
          ...(policies.length === 0 ? {} : { [annotations.policies]: policies.join(',') }),
          ...(options.cni === true ? { [redirectAnnotation]: encodeRedirectNote(note) } : {}),
          ...revised,
        },
      },
      spec: { ...placed, volumes: [...(spec.volumes ?? []), ...volumes] },
    },
  };
}

/** What the API server would refuse once the sidecar is in it: a pod is left as it is rather than refused. */
function findFault({ metadata, spec }: PodObject, options: InjectOptions): string | null {
  const container = spec.initContainers?.find(({ name }) => ownContainers.has(name));
  const other = container ?? spec.containers.find(({ name }) => ownContainers.has(name));
  if (other !== undefined) return `container ${other.name} has a name that the sidecar needs`;
  const volume = spec.volumes?.find(({ name }) => volumes.some((own) => own.name === name));
  if (volume !== undefined) return `volume ${volume.name} has a name that the sidecar needs`;
  const application = metadata?.annotations?.[annotations.application];
  if (application !== undefined && parseApplication(application) === null)
    return `annotation ${annotations.application} must be ${applicationWanted} (got ${application})`;
  if (options.nativeSidecars === false && spec['hostPID'] === true && spec['restartPolicy'] === 'Never')
    return 'it has the processes of its node, among which its proxy does not see when its own have ended';
  return null;
}

const bootstrapName = 'weft-bootstrap';
const ownContainers: ReadonlySet<string> = new Set([redirectName, bootstrapName]);

/** The network tells pods apart by labels alone. A longer name is no label, and known by its addresses only. */
function accountOf({
  serviceAccountName,
  // Its older name, which an API server fills in beside the newer one.
  serviceAccount,
}: PodObject['spec']): Readonly<Record<string, string>> {
  const account = serviceAccountName ?? serviceAccount ?? 'default';
  return account.length > labelCharsMax ? {} : { [accountLabel]: account };
}

/** What the pod itself says, as an annotation or a label; null: nothing. */
function askedOf({ metadata }: PodObject): string | null {
  return metadata?.annotations?.[annotations.inject] ?? metadata?.labels?.[annotations.inject] ?? null;
}

const volumes = [
  { name: 'weft', emptyDir: {} },
  identityVolume,
  {
    name: 'weft-pod',
    downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
  },
] as const;

function fieldOf(name: string, fieldPath: string) {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** Needs to change its own network; this is `baseline` of Pod Security with NET_ADMIN allowed. */
function redirectContainer({ image }: InjectOptions, note: RedirectNote): ContainerObject {
  return {
    name: redirectName,
    image,
    args: redirectArgs(note),
    env: [fieldOf('HOST_IP', 'status.hostIP')],
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    },
  };
}

/** A pod that slipped through is mended within seconds where an agent is on its node. */
const verifySeconds = 30;

/** Only looks whether the plugin has set them: a pod that was made past it must not run past its proxy. */
function verifyContainer(options: InjectOptions): ContainerObject {
  return {
    name: redirectName,
    image: options.image,
    args: ['redirect', '--verify', `${verifySeconds}`],
    securityContext: contextOf(options),
  };
}

/** Pod Security's `restricted` wants a profile named. Elsewhere the pod's own holds. */
function contextOf({ cni }: InjectOptions): ContainerObject['securityContext'] & object {
  return cni === true ? { ...unprivileged, seccompProfile: { type: 'RuntimeDefault' } } : { ...unprivileged };
}

const unprivileged = {
  runAsUser: proxyUser,
  runAsGroup: proxyUser,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
} as const;

function bootstrapContainer(
  options: InjectOptions,
  said: Readonly<Record<string, string>>,
  pod: PodObject,
): ContainerObject {
  const { image, xds } = options;
  const application = said[annotations.application];
  const calls = said[annotations.calls];
  const named = listPorts(pod).flatMap(({ name, containerPort }) =>
    name === undefined ? [] : `${name}=${containerPort}`,
  );
  return {
    name: bootstrapName,
    image,
    args: [
      ...['bootstrap', '--xds', xds, ...identityArgs, '--capture', '--labels', '/etc/weft/labels'],
      ...['--out', `${folder}/bootstrap.json`],
      ...(application === undefined ? [] : ['--application', application]),
      ...(calls === undefined ? [] : ['--calls', calls.replaceAll(' ', '')]),
      ...(named.length === 0 ? [] : ['--container-ports', named.join(',')]),
    ],
    env: [
      fieldOf('POD_NAME', 'metadata.name'),
      fieldOf('POD_NAMESPACE', 'metadata.namespace'),
      ...(calls === undefined ? [] : [fieldOf('POD_ACCOUNT', 'spec.serviceAccountName')]),
    ],
    volumeMounts: [
      { name: 'weft', mountPath: folder },
      { name: 'weft-pod', mountPath: '/etc/weft', readOnly: true },
    ],
    securityContext: contextOf(options),
  };
}

function proxyContainer(options: InjectOptions, { resources, logLevel }: SidecarSettings): ContainerObject {
  const { image } = options;
  const ready = { path: '/ready', port: meshPorts.readiness };
  return {
    name: proxyName,
    image,
    args: [
      ...['proxy', '-c', `${folder}/bootstrap.json`, '--state-dir', folder],
      ...['--readiness', `0.0.0.0:${meshPorts.readiness}`],
      ...(logLevel === null ? [] : ['--log-level', logLevel]),
    ],
    ports: [readyPort],
    startupProbe: { httpGet: ready, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { httpGet: ready, periodSeconds: 5 },
    resources,
    volumeMounts: [{ name: 'weft', mountPath: folder }, identityMount],
    securityContext: contextOf(options),
  };
}
