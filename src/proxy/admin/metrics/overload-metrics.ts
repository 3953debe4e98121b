// The overload manager under Envoy's names: what is watched, and what is done about it.

import { noLabels, type PrometheusWriter } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';
import { totalsByAddress } from './listener-address.ts';

export function* writeOverloadMetrics(
  writer: PrometheusWriter,
  { overload, view }: AdminContext,
): Iterable<void> {
  for (const { name, pressure, failedUpdates, skippedUpdates } of overload.monitors) {
    const monitor = `envoy_overload_${name.replace(/[^a-zA-Z0-9]/g, '_')}`;
    gauge(writer, `${monitor}_pressure`, 'Per cent of what there is.', Math.round(pressure * 100));
    writer
      .family(`${monitor}_failed_updates`, 'counter', 'Looks that found no figure.')
      .sample(noLabels, failedUpdates);
    writer
      .family(`${monitor}_skipped_updates`, 'counter', 'Looks while the one before was under way.')
      .sample(noLabels, skippedUpdates);
  }
  for (const { action, value } of overload.actions) {
    const name = `envoy_overload_envoy_overload_actions_${action}`;
    gauge(writer, `${name}_active`, '1 while it goes as far as it can.', value >= 1 ? 1 : 0);
    gauge(writer, `${name}_scale_percent`, 'How far it goes.', Math.floor(value * 100));
  }
  for (const { point, value } of overload.shedPoints)
    gauge(
      writer,
      `envoy_overload_envoy_load_shed_points_${point}_scale_percent`,
      'The share of work that is let go of there.',
      Math.floor(value * 100),
    );
  writer.family(
    'envoy_listener_downstream_cx_overload_reject',
    'counter',
    'Connections refused because the proxy is overloaded.',
  );
  for (const [address, count] of totalsByAddress(view, ({ stats }) => stats.overloadRejections))
    writer.sample({ envoy_listener_address: address }, count);
  yield;
}

function gauge(writer: PrometheusWriter, name: string, help: string, value: number): void {
  writer.family(name, 'gauge', help).sample(noLabels, value);
}
