// The programs of the mesh itself: control plane, sidecars, node agents and the gateway, each with its files in the
// demo's folder.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { namespace } from '../../../examples/bank/bank.ts';
import { type BootstrapFacts, encodeBootstrap } from '../../deploy/index.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import type { Machine, Program } from '../machine/machine.ts';
import type { Programs } from './programs.ts';

export interface MeshPorts {
  readonly edge: number;
  readonly xds: number;
  /** Of the host that pods know, see PodNetwork. */
  readonly host: string;
  /** Console, metrics and status of the control plane. */
  readonly controlHttp: number;
}

/**
 * `usual`: the ports that people are used to, where they are free, for what they open in a browser. Never for xDS:
 * while a control plane restarts, another demo would take the usual port, and this one's proxies would join the other's
 * mesh.
 */
export function allocateMeshPorts(machine: Machine, usual: boolean, host: string): MeshPorts {
  return {
    edge: usual ? machine.ports.allocate(8080) : machine.ports.allocate(),
    xds: machine.ports.allocate(),
    host,
    controlHttp: usual ? machine.ports.allocate(15_014) : machine.ports.allocate(),
  };
}

/** `env`: how the console finds the demo, where it should. */
export function controlProgram(
  programs: Programs,
  ports: MeshPorts,
  manifestFolder: string,
  env: Readonly<Record<string, string>>,
): Program {
  const adminUrl = `http://127.0.0.1:${ports.controlHttp}`;
  return {
    command: programs.weft(
      'control',
      '--dir',
      manifestFolder,
      '--xds',
      `${ports.host}:${ports.xds}`,
      // Between this machine's own namespaces: nobody else has a way there.
      '--insecure-xds',
      '--admin',
      `127.0.0.1:${ports.controlHttp}`,
    ),
    env,
    row: { name: 'control', kind: 'control', role: 'control', service: '', replica: '', adminUrl },
  };
}

/** A proxy that is told to end leaves by itself before it would be killed (stopGraceMs). */
const drainSeconds = '2';

export interface ProxyFacts
  extends Pick<BootstrapFacts, 'role' | 'name' | 'workload' | 'admin' | 'listen' | 'xds'> {
  /** The application's port behind the Service's port `http`; null where there is no application. */
  readonly applicationPort: number | null;
}

/** Writes the proxy's bootstrap; its last good configuration is kept beside it. */
export function proxyProgram(machine: Machine, programs: Programs, facts: ProxyFacts): Program {
  const folder = join(machine.folder, 'proxies', facts.name);
  mkdirSync(folder, { recursive: true });
  const bootstrap = join(folder, 'bootstrap.json');
  const { role, name, workload, admin, applicationPort } = facts;
  const text = encodeBootstrap({
    ...facts,
    namespace,
    labels: { app: workload },
    application: applicationPort === null ? {} : { http: applicationPort },
    containerPorts: {},
    identity: null,
  });
  writeFileAtomic(bootstrap, text);
  return {
    // Dozens start at once, on a machine that has other things to do.
    command: programs.weft('proxy', '-c', bootstrap, '--drain-time', drainSeconds, '--warm-up', '0'),
    env: {},
    row: {
      name: role === 'sidecar' ? `${name}-proxy` : name,
      kind: 'proxy',
      role,
      service: role === 'agent' ? '' : workload,
      replica: name,
      adminUrl: `http://${admin.host}:${admin.port}`,
    },
  };
}
