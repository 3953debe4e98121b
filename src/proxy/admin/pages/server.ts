// What this proxy is: its version, node and state, and where it listens.

import { formatAddress } from '../../../net/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, json, text } from '../reply.ts';
import { encodeEnvoyAddress } from './address.ts';

export function serverInfoPage(context: AdminContext): AdminReply {
  const { config } = context;
  const { node } = config.bootstrap;
  const { uptimeSeconds } = config;
  return json({
    version: `weft/${context.version}`,
    state: context.readiness.state,
    hot_restart_version: `weft ${context.version}`,
    hot_restart_initializing: false,
    uptime_current_epoch: `${uptimeSeconds}s`,
    uptime_all_epochs: `${uptimeSeconds}s`,
    node: {
      id: node.id,
      cluster: node.cluster,
      metadata: node.metadata,
      locality: { region: node.locality.region, zone: node.locality.zone, sub_zone: node.locality.subZone },
      user_agent_name: node.userAgent,
    },
    command_line_options: commandLineOptions(context),
    weft: {
      config_version: context.view.version,
      config_origin: config.origin,
      control_plane_connected: config.connected,
      warming: config.warmingNames,
      issues: context.view.issues,
    },
  });
}

/** envoy.admin.v3.CommandLineOptions, as far as Weft has them. */
function commandLineOptions({ config, log, threads }: AdminContext): object {
  const { node } = config.bootstrap;
  return {
    concurrency: threads,
    log_level: log.level,
    mode: 'Serve',
    service_cluster: node.cluster,
    service_node: node.id,
    service_zone: node.locality.zone,
  };
}

export function listenersPage(context: AdminContext, request: AdminRequest): AdminReply {
  // Further filter chains have no socket of their own.
  const listeners = [...context.view.listeners.values()]
    .filter(({ config }) => config.chainOf === null)
    .map(({ name, addresses, config }) => ({
      name,
      addresses: config.binding.bound ? addresses : [config.address],
    }));
  if (request.query.get('format') !== 'json') {
    const lines = listeners.flatMap(({ name, addresses }) =>
      (addresses.length === 0 ? ['not bound'] : addresses.map(formatAddress)).map(
        (address) => `${name}::${address}\n`,
      ),
    );
    return text(lines.join(''));
  }
  return json({
    listener_statuses: listeners.map(({ name, addresses: [first, ...further] }) => ({
      name,
      local_address: first === undefined ? null : encodeEnvoyAddress(first),
      ...(further.length === 0 ? {} : { additional_local_addresses: further.map(encodeEnvoyAddress) }),
    })),
  });
}
