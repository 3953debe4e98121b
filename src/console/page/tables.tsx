// The tables: services with their golden signals, endpoints with latency estimate and ejection, proxies with configuration and NACKs.

import type { ComponentChildren } from 'preact';
import type { ConsoleState, EndpointView, ProxyView, ServiceView } from '../view.ts';
import { age, milliseconds, nothing, rate, share, shortName } from './format.ts';

interface ServicesProps {
  readonly services: readonly ServiceView[];
  readonly selected: string | null;
  readonly select: (service: string) => void;
}

export function Services({ services, selected, select }: ServicesProps) {
  return (
    <Table name="Services" heads={['service', 'req/s', 'success', 'p50', 'p99', 'retries/s', 'endpoints']}>
      {services.map(({ name, golden, endpoints, usable }) => (
        <tr key={name} class={selected === name ? 'selected' : ''} onClick={() => select(name)}>
          <td>{shortName(name)}</td>
          <td>{rate(golden.requestsPerSecond)}</td>
          <td class={(golden.successShare ?? 1) < 0.999 ? 'bad' : ''}>{share(golden.successShare)}</td>
          <td>{milliseconds(golden.p50Ms)}</td>
          <td>{milliseconds(golden.p99Ms)}</td>
          <td class={golden.retriesPerSecond > 0 ? 'warn' : ''}>{rate(golden.retriesPerSecond)}</td>
          <td class={usable < endpoints ? 'warn' : ''}>
            {usable}/{endpoints}
          </td>
        </tr>
      ))}
    </Table>
  );
}

export function Endpoints({ endpoints }: { readonly endpoints: readonly EndpointView[] }) {
  return (
    <Table
      name="Endpoints"
      heads={['endpoint', 'service', 'latency estimate', 'in flight', 'requests', 'state']}
    >
      {endpoints.map((endpoint) => (
        <tr key={`${endpoint.service} ${endpoint.address}`}>
          <td title={endpoint.address}>{endpoint.name === '' ? endpoint.address : endpoint.name}</td>
          <td>{shortName(endpoint.service)}</td>
          <td>{estimate(endpoint)}</td>
          <td>{endpoint.active}</td>
          <td>{endpoint.requests}</td>
          <td class={endpoint.ejectedBy > 0 || !endpoint.healthy ? 'bad' : ''}>{stateOf(endpoint)}</td>
        </tr>
      ))}
    </Table>
  );
}

function estimate({ costMinMs, costMaxMs }: EndpointView): string {
  if (costMinMs === null || costMaxMs === null) return nothing;
  const [low, high] = [milliseconds(costMinMs), milliseconds(costMaxMs)];
  return low === high ? low : `${low} … ${high}`;
}

function stateOf({ ejectedBy, callers, healthy }: EndpointView): string {
  if (ejectedBy > 0) return `ejected by ${ejectedBy} of ${callers}`;
  return healthy ? 'in use' : 'not healthy';
}

export function Proxies({ proxies }: { readonly proxies: readonly ProxyView[] }) {
  return (
    <Table name="Proxies" heads={['proxy', 'role', 'version', 'age', 'state']}>
      {proxies.map((proxy) => (
        <tr key={proxy.node}>
          <td>{proxy.node.slice(proxy.node.indexOf('~') + 1)}</td>
          <td>{proxy.role}</td>
          <td class="mono">{proxy.version === '' ? nothing : proxy.version.slice(0, 8)}</td>
          <td>{age(proxy.ageSeconds)}</td>
          <td class={proxy.nack !== null || !proxy.connected ? 'bad' : ''} title={proxy.nack ?? ''}>
            {proxy.nack !== null ? `NACK: ${proxy.nack}` : proxy.connected ? 'in sync' : 'not connected'}
          </td>
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
          <td>{object}</td>
          <td class="bad">{text}</td>
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
              <th key={head}>{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
