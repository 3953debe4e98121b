// OverloadManager to OverloadConfig. As Envoy: a trigger names a monitor that exists, and a name stands once.

import {
  type LoadShedPoint,
  loadShedPoints,
  type OverloadAction,
  type OverloadTrigger,
  overloadActions,
} from '../../../policy/index.ts';
import {
  defaultOverload,
  type LoadShedSettings,
  type MonitorConfig,
  type OverloadActionSettings,
  type OverloadConfig,
  ownMonitors,
  type ScaledTimer,
} from '../overload-types.ts';
import {
  downstreamConnections,
  type Faults,
  fixedHeap,
  injectedResource,
  join,
  type MessageOf,
  type overloadManager,
  scaleTimers,
  unpack,
} from '../schema/index.ts';

type ManagerMessage = MessageOf<typeof overloadManager>;
type ActionMessage = ManagerMessage['actions'][number];
type MonitorMessage = ManagerMessage['resource_monitors'][number];

export function translateOverload(
  message: ManagerMessage | undefined,
  path: string,
  faults: Faults,
): OverloadConfig {
  if (message === undefined) return defaultOverload;
  const monitors = new Map<string, MonitorConfig>();
  let connectionsMax: number | null = null;
  message.resource_monitors.forEach((monitor, index) => {
    const at = `${join(path, 'resource_monitors')}[${index}]`;
    const { name = '' } = monitor;
    if (monitors.has(name)) faults.add(join(at, 'name'), 'must be unique', name);
    const connections = unpack(monitor.typed_config, downstreamConnections);
    if (connections !== null) connectionsMax = connections.max_active_downstream_connections ?? 1;
    const translated = translateMonitor(monitor, at, faults);
    if (translated !== null) monitors.set(name, translated);
  });
  const actions = message.actions.map((action, index) =>
    translateAction(action, monitors, `${join(path, 'actions')}[${index}]`, faults),
  );
  checkUnique(message.actions, join(path, 'actions'), faults);
  const points = message.loadshed_points.map((point, index) =>
    translatePoint(point, monitors, `${join(path, 'loadshed_points')}[${index}]`, faults),
  );
  checkUnique(message.loadshed_points, join(path, 'loadshed_points'), faults);
  const refreshMs = message.refresh_interval ?? defaultOverload.refreshMs;
  return {
    refreshMs,
    // Who configures monitors wants them read as often as was said.
    restMs: refreshMs,
    monitors: [...monitors.values()],
    actions: actions.filter((action) => action !== null),
    shedPoints: points.filter((point) => point !== null),
    connectionsMax,
    trackedPowerOfTwo: message.buffer_factory_config?.minimum_account_to_track_power_of_two || null,
  };
}

/** Null for connections, which are a bound and no pressure. */
function translateMonitor(
  { name = '', typed_config }: MonitorMessage,
  path: string,
  faults: Faults,
): MonitorConfig | null {
  if (typed_config === undefined) faults.add(join(path, 'typed_config'), 'must be set');
  const heap = unpack(typed_config, fixedHeap);
  if (heap !== null) {
    if (heap.max_heap_size_bytes === undefined)
      faults.add(join(path, 'typed_config.max_heap_size_bytes'), 'must be set');
    return { kind: 'fixed-heap', name, bytesMax: heap.max_heap_size_bytes ?? 1 };
  }
  const injected = unpack(typed_config, injectedResource);
  return injected === null ? null : { kind: 'injected', name, path: injected.filename ?? '' };
}

const prefix = 'envoy.overload_actions.';

function translateAction(
  message: ActionMessage,
  monitors: Map<string, MonitorConfig>,
  path: string,
  faults: Faults,
): OverloadActionSettings | null {
  const { name = '', triggers, typed_config } = message;
  const action = name.startsWith(prefix) ? (name.slice(prefix.length) as OverloadAction) : null;
  if (action === null || !overloadActions.includes(action)) {
    faults.add(join(path, 'name'), `must be ${prefix} and one of ${overloadActions.join(', ')}`, name);
    return null;
  }
  if (triggers.length === 0) faults.add(join(path, 'triggers'), 'must be at least one');
  const scaling = unpack(typed_config, scaleTimers);
  if ((scaling !== null) !== (action === 'reduce_timeouts'))
    faults.add(join(path, 'typed_config'), `is for ${prefix}reduce_timeouts, which must have it`);
  return {
    action,
    triggers: triggers.map((trigger, index) =>
      translateTrigger(trigger, monitors, `${join(path, 'triggers')}[${index}]`, faults),
    ),
    timers: (scaling?.timer_scale_factors ?? []).map((timer, index) =>
      translateTimer(timer, `${join(path, 'typed_config.timer_scale_factors')}[${index}]`, faults),
    ),
  };
}

const pointPrefix = 'envoy.load_shed_points.';

function translatePoint(
  { name = '', triggers }: ManagerMessage['loadshed_points'][number],
  monitors: Map<string, MonitorConfig>,
  path: string,
  faults: Faults,
): LoadShedSettings | null {
  const point = name.startsWith(pointPrefix) ? (name.slice(pointPrefix.length) as LoadShedPoint) : null;
  if (point === null || !loadShedPoints.includes(point)) {
    faults.add(join(path, 'name'), `must be ${pointPrefix} and one of ${loadShedPoints.join(', ')}`, name);
    return null;
  }
  if (triggers.length === 0) faults.add(join(path, 'triggers'), 'must be at least one');
  return {
    point,
    triggers: triggers.map((trigger, index) =>
      translateTrigger(trigger, monitors, `${join(path, 'triggers')}[${index}]`, faults),
    ),
  };
}

function translateTrigger(
  { name = '', threshold, scaled }: ActionMessage['triggers'][number],
  monitors: Map<string, MonitorConfig>,
  path: string,
  faults: Faults,
): OverloadTrigger {
  const own = ownMonitors.get(name);
  if (own !== undefined) monitors.set(name, own);
  if (!monitors.has(name)) faults.add(join(path, 'name'), 'must be the name of a resource monitor', name);
  if (threshold === undefined && scaled === undefined)
    faults.add(path, 'one of threshold, scaled must be set');
  const from = threshold?.value ?? scaled?.scaling_threshold ?? 0;
  const to = threshold?.value ?? scaled?.saturation_threshold ?? 0;
  if (scaled !== undefined && from >= to)
    faults.add(join(path, 'scaled.scaling_threshold'), 'must be less than saturation_threshold', from);
  return { monitor: name, from, to };
}

type TimerMessage = MessageOf<typeof scaleTimers>['timer_scale_factors'][number];

function translateTimer(message: TimerMessage, path: string, faults: Faults): ScaledTimer {
  const { timer, min_timeout, min_scale } = message;
  if (timer === undefined) faults.add(join(path, 'timer'), 'must be set');
  if (min_timeout === undefined && min_scale === undefined)
    faults.add(path, 'one of min_timeout, min_scale must be set');
  return {
    timer: timer === 'TRANSPORT_SOCKET_CONNECT' ? 'transport-socket-connect' : 'connection-idle',
    min: min_timeout === undefined ? { share: (min_scale?.value ?? 0) / 100 } : { ms: min_timeout },
  };
}

function checkUnique(
  actions: readonly { readonly name?: string | undefined }[],
  path: string,
  faults: Faults,
): void {
  const names = actions.map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index) faults.add(`${path}[${index}].name`, 'must be unique', name);
  });
}
