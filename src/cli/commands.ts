// The table of commands. Each is loaded only when it is run, so that `weft proxy` pays for no server, console or load
// code.

import type { CommandEntry } from './command.ts';

export const commands: readonly CommandEntry[] = [
  {
    name: 'proxy',
    summary: 'run the data plane: sidecar, node agent or gateway',
    smallHeap: true,
    load: () => import('./proxy.ts'),
  },
  {
    name: 'control',
    summary: 'run the control plane over a directory of manifests',
    smallHeap: true,
    load: () => import('./control.ts'),
  },
  {
    name: 'demo',
    summary: 'run a bank on this machine, with the whole mesh',
    load: () => import('./demo.ts'),
  },
  {
    name: 'load',
    summary: 'send open-loop load and report latencies',
    load: () => import('./load.ts'),
  },
  {
    name: 'xds',
    summary: 'show what proxies took of their configuration, and refused',
    load: () => import('./xds.ts'),
  },
  {
    name: 'proxies',
    summary: 'show every proxy of a cluster, and whether it has what it is sent',
    load: () => import('./proxies.ts'),
  },
  {
    name: 'config',
    summary: 'show what a pod’s proxy has in force',
    load: () => import('./config.ts'),
  },
  {
    name: 'logs',
    summary: 'print the log of a pod’s proxy',
    load: () => import('./logs.ts'),
  },
  {
    name: 'check',
    summary: 'validate manifests and Envoy bootstraps offline',
    load: () => import('./check.ts'),
  },
  {
    name: 'access',
    summary: 'say who may call whom, and what policies observed calls need',
    load: () => import('./access.ts'),
  },
  {
    name: 'install',
    summary: 'print what a Kubernetes cluster needs to run the mesh',
    load: () => import('./install.ts'),
  },
  {
    name: 'uninstall',
    summary: 'take away what the mesh made in a Kubernetes cluster',
    load: () => import('./uninstall.ts'),
  },
  {
    name: 'hold',
    summary: 'wait, as the hooks of a sidecar do',
    load: () => import('./hold.ts'),
  },
  {
    name: 'inject',
    summary: 'put sidecars into manifests, or serve that as a webhook',
    load: () => import('./inject.ts'),
  },
  {
    name: 'bootstrap',
    summary: 'write the bootstrap of a pod’s proxy',
    load: () => import('./bootstrap.ts'),
  },
  {
    name: 'cni',
    summary: 'be a node’s agent of the CNI plugin',
    load: () => import('./cni.ts'),
  },
  {
    name: 'redirect',
    summary: 'lead a pod’s connections through its proxy',
    load: () => import('./redirect.ts'),
  },
];
