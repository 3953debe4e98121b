// The tables: services with their golden signals, endpoints with latency estimate and ejection, proxies with
// configuration and NACKs. Where the window is narrow the columns that say least are left out (class `wide`).

import type { ComponentChildren } from 'preact';
import type { ConsoleState, EndpointView, ProxyView, ServiceView } from '../view.ts';
import { age, failures, milliseconds, nothing, rate, serviceName, share } from './format.ts';

interface ServicesProps {
  readonly services: readonly ServiceView[];
  readonly selected: string | null;
  readonly select: (service: string) => void;
}

/** A head that starts with `~` is left out where the window is narrow. */
const serviceHeads = ['service', 'req/s', 'success', '~p50', 'p99', '~retries/s', 'usable'] as const;

export function Services({ services, selected, select }: ServicesProps) {
  return (
    <Table name="Services" heads={serviceHeads}>
      {services.map(({ name, golden, endpoints, usable }) => (
        <tr key={name} class={selected === name ? 'selected' : ''} onClick={() => select(name)}>
          <td
            title={
              name === '' ? 'answers that belong to no Service, as a route that is at fault gives' : name
            }
          >
            {serviceName(name)}
          </td>
          <td>{rate(golden.requestsPerSecond)}</td>
          <td class={(golden.successShare ?? 1) < 0.999 ? 'bad' : ''}>{share(golden.successShare)}</td>
          <td class="wide">{milliseconds(golden.p50Ms)}</td>
          <td>{milliseconds(golden.p99Ms)}</td>
          <td class={`wide ${(golden.retriesPerSecond ?? 0) > 0 ? 'warn' : ''}`}>
            {rate(golden.retriesPerSecond)}
          </td>
          <td class={usable < endpoints ? 'warn' : ''}>
            {endpoints === 0 ? nothing : `${usable}/${endpoints}`}
          </td>
        </tr>
      ))}
    </Table>
  );
}

const endpointHeads = [
  'endpoint',
  '~service',
  'estimate',
  'failures',
  '~in flight',
  '~requests',
  'state',
] as const;

export function Endpoints({ endpoints }: { readonly endpoints: readonly EndpointView[] }) {
  return (
    <Table name="Endpoints" heads={endpointHeads}>
      {endpoints.map((endpoint) => (
        <tr key={`${endpoint.service} ${endpoint.address}`}>
          <td title={endpoint.address}>{endpoint.name === '' ? endpoint.address : endpoint.name}</td>
          <td class="wide">{serviceName(endpoint.service)}</td>
          <td
            class={endpoint.fresh ? '' : 'old'}
            title={endpoint.fresh ? '' : 'nobody called it in the last interval'}
          >
            {estimate(endpoint)}
          </td>
          <td class={(endpoint.errorShare ?? 0) > 0 ? 'bad' : ''}>
            {endpoint.errorShare === null ? nothing : failures(endpoint.errorShare)}
          </td>
          <td class="wide">{endpoint.active}</td>
          <td class="wide">{endpoint.requests}</td>
          <td class={stateClass[endpoint.state]}>{stateOf(endpoint)}</td>
        </tr>
      ))}
    </Table>
  );
}

const stateClass: Readonly<Record<EndpointView['state'], string>> = {
  gone: 'bad',
  ejected: 'bad',
  unhealthy: 'bad',
  failing: 'bad',
  'in use': '',
  idle: 'old',
};

function estimate({ costMinMs, costMaxMs, fresh, state }: EndpointView): string {
  if (costMinMs === null || costMaxMs === null || state === 'gone') return nothing;
  const [low, high] = [milliseconds(costMinMs), milliseconds(costMaxMs)];
  const shown = low === high ? low : `${low} … ${high}`;
  return fresh ? shown : `${shown}, old`;
}

function stateOf({ state, ejectedBy, callers, unhealthyFor, goneSeconds }: EndpointView): string {
  if (state === 'gone') return `gone for ${age(goneSeconds)}`;
  if (state === 'ejected') return `ejected by ${ejectedBy} of ${callers}`;
  if (state === 'unhealthy') return `unhealthy for ${unhealthyFor}`;
  return state;
}

const proxyHeads = ['proxy', '~role', '~version', '~age', 'configuration', 'data'] as const;

export function Proxies({ proxies }: { readonly proxies: readonly ProxyView[] }) {
  return (
    <Table name="Proxies" heads={proxyHeads}>
      {proxies.map((proxy) => (
        <tr key={proxy.node}>
          <td>{proxy.node.slice(proxy.node.indexOf('~') + 1)}</td>
          <td class="wide">{proxy.role}</td>
          <td class="mono wide">{proxy.version === '' ? nothing : proxy.version.slice(0, 8)}</td>
          <td class="wide">{age(proxy.ageSeconds)}</td>
          <td class={`long ${proxy.sync === 'in sync' ? '' : 'bad'}`} title={proxy.nack ?? ''}>
            {proxy.nack === null ? proxy.sync : `NACK: ${proxy.nack}`}
          </td>
          <td class={proxy.data === 'read' ? '' : 'warn'}>{proxy.data}</td>
        </tr>
      ))}
    </Table>
  );
}

export function Issues({ issues }: { readonly issues: ConsoleState['issues'] }) {
  if (issues.length === 0) return null;
  return (
    <Table name="Faults in the configuration" heads={['object', 'what is wrong']}>
      {issues.map(({ object, text }) => (
        <tr key={object + text}>
          <td class="long">{object}</td>
          <td class="long bad">{text}</td>
        </tr>
      ))}
    </Table>
  );
}

interface TableProps {
  readonly name: string;
  readonly heads: readonly string[];
  readonly children: ComponentChildren;
}

function Table({ name, heads, children }: TableProps) {
  return (
    <section>
      <h2>{name}</h2>
      <table aria-label={name}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} class={head.startsWith('~') ? 'wide' : ''}>
                {head.replace('~', '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
